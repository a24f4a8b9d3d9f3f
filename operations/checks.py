"""Claims and undo clauses that several steps rely on: the working clone and Render's services."""

from collections.abc import Mapping

from operations.clients.errors import ClientError
from operations.clients.git import Repository
from operations.clients.postgres import Database
from operations.clients.render import Render
from operations.engine import Finding, check, fails, holds, holds_if

TASK_TRAILER = "Runbook-Task"
RUN_TRAILER = "Runbook-Run"


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


def tip(repository: Repository) -> str:
    """Return the commit that the remote's branch points to.

    Raises:
        ClientError: the remote cannot be asked, or has no such branch.
    """
    found = repository.branch_head(repository.branch)
    if found is None:
        raise ClientError(
            f"branch `{repository.branch}` was not found",
            f"the remote `{repository.remote}` has none of that name",
            "correct `repository` in the inventory",
        )
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
    """Revert the commit that a task of this run made, and publish it; none is no error."""
    made = repository.find_commit(trailers(task, run))
    if made is None:
        return
    undo = {TASK_TRAILER: task, RUN_TRAILER: f"rollback of {run}"}
    repository.revert(made, f"Revert task {task} of {run}", undo)
