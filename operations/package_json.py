"""Tasks 2.2 and 5.5: scripts of package.json; the root's serve the frontend and run Django."""

from functools import partial

from handrail.clients.git import Repository
from handrail.clients.git_snapshot import Snapshot
from handrail.engine import FROM_RUN, FROM_TARGET, Commands, Finding, call, fails, holds_if, step

from .commits import blob, branch_is_there, revert_commit, trailers
from .package_file import package_of, with_scripts


def scripts_are_set(
    repository: Repository, path: str, scripts: dict[str, str], remove: list[str]
) -> Finding:
    """The scripts on the remote branch are these, and the removed ones are gone."""
    text = repository.at().read(path)
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    found = package_of(text, path).get("scripts", {})
    wrong = [name for name, line in scripts.items() if found.get(name) != line]
    left = list(filter(found.__contains__, remove))
    told = f"scripts to set: {', '.join(wrong) or 'none'}; to remove: {left or 'none'}"
    return holds_if(not wrong + left, told)


def what_changes(
    repository: Repository, path: str, scripts: dict[str, str], remove: list[str]
) -> str:
    """Return the lines of package.json that would change."""
    return repository.difference(partial(edited, path=path, scripts=scripts, remove=remove))


@step(
    requires=[branch_is_there],
    captures=blob,
    ensures=scripts_are_set,
    rollback=revert_commit,
    rollback_name="Take back the commit of package.json",
    idempotent=True,
    preview=what_changes,
)
def put_scripts(
    *,
    repository: Repository = FROM_TARGET,
    path: str = "package.json",
    scripts: dict[str, str] = FROM_TARGET["package_scripts"],
    remove: list[str] = FROM_TARGET["package_scripts_to_remove"],
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Commands:
    """Set scripts of package.json and remove those that need the Node backend.

    A `prebuild` that looks for `server/` would break the frontend's build once that is gone. All
    else in the file keeps its form.

    Args:
        repository: The app's repository.
        path: The file, from the root of the repository.
        scripts: Command lines by name; other scripts stay.
        remove: Names of scripts to remove.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: not JSON, or git refused.
    """
    edit = partial(edited, path=path, scripts=scripts, remove=remove)
    message = f"Set the scripts of {path}"
    yield call(repository.commit_files, edit, message, trailers(task, run))


def edited(
    snapshot: Snapshot, path: str, scripts: dict[str, str], remove: list[str]
) -> dict[str, str]:
    """Return the file as it would be written."""
    return {path: with_scripts(snapshot.read(path) or "{}\n", path, scripts, remove)}
