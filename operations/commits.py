"""Claims, reads and undo clauses of the app's repository: what is published, by which commit."""

from collections.abc import Mapping

from handrail.clients.git import REVERTS_TRAILER, Repository
from handrail.clients.git_change import contents
from handrail.engine import Finding, check, fails, holds

TASK_TRAILER = "Runbook-Task"
RUN_TRAILER = "Runbook-Run"


@check(fix="see `git ls-remote` in the clone that the inventory names, then the same command again")
def branch_is_there(repository: Repository) -> Finding:
    """The remote has the branch, and it can be read."""
    return holds(commit=repository.head())


def blob(repository: Repository, path: str) -> str | None:
    """Return the git object id of a file on the remote's branch, links followed."""
    return repository.tree_id(repository.head(), path)


def published(repository: Repository, wanted: Mapping[str, str]) -> Finding:
    """Tell whether files read like this on the remote's branch, as git stores them."""
    snapshot = repository.at()
    places = {path: (snapshot.resolve(path), text.encode()) for path, text in wanted.items()}
    stored = contents(snapshot, dict(places.values()))
    for path, (place, _) in places.items():
        found = snapshot.read_bytes(place)
        if found is None:
            return fails(f"`{path}` is not on the remote branch")
        if found != stored[place]:
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
    for each in repository.find_commits(trailers(task, run)):
        if repository.find_commit(undo | {REVERTS_TRAILER: each}) is None:
            repository.revert(each, f"Revert task {task} of {run}", undo)
