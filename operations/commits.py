"""Claims, reads and undo clauses of the app's repository: what is published, by which commit."""

from collections.abc import Mapping

from handrail.clients.errors import ClientError
from handrail.clients.git import REVERTS_TRAILER, Repository
from handrail.engine import Finding, check, fails, holds

TASK_TRAILER = "Runbook-Task"
RUN_TRAILER = "Runbook-Run"


@check(fix="git status, then commit, stash or discard what is there, and the same command again")
def clone_is_ready(repository: Repository) -> Finding:
    """The working clone is clean, on its branch, and level with the remote."""
    repository.refuse_unready()
    return holds()


def tip(repository: Repository) -> str:
    """Return the commit that the remote's branch points to.

    Raises:
        ClientError: the remote cannot be asked, has no such branch, or is ahead of the clone.
    """
    if not (repository.path / ".git").exists():
        raise ClientError(
            f"`{repository.path}` is not ready",
            "it is not a git repository",
            f"`git clone URL {repository.path}`, or correct `path` in the inventory",
        )
    found = repository.branch_head(repository.branch)
    if found is None:
        raise ClientError(
            f"branch `{repository.branch}` was not found",
            f"the remote `{repository.remote}` has none of that name",
            "correct `repository` in the inventory",
        )
    try:
        repository.tree_id(found)
    except ClientError:  # asked after, for a clone that has it is the usual case
        raise ClientError(
            f"the tip of branch `{repository.branch}` could not be read",
            f"`{repository.remote}` has commit `{found[:12]}`, which the clone has not",
            f"git -C {repository.path} pull --rebase {repository.remote} {repository.branch}",
        ) from None
    return found


def blob(repository: Repository, path: str) -> str | None:
    """Return the git object id of a file at the tip."""
    return repository.tree_id(repository.head(), path)


def published(repository: Repository, files: Mapping[str, str | None]) -> Finding:
    """Tell whether files read like this at the tip of the remote branch; None is an absent file."""
    published_at = tip(repository)
    for path, wanted in files.items():
        found = repository.read(path, commit=published_at)
        if found is None and wanted is not None:
            return fails(f"`{path}` is not on the remote branch")
        if found != wanted:
            return fails(f"`{path}` on the remote branch reads differently")
    return holds()


def trailers(task: str, run: str) -> dict[str, str]:
    """Return what a commit of a step says about where it comes from."""
    return {TASK_TRAILER: task, RUN_TRAILER: run}


def revert_commit(repository: Repository, task: str, run: str) -> None:
    """Revert what a task of this run committed, newest first, and publish it.

    A task has more than one commit where it ran again with other arguments. Nothing is done where
    there is none; a commit that is reverted already is left alone.
    """
    undo = {TASK_TRAILER: task, RUN_TRAILER: f"rollback of {run}"}
    made = commits_of(repository, trailers(task, run))
    for each in made:
        if repository.find_commit(undo | {REVERTS_TRAILER: each}) is None:
            repository.revert(each, f"Revert task {task} of {run}", undo)
    if made:  # a revert that was killed before its push is pushed
        repository.commit_files({}, "nothing", undo)


def commits_of(repository: Repository, wanted: dict[str, str]) -> list[str]:
    """Return the commits of the branch with these trailers, newest first; reverts are none."""
    keys = [*wanted, REVERTS_TRAILER]
    shown = "%x1f".join(f"%(trailers:key={key},valueonly,separator=%x20)" for key in keys)
    listed = repository.must(
        f"commits of `{repository.branch}` could not be listed",
        *("log", f"--format=%H%x1f{shown}", f"refs/heads/{repository.branch}"),
    )
    rows = (line.split("\x1f") for line in listed.splitlines())
    return [sha for sha, *values in rows if values == [*wanted.values(), ""]]
