"""Task 14.2: the Node backend's folder, dependencies and scripts leave the repository."""

from handrail.clients.git import Repository
from handrail.engine import Commands, Finding, call, check, fails, holds, step

from .commits import clone_is_ready, revert_commit, tip, trailers
from .package_file import package_of, package_text


@check(fix="run task 14.1 first; it pushes the archive branch")
def code_is_archived(repository: Repository, archive: str, path: str) -> Finding:
    """The code to delete is on the remote's archive branch, byte for byte."""
    archived = repository.branch_head(archive)
    if archived is None:
        return fails(f"the remote has no branch `{archive}`")
    here = repository.tree_id(repository.head(), path)
    same = repository.tree_id(archived, path) == here
    return holds() if same else fails(f"`{path}` on `{archive}` differs from what would be deleted")


@check(fix="correct `kept` in the runbook, or see `git log -- PATH` for what became of it")
def what_stays_is_there(repository: Repository, kept: list[str]) -> Finding:
    """What must still be there afterwards is there before."""
    gone = [each for each in kept if repository.tree_id(repository.head(), each) is None]
    return fails(f"missing: {', '.join(gone)}") if gone else holds()


def objects(repository: Repository, path: str, package: str) -> dict[str, str | None]:
    """Return the git object ids of the folder and of package.json."""
    return {each: repository.tree_id(repository.head(), each) for each in (path, package)}


def backend_is_gone(
    repository: Repository, path: str, package: str, scripts: list[str], kept: list[str]
) -> Finding:
    """The remote branch has no backend folder, dependency or script, and keeps what must stay."""
    published_at = tip(repository)
    if repository.tree_id(published_at, path) is not None:
        return fails(f"`{path}` is still on the remote branch")
    root = package_of(repository.read(package, commit=published_at) or "{}", package)
    if root.get("dependencies"):
        return fails(f"`{package}` still depends on {', '.join(root['dependencies'])}")
    left = [name for name in scripts if name in root.get("scripts", {})]
    if left:
        return fails(f"`{package}` still has the script {', '.join(left)}")
    gone = [each for each in kept if repository.tree_id(published_at, each) is None]
    return fails(f"missing: {', '.join(gone)}") if gone else holds()


@step(
    requires=[clone_is_ready, code_is_archived, what_stays_is_there],
    captures=objects,
    ensures=backend_is_gone,
    rollback=revert_commit,
    idempotent=True,
)
def delete(
    repository: Repository,
    archive: str,
    path: str,
    package: str,
    scripts: list[str],
    kept: list[str],
    task: str,
    run: str,
) -> Commands:
    """Delete the backend's folder, its dependencies and its scripts, in one commit.

    Args:
        repository: Working clone of the app.
        archive: Branch that must hold the folder first.
        path: The folder.
        package: The root package.json.
        scripts: Scripts of it that served the backend.
        kept: Paths that must still be there afterwards.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: git refused.
    """
    root = package_of(repository.read(package) or "{}", package)
    root.pop("dependencies", None)
    root["scripts"] = {n: s for n, s in root.get("scripts", {}).items() if n not in scripts}
    files: dict[str, str | None] = dict.fromkeys(repository.list_files(path))
    files[package] = package_text(root)
    message = "Remove the Node backend"
    yield call(repository.commit_files, files, message, trailers(task, run))
