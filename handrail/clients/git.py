"""A working clone: read at a commit, changed one pushed commit at a time, safe to kill."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handrail.clients.errors import ClientError
from handrail.clients.fields import read_fields, read_text
from handrail.clients.git_branches import Clone
from handrail.clients.git_objects import (
    checked,
    commit_tree,
    entry,
    git_directory,
    tree_with,
    tree_without,
)
from handrail.clients.git_pending import Pending
from handrail.clients.git_process import git

REVERTS_TRAILER = "Runbook-Reverts"
# A merge, rebase or the like that someone began and did not end leaves one of these.
UNFINISHED = ("MERGE_HEAD", "REVERT_HEAD", "CHERRY_PICK_HEAD", "rebase-merge", "rebase-apply")


@dataclass(frozen=True)
class Repository(Clone):
    """A clone that runbooks work in, and the branch of its remote they push to."""

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Read ``{"path", "remote", "branch"}``; a relative path starts where the run starts.

        Raises:
            ClientError: a key is missing or unknown, or a value is not text.
        """
        if isinstance(value, cls):
            return value
        names = ("path", "remote", "branch")
        given = {
            name: read_text(each, "the repository", name)
            for name, each in read_fields(value, "the repository", names).items()
        }
        path = Path(given["path"]).expanduser().absolute()
        return cls(path, given["remote"], given["branch"])

    def refuse_unready(self) -> None:
        """Refuse a clone in which a commit of ours would carry, lose or meet another's work.

        Fetches. What a killed `commit_files` or `revert` left behind is no hindrance.

        Raises:
            ClientError: not a repository, another branch, changed files, behind, diverged, or
                unpushed commits that no runbook made; with the command that puts it right.
        """
        self._refuse_unfit()
        self._refuse_changed(self._changed())
        self._ahead()

    def head(self) -> str:
        """Return the sha of the branch.

        Raises:
            ClientError: no repository, or no such branch.
        """
        what = f"branch `{self.branch}` could not be read"
        return self.must(what, "rev-parse", "--verify", f"refs/heads/{self.branch}").strip()

    def tree_id(self, commit: str, path: str = "") -> str | None:
        """Return what identifies the content of a path at a commit; None when it is not there.

        Args:
            commit: Sha, branch or ``HEAD``.
            path: File or directory; the whole tree when empty.

        Raises:
            ClientError: there is no such commit.
        """
        if path:
            found = entry(self.path, commit, path)
            return found[2] if found else None
        what = f"commit `{commit}` could not be read"
        return self.must(what, "rev-parse", "--verify", f"{commit}^{{tree}}").strip()

    def read(self, path: str, commit: str = "HEAD") -> str | None:
        """Return the text of a committed file, or None when it is not there.

        Raises:
            ClientError: no such commit, a directory, or not UTF-8.
        """
        found = entry(self.path, commit, path)
        if found is None:
            return None
        what = f"`{path}` could not be read at `{commit}`"
        fix = f"see `git -C {self.path} ls-tree {commit} {path}`"
        if found[1] != "blob":
            raise ClientError(what, "it is a directory", fix)
        text = self.must(what, "cat-file", "blob", found[2])
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ClientError(what, "it is not UTF-8 text", fix) from None
        return text

    def list_files(self, path: str = "", commit: str = "HEAD") -> list[str]:
        """Return the committed files below a path, sorted; empty when there are none.

        Raises:
            ClientError: there is no such commit.
        """
        what = f"files of `{path or '.'}` could not be listed at `{commit}`"
        below = ("--", checked(path)) if path else ()
        listed = self.must(what, "ls-tree", "-r", "-z", "--name-only", commit, *below)
        return sorted(name for name in listed.split("\0") if name)

    def commit_files(
        self, files: Mapping[str, str | None], message: str, trailers: Mapping[str, str]
    ) -> str:
        """Write files, commit exactly these and push; return the commit.

        Where nothing would change, a commit that was made and not pushed is pushed, and the
        newest commit with these trailers is returned, or the head when there is none.

        Args:
            files: Text by path; None removes the file.
            message: Subject, and a body after an empty line.
            trailers: ``Runbook-Task`` among them.

        Raises:
            ClientError: the clone is not ready, git failed, or the push was refused.
            ValueError: ``Runbook-Task`` is missing.
        """
        ahead, base = self._made_ready()
        tree = tree_with(self.path, base, files)
        return self._carry(base, tree, message, trailers, ahead=ahead)

    def revert(self, sha: str, message: str, trailers: Mapping[str, str]) -> str:
        """Commit the reverse of an earlier commit and push; return the new commit.

        Where it is reverted already, as for `commit_files`.

        Raises:
            ClientError: later commits changed the same lines (the work tree stays as it was),
                the commit is not on the branch, or as `commit_files`.
            ValueError: ``Runbook-Task`` is missing.
        """
        ahead, base = self._made_ready()
        if git(self.path, "merge-base", "--is-ancestor", sha, base).code != 0:
            raise ClientError(
                f"commit `{sha[:12]}` could not be reverted",
                f"it is not on branch `{self.branch}`",
                f"see `git -C {self.path} branch --contains {sha[:12]}`",
            )
        tree = tree_without(self.path, base, sha)
        return self._carry(base, tree, message, {**trailers, REVERTS_TRAILER: sha}, ahead=ahead)

    def find_commit(self, trailers: Mapping[str, str]) -> str | None:
        """Return the newest commit of the branch that carries all of these trailers, or None.

        A revert carries its task too; it is found only where ``Runbook-Reverts`` is asked for.

        Raises:
            ClientError: the branch could not be read.
        """
        wanted = {f"{key}: {value}" for key, value in trailers.items()}
        patterns = [f"--grep={line}" for line in sorted(wanted)]
        shape = "--format=%H%x1f%(trailers:only=true,unfold=true)%x1e"
        listed = self.must(
            f"commits of `{self.branch}` could not be listed",
            *(
                "log",
                "--fixed-strings",
                "--all-match",
                *patterns,
                shape,
                f"refs/heads/{self.branch}",
            ),
        )
        for record in listed.split("\x1e"):
            sha, _, lines = record.strip().partition("\x1f")
            found = set(lines.splitlines())
            is_revert = any(line.startswith(f"{REVERTS_TRAILER}: ") for line in found)
            if sha and wanted <= found and (not is_revert or REVERTS_TRAILER in trailers):
                return sha
        return None

    def _made_ready(self) -> tuple[int, str]:
        """Finish what a killed change left, and return the unpushed commits and the head."""
        self._refuse_unfit()
        pending = Pending.load(git_directory(self.path))
        if pending is not None:
            self._refuse_changed([path for path in self._changed() if path in pending.paths])
            pending.finish(self.path, git_directory(self.path))
        return self._ahead(), self.head()

    def _carry(
        self, base: str, tree: str, message: str, trailers: Mapping[str, str], *, ahead: int
    ) -> str:
        if tree == self.tree_id(base):
            if ahead:
                self._push()
            return self.find_commit(trailers) or base
        commit = commit_tree(self.path, tree, base, message, trailers)
        what = "the commit could not be put on the branch"
        listed = self.must(what, "diff", "--name-only", "--no-renames", "-z", base, commit)
        pending = Pending(base, commit, tuple(path for path in listed.split("\0") if path))
        changed = set(self._changed())
        self._refuse_changed([path for path in pending.paths if self._in_the_way(path, changed)])
        # The branch moves in one stroke; until then nothing that can be seen has changed, and
        # from then on the note says which files of the work tree still lag behind.
        pending.save(git_directory(self.path))
        self.must(what, "update-ref", f"refs/heads/{self.branch}", commit, base)
        pending.finish(self.path, git_directory(self.path))
        self._push()
        return commit

    def _refuse_unfit(self) -> None:
        """Refuse what is no clone of ours to work in, whatever its files are."""
        what = f"`{self.path}` is not ready"
        found = git(self.path, "rev-parse", "--show-toplevel")
        if "dubious ownership" in found.error:
            fix = f"git config --global --add safe.directory {self.path}"
            raise ClientError(what, "it belongs to another user, so git does not touch it", fix)
        if found.code != 0:
            fix = f"`git clone URL {self.path}`, or correct `path` in the inventory"
            raise ClientError(what, "it is not a git repository", fix)
        top = Path(found.text.rstrip("\n"))
        if top.resolve() != self.path.resolve():
            fix = f"write `{top}` as `path` in the inventory, if that is the one"
            raise ClientError(what, "it lies inside a repository and is not its top", fix)
        names = [name for name in UNFINISHED if (git_directory(self.path) / name).exists()]
        if names:
            fix = f"see `git -C {self.path} status`; end or abort what was begun"
            raise ClientError(what, f"`{names[0]}` says that a merge or rebase is not ended", fix)
        current = git(self.path, "symbolic-ref", "--quiet", "--short", "HEAD").text.strip()
        if current != self.branch:
            where = f"branch `{current}`" if current else "no branch"
            why = f"it is on {where}, and the runbook works on `{self.branch}`"
            raise ClientError(what, why, f"git -C {self.path} switch {self.branch}")

    def _changed(self) -> list[str]:
        """Return the paths that differ from the commit, in the index or on disk, untracked too."""
        what = f"changes in `{self.path}` could not be listed"
        arguments = ("status", "--porcelain=v1", "--no-renames", "--untracked-files=all", "-z")
        listed = self.must(what, *arguments)
        return [line[3:] for line in listed.split("\0") if line]

    def _in_the_way(self, path: str, changed: set[str]) -> bool:
        """Whether writing a path would lose somebody's work; an ignored file is not `changed`."""
        return path in changed or (
            (self.path / path).exists() and entry(self.path, "HEAD", path) is None
        )

    def _refuse_changed(self, paths: list[str]) -> None:
        pending = Pending.load(git_directory(self.path)) if paths else None
        strange = [path for path in paths if not (pending and pending.is_ours(self.path, path))]
        if strange:
            shown = ", ".join(f"`{path}`" for path in strange[:5])
            more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""  # noqa: PLR2004
            raise ClientError(
                f"`{self.path}` is not ready",
                f"uncommitted changes in {shown}{more}",
                f"commit them, or `git -C {self.path} stash --include-untracked`",
            )
