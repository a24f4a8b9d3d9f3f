"""Task 14.2: the Node backend's folder, dependencies and scripts leave the repository."""

from functools import partial
from itertools import filterfalse

from handrail.clients.git import Repository
from handrail.clients.git_snapshot import LINK, Snapshot
from handrail.engine import (
    FROM_RUN,
    FROM_TARGET,
    Commands,
    Finding,
    call,
    check,
    fails,
    holds,
    holds_if,
    step,
)
from handrail.naming import few

from .commits import branch_is_there, revert_commit, trailers
from .folder import references, whole
from .package_file import package_of, with_scripts, without_dependencies

SHOWN = 10  # places that name the folder
LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock")


@check(fix="run task 14.1 first; it pushes the archive branch")
def code_is_archived(repository: Repository, archive: str, path: str) -> Finding:
    """The code to delete is on the remote's archive branch, byte for byte."""
    archived = repository.branch_head(archive)
    if archived is None:
        return fails(f"the remote has no branch `{archive}`")
    same = whole(repository.at(archived), path) == whole(repository.at(), path)
    return holds_if(same, f"`{path}` on `{archive}` differs from what would be deleted")


@check(fix="correct `kept` in the runbook, or see `git log -- PATH` for what became of it")
def what_stays_is_there(repository: Repository, kept: list[str]) -> Finding:
    """What must still be there afterwards is there before."""
    snapshot = repository.at()
    gone = [each for each in kept if snapshot.find(each) is None]
    return holds_if(not gone, f"missing: {', '.join(gone)}")


@check(
    fix="correct these files, commit, push, then the same command again; a file that may go on "
    "naming the folder is named in `mentions` of the runbook"
)
def nothing_needs_it(
    repository: Repository, path: str, package: str, scripts: list[str], mentions: list[str]
) -> Finding:
    """Nothing that stays would break without the folder: scripts, workflows, imports, links."""
    snapshot = repository.at()
    found = snapshot.entries.get(path)
    if found and found.mode == LINK:
        fix = "name the folder itself in the runbook"
        return fails(f"`{path}` is a symbolic link to `{snapshot.resolve(path)}`", fix)
    needing, _ = references(snapshot, path, edited_package(snapshot, package, scripts))
    left = [each for each in needing if each.partition(":")[0] not in mentions]
    return holds_if(not left, f"`{path}` is named in {few(left, SHOWN)}")


def objects(repository: Repository, path: str, package: str) -> dict[str, str | None]:
    """Return the git object ids of the folder and of package.json."""
    head = repository.head()
    return {each: repository.tree_id(head, each) for each in (path, package)}


def backend_is_gone(
    repository: Repository, path: str, package: str, scripts: list[str], kept: list[str]
) -> Finding:
    """The remote branch has no backend folder, dependency or script, and keeps what must stay."""
    snapshot = repository.at()
    if path in snapshot.entries:
        return fails(f"`{path}` is still on the remote branch")
    if left := left_in(snapshot, package, scripts):
        return fails(f"`{package}` still {left}")
    gone = list(filterfalse(snapshot.find, kept))
    removed = [f"{path}/", f"the dependencies in {package}"]
    removed += [f"the script {name} in {package}" for name in scripts]
    return fails(f"missing: {', '.join(gone)}") if gone else holds(removed=removed)


def left_in(snapshot: Snapshot, package: str, scripts: list[str]) -> str:
    """Return what a package.json still depends on, or which scripts it still has; or nothing."""
    root = package_of(snapshot.read(package) or "{}", package)
    if root.get("dependencies"):
        return f"depends on {', '.join(root['dependencies'])}"
    left = list(filter(root.get("scripts", {}).__contains__, scripts))
    return f"has the script {', '.join(left)}" if left else ""


def what_goes(repository: Repository, path: str, package: str, scripts: list[str]) -> str:
    """Return what would be deleted, and which documents speak of it."""
    snapshot = repository.at()
    told = repository.difference(partial(edited, path=path, package=package, scripts=scripts))
    _, speaking = references(snapshot, path, edited_package(snapshot, package, scripts))
    folder = package.rpartition("/")[0]
    locks = (f"{folder}/{each}".lstrip("/") for each in LOCKS)
    stale = filter(snapshot.entries.__contains__, locks)
    return "\n".join(
        [
            told,
            *(f"speaks of `{path}`: {each}" for each in speaking),
            *(f"to be made again by your package manager: `{each}`" for each in stale),
        ]
    )


@step(
    requires=[branch_is_there, code_is_archived, what_stays_is_there, nothing_needs_it],
    captures=objects,
    ensures=backend_is_gone,
    rollback=revert_commit,
    rollback_name="Take back the commit that deleted the Node backend",
    idempotent=True,
    preview=what_goes,
)
def delete(
    *,
    repository: Repository = FROM_TARGET,
    archive: str,
    path: str,
    package: str = "package.json",
    scripts: list[str],
    kept: list[str],
    mentions: list[str],
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Commands:
    """Delete the backend's folder, its dependencies and its scripts, in one commit.

    Args:
        repository: The app's repository.
        archive: Branch that must hold the folder first.
        path: The folder.
        package: The root package.json.
        scripts: Scripts of it that served the backend.
        kept: Paths that must still be there afterwards.
        mentions: Files that may name the folder all the same; documents always may.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: git refused.
    """
    edit = partial(edited, path=path, package=package, scripts=scripts)
    yield call(repository.commit_files, edit, "Remove the Node backend", trailers(task, run))


def edited(
    snapshot: Snapshot, path: str, package: str, scripts: list[str]
) -> dict[str, str | None]:
    """Return package.json as it would be written, and None for each file of the folder."""
    gone: dict[str, str | None] = dict.fromkeys(snapshot.list_files(path))
    return gone | edited_package(snapshot, package, scripts)


def edited_package(snapshot: Snapshot, package: str, scripts: list[str]) -> dict[str, str]:
    """Return package.json without the backend's dependencies and scripts, where it is there."""
    text = snapshot.read(package)
    if text is None:
        return {}
    return {package: with_scripts(without_dependencies(text, package), package, {}, scripts)}
