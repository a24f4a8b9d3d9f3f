"""Task 14.1: the Node backend's code is kept on a branch of its own."""

from operations.checks import clone_is_ready, tip
from operations.clients.git import Repository
from operations.engine import Commands, Finding, call, fails, holds, step


def branch_tip(repository: Repository, branch: str) -> str | None:
    """Return the commit the archive branch points to on the remote, or None."""
    return repository.branch_head(branch)


def code_is_archived(repository: Repository, branch: str, path: str) -> Finding:
    """The archive branch is on the remote and holds the backend's code."""
    archived = repository.branch_head(branch)
    if archived is None:
        return fails(f"the remote has no branch `{branch}`")
    if repository.tree_id(archived, path) is None:
        return fails(f"`{branch}` has no `{path}`")
    return holds(commit=archived)


def remove_branch(repository: Repository, branch: str, before: str | None) -> None:
    """Remove the branch, if this step made it."""
    if before is None:
        repository.delete_branch(branch)


@step(
    requires=[clone_is_ready],
    captures=branch_tip,
    ensures=code_is_archived,
    rollback=remove_branch,
    idempotent=True,
)
def branch(repository: Repository, branch: str, path: str) -> Commands:
    """Push the code as it is to an archive branch.

    Args:
        repository: Working clone of the app.
        branch: Name of the branch, such as ``archive/nodejs-backend``.
        path: Folder that must be in it.

    Raises:
        ClientError: git refused.
    """
    yield call(repository.create_branch, branch, tip(repository))
