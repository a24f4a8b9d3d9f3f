"""Claims, reads and undo clauses that several steps rely on: of the clone, Render, databases."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.git import REVERTS_TRAILER, Repository
from handrail.clients.postgres import Database
from handrail.clients.render import Render, Service
from handrail.clients.site import script
from handrail.engine import Finding, check, fails, holds, holds_if
from handrail.transfer import freeze

TASK_TRAILER = "Runbook-Task"
RUN_TRAILER = "Runbook-Run"
DEPLOYS = 100  # how far back an earlier deploy is looked for


@check(fix="git status, then commit, stash or discard what is there, and the same command again")
def clone_is_ready(repository: Repository) -> Finding:
    """The working clone is clean, on its branch, and level with the remote."""
    repository.refuse_unready()
    return holds()


Names = list[str] | dict[str, str]  # services by name, or by the part they play


@check(fix="create the services first; the runbook's task 3.0 does")
def services_exist(render: Render, services: Names) -> Finding:
    """The services exist on Render."""
    missing = [name for name in names(services) if render.find_service(name) is None]
    return holds_if(not missing, f"Render has no {', '.join(f'`{name}`' for name in missing)}")


@check(fix="create the static site on Render, or correct `frontend_service` in the inventory")
def site_exists(render: Render, service: str) -> Finding:
    """The static site exists on Render."""
    return holds_if(render.find_service(service), f"Render has no `{service}`")


def names(services: Names) -> list[str]:
    """Return the names of services."""
    return list(services.values()) if isinstance(services, dict) else services


@check(fix="see the database's reference in the inventory, and whether its server runs")
def database_answers(database: Database) -> Finding:
    """The database answers."""
    with database.connect() as connection:
        connection.execute("SELECT 1")
    return holds()


@check(fix="run the runbook's task that stops legacy writes first")
def writes_are_stopped(source: Database) -> Finding:
    """The legacy database takes no writes, so that nothing is lost after its rows are read."""
    return holds_if(freeze.is_frozen(source.url.reveal()), f"`{source.name}` takes writes")


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


def what_is_served(render: Render, service: str, url: str) -> dict[str, str | None]:
    """Return what a site serves: commit and digest of its script, and a commit on its way."""
    found = render.service(service)
    live, coming = render.live_deploy(found.id), render.deploy_in_progress(found.id)
    return {
        "commit": live.commit if live else None,
        "coming": coming.commit if coming else None,
        "script_sha256": digest_of_script(url),
    }


def bring_back(
    render: Render,
    service: str,
    url: str,
    before: dict[str, str | None],
    deploy_timeout_seconds: float,
    poll_seconds: float,
) -> None:
    """Let a site serve what it served before, from the build it had then.

    A deploy that is still on its way would go live after that, so it is cancelled first.

    Raises:
        ClientError: no earlier deploy serves that script.
    """
    found = render.service(service)
    cancel_coming(render, found)
    for deploy in render.deploys(found.id, DEPLOYS):
        if digest_of_script(url) == before["script_sha256"]:
            return
        if deploy.status == "deactivated" and deploy.commit == before["commit"]:
            started = render.rollback(found.id, deploy.id)
            render.wait_for_deploy(found.id, started.id, deploy_timeout_seconds, poll_seconds)
    if digest_of_script(url) != before["script_sha256"]:
        raise ClientError(
            f"`{service}` was not brought back",
            f"none of its last {DEPLOYS} deploys serves what browsers got before",
            f"pick one at {found.dashboard_url}, then the same command again",
        )


def cancel_coming(render: Render, service: Service) -> None:
    """Cancel the deploys of a service that are not live yet."""
    while (coming := render.deploy_in_progress(service.id)) is not None:
        render.cancel_deploy(service.id, coming.id)


def digest_of_script(url: str) -> str:
    """Return what identifies the script that browsers get from a site."""
    return hashlib.sha256(script(url).encode()).hexdigest()


def package_of(text: str, path: str) -> dict[str, Any]:  # Any: JSON
    """Return a package.json as data, `scripts` and `dependencies` in it as dictionaries.

    Raises:
        ClientError: it is not such a file.
    """
    what, fix = f"`{path}` was not read", f"correct `{path}`, commit, push, then the same command"
    try:
        package = json.loads(text)
    except json.JSONDecodeError as error:
        raise ClientError(what, f"it is not JSON: {error}", fix) from None
    if not isinstance(package, dict):
        raise ClientError(what, "it is no object", fix)
    for part in ("scripts", "dependencies"):
        if not isinstance(package.get(part, {}), dict):
            raise ClientError(what, f"`{part}` in it is no object", fix)
    return package


def package_text(package: dict[str, Any]) -> str:  # Any: JSON
    """Return a package.json as npm writes it."""
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"
