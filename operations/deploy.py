"""Tasks 4 and 11.1: the Django services run the code at the tip of the branch."""

from functools import partial
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.render import Deploy, Render, Service
from handrail.engine import Commands, Finding, call, fails, holds, say, step

from .commits import clone_is_ready, tip
from .services import DEPLOYS, cancel_coming, services_exist


def what_runs(render: Render, services: list[str]) -> dict[str, Any]:
    """Return, by name, the commit each service runs, and the one that is on its way; or None."""
    return {name: state_of(render, render.find_service(name)) for name in services}


def tip_is_live(render: Render, repository: Repository, services: list[str], root: str) -> Finding:
    """Every service is live with the backend code at the tip of the branch.

    Commits that leave the backend as it is do not count: the trees are compared.
    """
    commit = tip(repository)
    for name in services:
        if not is_current(render, repository, name, root, commit):
            found = running_commit(render, render.find_service(name))
            return fails(f"`{name}` {f'runs {found[:12]}' if found else 'is not live'}")
    return holds()


def restore_running(
    render: Render,
    before: dict[str, Any],
    deploy_timeout_seconds: float,
    poll_seconds: float,
) -> None:
    """Suspend what did not run before, and bring back the deploy that ran.

    A deploy that is still on its way would go live after everything was put back, so it is
    cancelled. Nothing is deleted: configuration, logs and metrics stay for analysis.
    """
    for name, ran in before.items():
        service = render.find_service(name)
        if service is None:
            continue
        cancel_coming(render, service)
        if running_commit(render, service) == ran["commit"]:
            continue
        if ran["commit"] is None:
            render.suspend(service.id)
            continue
        earlier = deploy_of(render, service, ran["commit"])
        if service.suspended:
            render.resume(service.id)
        started = render.rollback(service.id, earlier.id)
        render.wait_for_deploy(service.id, started.id, deploy_timeout_seconds, poll_seconds)


@step(
    requires=[clone_is_ready, services_exist],
    captures=what_runs,
    ensures=tip_is_live,
    rollback=restore_running,
    idempotent=True,
)
def release(
    render: Render,
    repository: Repository,
    services: list[str],
    root: str,
    deploy_timeout_seconds: float,
    poll_seconds: float,
) -> Commands:
    """Deploy services at the tip of the branch and wait until they are live.

    The first service goes alone: its build migrates the database that the others need. A service
    that runs this code is left alone, and a deploy that an interrupted attempt began is waited for.

    Args:
        render: The workspace.
        repository: Working clone of the app.
        services: Names, the one that migrates first.
        root: Folder of the backend in the repository.
        deploy_timeout_seconds: Longest wait for each.
        poll_seconds: Wait between two looks.

    Raises:
        ClientError: a deploy failed; its reason and last log lines are told.

    Source: https://api-docs.render.com/reference/create-deploy
    """
    commit = tip(repository)
    waiting = (deploy_timeout_seconds, poll_seconds)
    late = [name for name in services if not is_current(render, repository, name, root, commit)]
    for together in (services[:1], services[1:]):
        names = [name for name in together if name in late]
        yield call(bring_live, render, repository, names, root, commit, *waiting)


def bring_live(
    render: Render,
    repository: Repository,
    names: list[str],
    root: str,
    commit: str,
    deploy_timeout_seconds: float,
    poll_seconds: float,
) -> None:
    """Start a deploy of each service, then wait for all of them."""
    started: list[tuple[Service, Deploy]] = []
    for name in names:
        service = render.service(name)
        if service.suspended:
            render.resume(service.id)
        deploy = render.deploy_in_progress(service.id)
        if deploy is None or not same_code(repository, root, deploy.commit, commit):
            deploy = render.start_deploy(service.id, commit=commit)
        started.append((service, deploy))
    for service, deploy in started:
        waiting = (deploy_timeout_seconds, poll_seconds)
        render.wait_for_deploy(service.id, deploy.id, *waiting, partial(tell, service.name))


def tell(name: str, deploy: Deploy) -> None:
    """Say how far a deploy is."""
    say(f"{name}: {deploy.status}")


def is_current(render: Render, repository: Repository, name: str, root: str, commit: str) -> bool:
    """Tell whether a service runs the backend code of a commit."""
    running = running_commit(render, render.find_service(name))
    return same_code(repository, root, running, commit)


def same_code(repository: Repository, root: str, one: str | None, other: str) -> bool:
    """Tell whether two commits hold the same backend."""
    if one is None:
        return False
    return repository.tree_id(one, root) == repository.tree_id(other, root)


def deploy_of(render: Render, service: Service, commit: str) -> Deploy:
    """Return the newest deploy of a commit that was live.

    Raises:
        ClientError: there is none any more.
    """
    for deploy in render.deploys(service.id, DEPLOYS):
        if deploy.succeeded and deploy.commit == commit:
            return deploy
    raise ClientError(
        f"`{service.name}` was not brought back",
        f"none of its last {DEPLOYS} deploys ran commit `{commit[:12]}`",
        f"deploy that commit at {service.dashboard_url}, then the same command again",
    )


def state_of(render: Render, service: Service | None) -> dict[str, str | None]:
    """Return what a service runs, and what it is about to run."""
    coming = render.deploy_in_progress(service.id) if service else None
    return {"commit": running_commit(render, service), "coming": coming.commit if coming else None}


def running_commit(render: Render, service: Service | None) -> str | None:
    """Return the commit a service runs; None where it is absent, suspended or never was live."""
    if service is None or service.suspended:
        return None
    live = render.live_deploy(service.id)
    return live.commit if live else None
