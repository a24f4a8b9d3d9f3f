"""Branches of a clone and of its remote, and the way between the two."""

import re
from dataclasses import dataclass
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.clients.git_objects import OUR_TRAILER, must
from handrail.clients.git_process import NETWORK_TIMEOUT_SECONDS, Output, git

# What git prints when it cannot work with a remote, under LC_ALL=C.
FAULTS = (
    (r"authentication failed|could not read (username|password)|permission denied|403",
     "the credentials are refused",
     "log in as git does (an SSH key in the agent, or a credential helper), then the same command"),
    (r"fetch first|non-fast-forward|stale info", "the remote branch has moved",
     "git -C {path} pull --rebase {remote} {branch}, then the same command again"),
    (r"remote rejected|protected branch|declined", "the remote does not allow this push",
     "allow it in the repository's branch rules, or push by hand"),
    (r"does not appear to be a git repository|repository .*not found|no such remote",
     "there is no such remote repository", "see `git -C {path} remote -v`"),
    (r"could not resolve|unable to access|could not read from remote|connection|timed out",
     "the remote cannot be reached", "see `git -C {path} ls-remote {remote}`"),
)  # fmt: skip


@dataclass(frozen=True)
class Clone:
    """A clone, and its ties to its remote: ask for, make and delete branches; fetch and push.

    Args:
        path: Top directory of the clone.
        remote: Name of the remote.
        branch: Branch that is checked out, read and pushed.
    """

    path: Path
    remote: str
    branch: str

    def branch_head(self, name: str, *, remote: bool = True) -> str | None:
        """Return the sha of a branch, or None when there is none of that name.

        Args:
            name: Without ``refs/heads/``.
            remote: Ask the remote itself, not what was last fetched from it.

        Raises:
            ClientError: the remote could not be asked.
        """
        ref = f"refs/heads/{name}"
        if not remote:
            found = git(self.path, "rev-parse", "--verify", "--quiet", ref)
            return found.text.strip() if found.code == 0 else None
        what = f"branch `{name}` could not be looked up on `{self.remote}`"
        listed = self._network(what, "ls-remote", "--heads", "--", self.remote, ref)
        lines = [line.split("\t") for line in listed.splitlines()]
        # The pattern of ls-remote matches the end of a name, so `x` finds `feature/x` too.
        return next((sha for sha, found in lines if found == ref), None)

    def branch_exists(self, name: str, *, remote: bool = True) -> bool:
        """Whether there is a branch of this name.

        Raises:
            ClientError: the remote could not be asked.
        """
        return self.branch_head(name, remote=remote) is not None

    def create_branch(self, name: str, commit: str, *, push: bool = True) -> None:
        """Make a branch at a commit, here and on the remote; one that is there already is kept.

        Raises:
            ClientError: it exists at another commit, or git failed.
        """
        what = f"branch `{name}` could not be created"
        self.must(what, "check-ref-format", "--branch", name)
        sha = self.must(what, "rev-parse", "--verify", f"{commit}^{{commit}}").strip()
        places = [False, True] if push else [False]
        for remote in places:
            there = self.branch_head(name, remote=remote)
            if there not in (None, sha):
                place = f"on `{self.remote}`" if remote else "in the clone"
                raise ClientError(
                    what,
                    f"it exists {place} at `{there[:12] if there else ''}`, not `{sha[:12]}`",
                    f"choose another name, or see `git -C {self.path} log {there}`",
                )
        if self.branch_head(name, remote=False) is None:
            self.must(what, "branch", "--no-track", name, sha)
        if push and self.branch_head(name) is None:
            refs = f"{sha}:refs/heads/{name}"
            self._network(what, "push", "--quiet", self.remote, refs)

    def delete_branch(self, name: str, *, remote: bool = True) -> None:
        """Delete a branch here and on the remote; one that is gone already is no error.

        Raises:
            ClientError: it is the branch that is worked on, or git failed.
        """
        what = f"branch `{name}` could not be deleted"
        if name == self.branch:
            fix = "name another branch in the runbook"
            raise ClientError(what, "the runbook works on it", fix)
        if remote and self.branch_exists(name):
            self._network(what, "push", "--quiet", self.remote, f":refs/heads/{name}")
        if self.branch_exists(name, remote=False):
            self.must(what, "branch", "-D", "--quiet", name)

    def must(self, what: str, *arguments: str) -> str:
        """Run git in the clone and return its output.

        Raises:
            ClientError: it failed.
        """
        return must(self.path, what, *arguments)

    def _ahead(self) -> int:
        """Fetch, and return how many commits wait to be pushed; refuse any that is not ours."""
        what = f"`{self.path}` is not ready"
        theirs = f"refs/remotes/{self.remote}/{self.branch}"
        source = f"+refs/heads/{self.branch}:{theirs}"
        self._network(what, "fetch", "--quiet", "--no-tags", self.remote, source)
        ours = f"refs/heads/{self.branch}"
        counted = self.must(what, "rev-list", "--left-right", "--count", f"{ours}...{theirs}")
        ahead, behind = (int(number) for number in counted.split())
        if behind and ahead:
            raise ClientError(
                what,
                f"`{self.branch}` and `{self.remote}/{self.branch}` have diverged: "
                f"{ahead} commits here, {behind} there",
                f"git -C {self.path} pull --rebase {self.remote} {self.branch}",
            )
        if behind:
            raise ClientError(
                what,
                f"`{self.branch}` is {behind} commits behind `{self.remote}/{self.branch}`",
                f"git -C {self.path} pull --ff-only {self.remote} {self.branch}",
            )
        shape = f"--format=%H %(trailers:key={OUR_TRAILER},valueonly,separator=%x2C)"
        listed = self.must(what, "log", shape, f"{theirs}..{ours}")
        foreign = [line.split()[0] for line in listed.splitlines() if len(line.split()) == 1]
        if foreign:
            raise ClientError(
                what,
                f"commit `{foreign[-1][:12]}` is not pushed and was made by no runbook",
                f"git -C {self.path} push {self.remote} {self.branch}",
            )
        return ahead

    def _push(self) -> None:
        what = f"the commit could not be pushed to `{self.remote}/{self.branch}`"
        ref = f"refs/heads/{self.branch}"
        self._network(what, "push", "--quiet", self.remote, f"{ref}:{ref}")

    def _network(self, what: str, *arguments: str) -> str:
        found = git(self.path, *arguments, timeout_seconds=NETWORK_TIMEOUT_SECONDS)
        if found.code != 0:
            raise self._fault(what, found)
        return found.text

    def _fault(self, what: str, found: Output) -> ClientError:
        words = {"path": self.path, "remote": self.remote, "branch": self.branch}
        for pattern, why, fix in FAULTS:
            if re.search(pattern, found.error, re.IGNORECASE):
                return ClientError(what, f"{why}: {found.error}", fix.format(**words))
        why = found.error or f"git exited with {found.code}"
        return ClientError(what, why, f"see `git -C {self.path} ls-remote {self.remote}`")
