"""Task 14.1: the Node backend's code is kept on a branch of its own."""

from handrail.clients.git import Repository
from handrail.engine import FROM_TARGET, Commands, Finding, call, fails, gate, holds, step

from .commits import branch_is_there
from .folder import whole


def branch_tips(repository: Repository, branch: str) -> dict[str, str | None]:
    """Return the commits the archive branch points to, on the remote and in the clone, or None.

    Nothing makes it in the clone any more; runs of an older handrail did.
    """
    return {"remote": repository.branch_head(branch), "clone": repository.local_branch(branch)}


def code_is_archived(repository: Repository, branch: str, path: str) -> Finding:
    """The archive branch is on the remote and holds the backend's code as it is, or last was."""
    archived = repository.branch_head(branch)
    if archived is None:
        return fails(f"the remote has no branch `{branch}`")
    kept, here = whole(repository.at(archived), path), whole(repository.at(), path)
    if kept is None:
        return fails(f"`{branch}` has no `{path}`")
    if here not in (None, kept):
        return fails(f"`{path}` on `{branch}` is not the one of `{repository.branch}`")
    return holds(commit=archived, place=f"branch {branch}")


def remove_branch(repository: Repository, branch: str, before: dict[str, str | None]) -> None:
    """Remove the branch where this step made it."""
    if before["remote"] is None:
        repository.delete_branch(branch)
    if before["clone"] is None:
        repository.delete_local_branch(branch)


@step(
    requires=[branch_is_there],
    captures=branch_tips,
    ensures=code_is_archived,
    rollback=remove_branch,
    rollback_name="Remove the archive branch",
    idempotent=True,
)
def branch(*, repository: Repository = FROM_TARGET, branch: str, path: str) -> Commands:
    """Push the code as it is to an archive branch.

    Args:
        repository: The app's repository.
        branch: Name of the branch, such as ``archive/nodejs-backend``.
        path: Folder that must be in it.

    Raises:
        ClientError: git refused, or a part of the folder is kept in another repository.
    """
    commit = repository.head()
    whole(repository.at(commit), path)
    yield call(repository.create_branch, branch, commit)


@gate(fix="run task 14.1 or 14.2 again, whichever it names; then the same command again")
def is_all_that_is_left(*, repository: Repository = FROM_TARGET, branch: str, path: str) -> Finding:
    """The code lies on the archive branch, and no longer on the branch that is deployed.

    Args:
        repository: The app's repository.
        branch: The archive branch.
        path: Folder that must be in it.
    """
    if repository.at().find(path) is not None:
        return fails(f"`{path}` is still on `{repository.branch}`: task 14.2 removes it")
    return code_is_archived(repository, branch, path)
