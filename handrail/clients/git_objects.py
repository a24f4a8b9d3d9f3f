"""Trees and commits made in git's object store, before anything that can be seen is touched."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from handrail.clients.errors import ClientError
from handrail.clients.git_process import Output, git, identity

OUR_TRAILER = "Runbook-Task"
"""Every commit of ours carries it; that is how an unpushed one is known to be ours."""
REGULAR_FILE = "100644"
NO_OBJECT = "0" * 40


def must(directory: Path, what: str, *arguments: str, **options: str | dict[str, str]) -> str:
    """Run git and return its output.

    Raises:
        ClientError: it failed; with what git says and the command to see for oneself.
    """
    found = git(directory, *arguments, **options)  # type: ignore[arg-type]  # given, extra
    if found.code != 0:
        raise failed(directory, what, found, arguments[0])
    return found.text


def failed(directory: Path, what: str, found: Output, command: str) -> ClientError:
    """Return the error for a git command that exited otherwise than asked."""
    said = found.error or f"git {command} exited with {found.code}"
    if "index.lock" in found.error:
        lock = f"rm {directory}/.git/index.lock"
        return ClientError(what, said, f"`{lock}` once `pgrep -a git` shows no git at work there")
    return ClientError(what, said, f"see `git -C {directory} status`, then the same command again")


def git_directory(directory: Path) -> Path:
    """Return where git keeps what belongs to a work tree."""
    usual = directory / ".git"
    if usual.is_dir():
        return usual
    what = f"`{directory}` could not be read"
    return Path(must(directory, what, "rev-parse", "--absolute-git-dir").rstrip("\n"))


def checked(path: str) -> str:
    """Return a path inside the repository as git writes it.

    Raises:
        ClientError: it leaves the repository, or enters git's own directory.
    """
    parts = PurePosixPath(path)
    if not path or parts.is_absolute() or {"..", ".git"} & set(parts.parts) or str(parts) == ".":
        raise ClientError(
            f"`{path}` was not accepted as a file of the repository",
            "it is not a relative path below the repository",
            "correct the path in the runbook",
        )
    return str(parts)


def entry(directory: Path, commit: str, path: str) -> tuple[str, str, str] | None:
    """Return mode, type and object id of a path in a commit, or None when it is not there.

    Raises:
        ClientError: there is no such commit.
    """
    what = f"`{path}` could not be read at `{commit}`"
    listed = must(directory, what, "ls-tree", "-z", "--end-of-options", commit, checked(path))
    if not listed:
        return None
    mode, kind, sha = listed.partition("\t")[0].split()
    return mode, kind, sha


def tree_with(directory: Path, base: str, files: Mapping[str, str | None]) -> str:
    """Return the id of the tree of a commit with some files written, or removed by None."""
    what = "the change could not be prepared"
    lines = []
    for path, text in files.items():
        found = entry(directory, base, path)
        if found and found[1] != "blob":
            raise ClientError(what, f"`{path}` is a directory", "name a file in the runbook")
        if text is None:
            lines.append(f"0 {NO_OBJECT}\t{checked(path)}\0")
            continue
        sha = must(directory, what, "hash-object", "-w", "--stdin", given=text).strip()
        lines.append(f"{found[0] if found else REGULAR_FILE} {sha}\t{checked(path)}\0")
    # One place for it, so that a killed change leaves one file that the next one replaces.
    scratch = git_directory(directory) / "runbook-index"
    scratch.unlink(missing_ok=True)
    scratch.with_name(f"{scratch.name}.lock").unlink(missing_ok=True)
    index = {"GIT_INDEX_FILE": str(scratch)}
    try:
        must(directory, what, "read-tree", base, extra=index)
        given = "".join(lines)
        must(directory, what, "update-index", "-z", "--index-info", given=given, extra=index)
        return must(directory, what, "write-tree", extra=index).strip()
    finally:
        scratch.unlink(missing_ok=True)


def tree_without(directory: Path, base: str, sha: str) -> str:
    """Return the id of the tree of a commit with an earlier one reverted.

    Worked out in a scratch work tree, so that a conflict leaves the real one as it was.

    Raises:
        ClientError: later commits changed the same lines, or it cannot be reverted by itself.
    """
    what = f"commit `{sha[:12]}` could not be reverted"
    # One place for it too; `worktree add --force` takes over what a killed revert left on the list.
    tree = git_directory(directory) / "runbook-revert"
    shutil.rmtree(tree, ignore_errors=True)
    try:
        arguments = ("worktree", "add", "--force", "--detach", "--quiet", str(tree), base)
        must(directory, what, *arguments)
        found = git(tree, "revert", "--no-commit", sha, extra=identity(directory))
        if found.code != 0:
            listed = git(tree, "diff", "--name-only", "--diff-filter=U").text.split("\n")
            names = ", ".join(f"`{name}`" for name in listed if name)
            why = f"later commits changed the same lines of {names}" if names else found.error
            fix = f"`git -C {directory} revert {sha[:12]}`, resolve it, and push"
            raise ClientError(what, why, fix)
        return must(tree, what, "write-tree").strip()
    finally:
        git(directory, "worktree", "remove", "--force", str(tree))


def commit_tree(
    directory: Path, tree: str, parent: str, message: str, trailers: Mapping[str, str]
) -> str:
    """Return the id of a new commit; no branch holds it yet.

    Raises:
        ValueError: the trailers lack ours, or are not one line each.
        ClientError: git could not write it.
    """
    lines = [f"{key}: {value}" for key, value in trailers.items()]
    if OUR_TRAILER not in trailers or any("\n" in line for line in lines):
        raise ValueError(f"a commit of a runbook carries `{OUR_TRAILER}`, and trailers of one line")
    text = f"{message.strip()}\n\n" + "\n".join(lines) + "\n"
    extra = identity(directory)
    what = "the commit could not be written"
    arguments = ("commit-tree", tree, "-p", parent, "-F", "-")
    return must(directory, what, *arguments, given=text, extra=extra).strip()
