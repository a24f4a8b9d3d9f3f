"""The app's repository: read at a commit, changed one pushed commit at a time, safe to kill.

All work is done in a private bare copy (`git_copy`). The push is the one effect: before it nothing
that can be seen has moved, after it the commit is on the remote. So there is nothing to finish
after a kill, and whatever an operator's clone looks like is no hindrance.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handrail.clients.errors import ClientError
from handrail.clients.fields import read_fields, read_text
from handrail.clients.git_change import Files, commit_tree, difference, trailer_lines, tree_with
from handrail.clients.git_objects import must
from handrail.clients.git_process import git
from handrail.clients.git_remote import Remote
from handrail.clients.git_snapshot import Snapshot
from handrail.clients.git_undo import tree_without

REVERTS_TRAILER = "Runbook-Reverts"
RECENT_SECONDS = 3.0  # that the branch's head serves which a look found
TRIES = 5  # how often the branch may move while a commit is made for it

Edit = Callable[[Snapshot], Files]
"""Makes a change of what is there; asked again where the branch has moved meanwhile."""


@dataclass(frozen=True)
class Repository(Remote):
    """The branch of a remote that runbooks read and push to."""

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Read ``{"path", "remote", "branch"}``, or ``{"remote", "branch"}`` with an address.

        A relative path starts where the run starts.

        Raises:
            ClientError: a key is missing or unknown, or a value is not text.
        """
        if isinstance(value, cls):
            return value
        alone = isinstance(value, Mapping) and "path" not in value
        names = ("remote", "branch") if alone else ("path", "remote", "branch")
        given = {
            name: read_text(each, "the repository", name)
            for name, each in read_fields(value, "the repository", names).items()
        }
        path = Path(given.get("path", "/")).expanduser().absolute()
        return cls(path, given["remote"], given["branch"])

    def head(self) -> str:
        """Return the sha that the branch has on the remote; it is here afterwards.

        The clauses of one step look it up several times: within an attempt, one look serves for
        moments, until something is pushed.

        Raises:
            ClientError: the remote could not be asked, or has no such branch.
        """
        found = self._recent_head()
        if found is None:
            raise ClientError(
                f"branch `{self.branch}` was not found",
                f"the remote `{self.shown}` has none of that name",
                "correct `repository` in the inventory",
            )
        self.bring(found)
        return found

    def _recent_head(self) -> str | None:
        seen, now = self.seen, time.monotonic()
        for each in seen.recall(self.branch, now) or ():
            return str(each["sha"])
        found = self.branch_head(self.branch)
        if found is not None:
            seen.keep(self.branch, [{"sha": found}], now + RECENT_SECONDS)
        return found

    def at(self, commit: str = "") -> Snapshot:
        """Return what the branch holds on the remote now, or what a commit of it holds.

        Args:
            commit: A sha in full, fetched where it is not here yet.

        Raises:
            ClientError: there is no such commit, or the remote could not be asked.
        """
        if commit:
            self.bring(commit)
        clone = self.path if (self.path / ".git").exists() else None
        return Snapshot(self.copy, commit or self.head(), clone)

    def tree_id(self, commit: str, path: str = "") -> str | None:
        """Return what identifies the content of a path at a commit; None when it is not there.

        Args:
            commit: Its sha.
            path: File or directory, links followed; the whole tree when empty.

        Raises:
            ClientError: there is no such commit.
        """
        snapshot = self.at(commit)
        if not path:
            return snapshot.tree
        found = snapshot.find(path)
        return found.sha if found else None

    def commit_files(self, files: Files | Edit, message: str, trailers: Mapping[str, str]) -> str:
        """Write files, commit exactly these on top of the remote's branch, and push.

        Where nothing would change, the newest commit with these trailers is returned, or the head
        when there is none.

        Args:
            files: Content by path, None removes the file; or what makes that of a snapshot.
            message: Subject, and a body after an empty line.
            trailers: ``Runbook-Task`` among them.

        Returns:
            The sha of the commit.

        Raises:
            ClientError: a file cannot be written, git failed, or the push was refused.
            ValueError: ``Runbook-Task`` is missing.
        """

        def written(base: Snapshot) -> str:
            return tree_with(base, files(base) if callable(files) else files)

        return self._carry(written, message, trailers)

    def difference(self, files: Files | Edit) -> str:
        """Return what `commit_files` would alter, for a person to read.

        Raises:
            ClientError: as `commit_files`.
        """
        base = self.at()
        return difference(base, files(base) if callable(files) else files)

    def revert(self, sha: str, message: str, trailers: Mapping[str, str]) -> str:
        """Commit the reverse of an earlier commit and push; return the new commit.

        Where it is reverted already, as for `commit_files`.

        Raises:
            ClientError: later commits changed the same lines, the commit is not on the branch, or
                as `commit_files`.
            ValueError: ``Runbook-Task`` is missing.
        """

        def taken_back(base: Snapshot) -> str:
            if git(self.copy, "merge-base", "--is-ancestor", sha, base.commit).code != 0:
                raise ClientError(
                    f"commit `{sha[:12]}` could not be reverted",
                    f"it is not on branch `{self.branch}`",
                    f"see `git -C {self.path} branch --all --contains {sha[:12]}`",
                )
            what = f"commit `{sha[:12]}` could not be reverted"
            parent = must(self.copy, what, "rev-parse", "--verify", f"{sha}^1").strip()
            made, before = Snapshot(self.copy, sha), Snapshot(self.copy, parent)
            return tree_without(base, made, before, str(self.path))

        return self._carry(taken_back, message, {**trailers, REVERTS_TRAILER: sha})

    def find_commit(self, trailers: Mapping[str, str]) -> str | None:
        """Return the newest commit of the branch that carries all of these trailers, or None.

        A revert carries its task too; it is found only where ``Runbook-Reverts`` is asked for.

        Raises:
            ClientError: the branch could not be read.
        """
        return next(iter(self.find_commits(trailers)), None)

    def find_commits(self, trailers: Mapping[str, str], head: str = "") -> list[str]:
        """Return the commits of the branch that carry all of these trailers, newest first.

        Args:
            trailers: As for `find_commit`.
            head: Where to begin; the remote's branch when empty.

        Raises:
            ClientError: the branch could not be read.
        """
        wanted = set(trailer_lines(trailers))
        patterns = [f"--grep={line}" for line in sorted(wanted)]
        found = self._log(head or self.head(), "--fixed-strings", "--all-match", *patterns)
        return [sha for sha, carried in found if _are_asked_for(carried, wanted)]

    def _log(self, head: str, *options: str) -> Iterator[tuple[str, set[str]]]:
        """Yield commits, newest first: the sha, and the trailers as lines."""
        shape = "--format=%H%x1f%(trailers:only=true,unfold=true)%x1e"
        what = f"commits of `{self.branch}` could not be listed"
        listed = must(self.copy, what, "log", *options, shape, head)
        for record in filter(None, map(str.strip, listed.split("\x1e"))):
            sha, _, lines = record.partition("\x1f")
            yield sha, set(lines.splitlines())

    def local_branch(self, name: str) -> str | None:
        """Return the sha of a branch of the operator's own clone, or None."""
        if not (self.path / ".git").exists():
            return None
        found = git(self.path, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}")
        return found.text.strip() if found.code == 0 else None

    def delete_local_branch(self, name: str) -> None:
        """Delete a branch of the operator's own clone, which an older handrail made there.

        Raises:
            ClientError: git failed.
        """
        if self.local_branch(name):
            what = f"branch `{name}` could not be deleted in `{self.path}`"
            must(self.path, what, "branch", "-D", "--quiet", name)

    def _carry(
        self, make: Callable[[Snapshot], str], message: str, trailers: Mapping[str, str]
    ) -> str:
        """Commit a tree on top of the remote's branch and push; again where it moved meanwhile."""
        author = self.clone.author()
        tries = TRIES
        while True:
            base, tries = self.at(), tries - 1
            tree = make(base)
            if tree == base.tree:
                return next(iter(self.find_commits(trailers, base.commit)), base.commit)
            commit = commit_tree(base, tree, message, trailers, author)
            if self._is_pushed(commit, base.commit, last=not tries):
                return commit

    def _is_pushed(self, commit: str, base: str, *, last: bool) -> bool:
        """Push a commit; tell whether it is on the branch, or else the branch has moved.

        Raises:
            ClientError: the branch stands where it stood, or this was the last try.
        """
        what = f"the commit could not be pushed to `{self.shown}/{self.branch}`"
        try:
            self.push(what, f"{commit}:refs/heads/{self.branch}")
        except ClientError:
            there = self.branch_head(self.branch)
            if there != commit and (there == base or last):
                raise
            return there == commit
        return True


def _are_asked_for(carried: set[str], wanted: set[str]) -> bool:
    """Tell whether a commit's trailers are wanted; those of a revert only where one is wanted."""
    return wanted <= carried and _are_of_revert(carried) == _are_of_revert(wanted)


def _are_of_revert(lines: set[str]) -> bool:
    return any(line.startswith(f"{REVERTS_TRAILER}: ") for line in lines)
