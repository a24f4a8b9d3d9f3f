"""The remote of a repository: its address, its branches, and the words for what goes wrong."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.clients.git_clone import Clone, clone_at
from handrail.clients.git_copy import copy_of, holds_object
from handrail.clients.git_credentials import IS_ADDRESS, USERINFO
from handrail.clients.git_objects import must
from handrail.clients.git_process import NETWORK_TIMEOUT_SECONDS, Output, git
from handrail.clients.memory import MEMORIES, Memory

# What git prints when it cannot work with a remote, under LC_ALL=C.
FAULTS = (
    (r"is corrupt|object file .* is empty|inflate: data stream error", "the copy here is damaged",
     "`rm -r {copy}`, which is a copy and is made anew, then the same command again"),
    (r"authentication failed|could not read (username|password)|permission denied|403",
     "the credentials are refused",
     "log in as git does (an SSH key in the agent, or a credential helper), then the same command"),
    (r"fetch first|non-fast-forward|stale info", "the remote branch has moved",
     "the same command again"),
    (r"directory file conflict|exists; cannot create 'refs/",
     "a branch there has a name that is the beginning of this one, or the other way round",
     "choose another name, or delete that branch"),
    (r"remote rejected|protected branch|declined", "the remote does not allow this push",
     "allow it in the repository's branch rules, or push by hand"),
    (r"does not appear to be a git repository|repository .*not found|no such remote",
     "there is no such remote repository", "see `git -C {path} remote -v`"),
    (r"could not resolve|unable to access|could not read from remote|connection|timed out",
     "the remote cannot be reached", "see `git ls-remote {remote}` in {path}"),
)  # fmt: skip
TIMEOUTS_SECONDS = {"fetch": 1800.0}  # the first one brings the whole history of the repository
HERE = ("--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--quiet")


@dataclass(frozen=True)
class Remote:
    """A remote repository, by way of an operator's clone that says where it is.

    Args:
        path: Top folder of the clone; nothing in it is read but its configuration and branches.
        remote: Name of the remote; or its address, and then no clone is needed.
        branch: Branch that is read and pushed to.
    """

    path: Path
    remote: str
    branch: str

    @property
    def shown(self) -> str:
        """Return the remote as it may be shown: an address without its credentials."""
        return USERINFO.sub("", self.remote)

    @cached_property
    def copy(self) -> Path:
        """Return the private copy; nothing is fetched into it by asking."""
        return copy_of(self._address("url"), self._object_length)

    @property
    def seen(self) -> Memory:
        """Return what was seen on the remote a moment ago; nothing after a push."""
        return MEMORIES.of("git", self._address("url"))

    def branch_head(self, name: str) -> str | None:
        """Return the sha of a branch on the remote, or None when there is none of that name.

        Args:
            name: Without ``refs/heads/``.

        Raises:
            ClientError: the remote could not be asked.
        """
        ref = f"refs/heads/{name}"
        what = f"branch `{name}` could not be looked up on `{self.shown}`"
        listed = self._ask(what, "ls-remote", "--heads", "--", self._address("url"), ref)
        lines = [line.split("\t") for line in listed.splitlines()]
        # The pattern of ls-remote matches the end of a name, so `x` finds `feature/x` too.
        return next((sha for sha, found in lines if found == ref), None)

    def branch_exists(self, name: str) -> bool:
        """Whether the remote has a branch of this name.

        Raises:
            ClientError: the remote could not be asked.
        """
        return self.branch_head(name) is not None

    def create_branch(self, name: str, commit: str) -> None:
        """Make a branch of the remote at a commit; one that is there already is kept.

        Raises:
            ClientError: it exists at another commit, or the remote refused.
        """
        what = f"branch `{name}` could not be created"
        must(self.copy, what, "check-ref-format", "--branch", name)
        self.bring(commit)
        there = self.branch_head(name)
        if there not in (None, commit):
            raise ClientError(
                what,
                f"it exists on `{self.shown}` at `{str(there)[:12]}`, not `{commit[:12]}`",
                f"choose another name, or see `git -C {self.path} log {there}`",
            )
        if there is None:
            self.push(what, f"{commit}:refs/heads/{name}")

    def delete_branch(self, name: str) -> None:
        """Delete a branch of the remote; one that is gone already is no error.

        Raises:
            ClientError: it is the branch that is worked on, or the remote refused.
        """
        what = f"branch `{name}` could not be deleted"
        if name == self.branch:
            fix = "name another branch in the runbook"
            raise ClientError(what, "the runbook works on it", fix)
        if self.branch_exists(name):
            self.push(what, f":refs/heads/{name}")

    def bring(self, commit: str) -> None:
        """Let a commit and its history arrive in the copy.

        Raises:
            ClientError: the remote does not have it, or could not be asked.
        """
        if holds_object(self.copy, commit):
            return
        what = f"commit `{commit[:12]}` could not be fetched"
        address = self._address("url")
        for wanted in (f"refs/heads/{self.branch}", commit):
            self._ask(what, "fetch", *HERE, address, wanted)
            if holds_object(self.copy, commit):
                # Only so that the next fetch asks for what is new; nothing depends on it.
                git(self.copy, "update-ref", f"refs/fetched/{commit}", commit)
                return
        raise ClientError(what, f"`{self.shown}` gave others", "the same command again")

    def push(self, what: str, change: str, *options: str) -> None:
        """Push one ref, and nothing else.

        Args:
            what: What could not be done where it fails.
            change: The refspec.
            options: ``--dry-run``, to ask the remote in earnest and send it no commit.

        Raises:
            ClientError: the remote refused, or could not be reached.
        """
        alone = ("--quiet", "--no-follow-tags", "--recurse-submodules=no", "--no-signed")
        address = self._address("pushurl") or self._address("url")
        try:
            self._ask(what, "push", *options, *alone, address, change)
        finally:
            self.seen.forget()

    @property
    def clone(self) -> Clone:
        """Return what the operator's clone says of itself."""
        return clone_at(self.path)

    def _address(self, kind: str) -> str:
        """Return where the remote is, or nothing where it has no address of that kind."""
        if IS_ADDRESS.search(self.remote):
            return self.remote if kind == "url" else ""
        found = self.clone.fit.value(f"remote.{self.remote}.{kind}")
        if not found and kind == "url":
            raise ClientError(
                f"`{self.path}` is not ready",
                f"it has no remote `{self.shown}`",
                f"see `git -C {self.path} remote -v`, and correct `remote` in the inventory",
            )
        return self._absolute(found) if found else ""

    def _absolute(self, place: str) -> str:
        """Return where a remote is; a path in a clone's settings starts at that clone."""
        return place if IS_ADDRESS.search(place) else str((self.path / place).resolve())

    def _object_length(self) -> int:
        what = "the remote could not be asked"
        listed = self._ask(what, "ls-remote", "--heads", "--", self._address("url"))
        return len(listed.partition("\t")[0])

    def _ask(self, what: str, *arguments: str) -> str:
        here = arguments[0] == "ls-remote"  # the copy may not be there yet
        alone = here or IS_ADDRESS.search(self.remote)
        place, settings = self.path if here else self.copy, [] if alone else self.clone.reaching()
        seconds = TIMEOUTS_SECONDS.get(arguments[0], NETWORK_TIMEOUT_SECONDS)
        found = git(place, *arguments, settings=settings, timeout_seconds=seconds)
        if found.code != 0:
            raise self._fault(what, found)
        return found.text

    def _known_copy(self) -> str:
        """Return the copy where there is one already, for words about it."""
        return str(self.__dict__.get("copy", ""))

    def _fault(self, what: str, found: Output) -> ClientError:
        words = {
            "path": self.path,
            "copy": self._known_copy(),
            "remote": self.shown,
            "branch": self.branch,
        }
        for pattern, why, fix in FAULTS:
            if re.search(pattern, found.error, re.IGNORECASE):
                return ClientError(what, f"{why}: {found.error}", fix.format(**words))
        why = found.error or f"git exited with {found.code}"
        return ClientError(what, why, f"see `git -C {self.path} ls-remote {self.shown}`")
