"""Task 2.2: the root package.json builds and serves the frontend and runs Django."""

from handrail.clients.git import Repository
from handrail.engine import Commands, Finding, call, fails, holds, step

from .commits import blob, clone_is_ready, revert_commit, tip, trailers
from .package_file import package_of, package_text


def scripts_are_set(
    repository: Repository, path: str, scripts: dict[str, str], remove: list[str]
) -> Finding:
    """The scripts on the remote branch are these, and the removed ones are gone."""
    text = repository.read(path, commit=tip(repository))
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    found = package_of(text, path).get("scripts", {})
    wrong = [name for name, line in scripts.items() if found.get(name) != line]
    left = [name for name in remove if name in found]
    if wrong or left:
        return fails(f"scripts to set: {', '.join(wrong) or 'none'}; to remove: {left or 'none'}")
    return holds()


@step(
    requires=[clone_is_ready],
    captures=blob,
    ensures=scripts_are_set,
    rollback=revert_commit,
    idempotent=True,
)
def put_scripts(
    repository: Repository,
    path: str,
    scripts: dict[str, str],
    remove: list[str],
    task: str,
    run: str,
) -> Commands:
    """Set scripts of package.json and remove those that need the Node backend.

    A `prebuild` that looks for `server/` would break the frontend's build once that is gone.

    Args:
        repository: Working clone of the app.
        path: The file, from the root of the repository.
        scripts: Command lines by name; other scripts stay.
        remove: Names of scripts to remove.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: not JSON, or git refused.
    """
    package = package_of(repository.read(path) or "{}", path)
    kept = {name: line for name, line in package.get("scripts", {}).items() if name not in remove}
    package["scripts"] = kept | scripts
    text = package_text(package)
    message = "Build and serve the frontend without the Node backend"
    yield call(repository.commit_files, {path: text}, message, trailers(task, run))
