"""Tasks 4, 11.1 and 16: the Django services run the code at the tip of the branch."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.render import Deploy, Render, Service
from handrail.engine import (
    FROM_TARGET,
    Commands,
    Finding,
    call,
    fails,
    gate,
    holds,
    say,
    step,
    waits,
)

from .commits import branch_is_there
from .deploys import Deploys
from .services import (
    DEPLOYS,
    cancel_coming,
    commit_of,
    deleted,
    ended,
    its_hosts_are_allowed,
    names,
    services_exist,
)
from .waiting import Waiting


def what_runs(render: Render, services: list[str]) -> dict[str, Any]:
    """Return, by name, the deploy that each service runs, its commit, and one on its way; or None.

    A commit alone would not do: a deploy may have changed nothing but the variables that run.
    """
    return {name: state_of(render, render.find_service(name)) for name in services}


def tip_is_live(
    render: Render, repository: Repository, services: list[str], root: str, directory: str
) -> Finding:
    """Every service is live with the code at the tip of the branch and the variables it has now.

    Commits that leave the backend as it is do not count: the trees are compared. A variable that
    was changed after the live deploy began is stored, and not used by anything that runs.
    """
    commit, noted = repository.head(), Deploys.of(directory)
    for name in services:
        why = not_current(render, repository, noted, name, root, commit)
        if why:
            return fails(f"`{name}` {why}")
    return holds()


def restore_running(
    render: Render,
    before: dict[str, Any],
    waiting: Waiting,
) -> None:
    """Suspend what did not run before, and bring back the deploy that ran, with its variables.

    A deploy that is still on its way would go live after everything was put back, so it is
    cancelled. Nothing is deleted: configuration, logs and metrics stay for analysis.
    """
    for name, ran in before.items():
        service = render.find_service(name)
        if service is not None:
            cancel_coming(render, service)
            _restore(render, service, ran, waiting)


def _restore(render: Render, service: Service, ran: dict[str, Any], waiting: Waiting) -> None:
    now = state_of(render, service)
    if runs_as(now, ran):
        return
    if ran["commit"] is None:
        render.suspend(service.id)
        return
    # A ledger of former days holds the commit alone.
    earlier = ran.get("deploy") or deploy_of(render, service, ran["commit"]).id
    if service.suspended:
        render.resume(service.id)
    started = render.rollback(service.id, earlier)
    waits(f"the earlier deploy of {service.name} is not live yet", waiting.timeout_seconds)
    render.wait_for_deploy(service.id, started.id, *waiting)


def runs_as(now: Mapping[str, Any], ran: Mapping[str, Any]) -> bool:
    """Tell whether a service runs what it ran, whatever is on its way; by what was recorded."""
    return all(now[key] == ran[key] for key in ran if key != "coming")


def ended_or_deleted(render: Render, before: dict[str, Any]) -> dict[str, str]:
    """Return what of a snapshot is gone for good: services, and deploys of somebody else."""
    return deleted(render, before) | ended(
        render, {name: was.get("coming") for name, was in before.items()}
    )


def of_same_services(own: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Tell whether two calls have to do with one service."""
    return not set(names(own["services"])).isdisjoint(names(others["services"]))


def of_the_backend(own: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Tell whether a call writes files of the backend that another one deploys."""
    paths = others.get("files") or [others.get("path") or ""]
    return any(f"{path}/".startswith(f"{own['root']}/") for path in paths)


FOLLOWS = {
    **dict.fromkeys(("env.put", "env.generate_key", "service.create"), of_same_services),
    **dict.fromkeys(("bind.gunicorn", "bind.daphne", "files.put"), of_the_backend),
}


@step(
    requires=[branch_is_there, services_exist, its_hosts_are_allowed],
    captures=what_runs,
    ensures=tip_is_live,
    rollback=restore_running,
    rollback_name="Bring back the deploys that ran before",
    gone=ended_or_deleted,
    idempotent=True,
    follows=FOLLOWS,
)
def release(
    *,
    render: Render = FROM_TARGET,
    repository: Repository = FROM_TARGET,
    services: list[str],
    root: str = FROM_TARGET,
    directory: str = FROM_TARGET,
    waiting: Waiting = FROM_TARGET,
) -> Commands:
    """Deploy services at the tip of the branch and wait until they are live.

    The first service goes alone, so that a fault of the release shows before others follow. A
    service that runs this code, started with the variables and settings that are stored, is left
    alone, and a deploy that an interrupted attempt began is waited for.

    Args:
        render: The workspace.
        repository: The app's repository.
        services: Names, the one that shows a fault first.
        root: Folder of the backend in the repository.
        directory: Where it is noted what each deploy began with.
        waiting: Longest wait for each, and the pause between two looks.

    Raises:
        ClientError: a deploy failed; its reason and last log lines are told.

    Source: https://api-docs.render.com/reference/create-deploy
    """
    commit = repository.head()
    noted = Deploys.of(directory)
    late = [name for name in services if not_current(render, repository, noted, name, root, commit)]
    for together in (services[:1], services[1:]):
        yield call(
            bring_live, render, noted, list(filter(late.__contains__, together)), commit, waiting
        )


@gate(fix="release what is at the tip: `pyinfra INVENTORY runbooks/release.py`")
def services_are_live(
    *,
    render: Render = FROM_TARGET,
    repository: Repository = FROM_TARGET,
    services: list[str],
    root: str = FROM_TARGET,
    directory: str = FROM_TARGET,
) -> Finding:
    """Every service is live, with the code and the variables that it should have."""
    found = tip_is_live(render, repository, services, root, directory)
    return holds(services=services) if found.passed else found


def bring_live(
    render: Render,
    noted: Deploys,
    names: list[str],
    commit: str,
    waiting: Waiting,
) -> None:
    """Start a deploy of each service, then wait for all of them."""
    started: list[tuple[Service, Deploy]] = []
    for name in names:
        service = render.service(name)
        started.append((service, started_deploy(render, noted, service, commit)))
    for service, deploy in started:
        waits(f"the deploy of {service.name} is not live yet", waiting.timeout_seconds)
        render.wait_for_deploy(service.id, deploy.id, *waiting, partial(tell, service.name))


def started_deploy(render: Render, noted: Deploys, service: Service, commit: str) -> Deploy:
    """Start a deploy, or take the one over that an interrupted attempt started as things are.

    To resume a suspended service makes a deploy as well; where that is of our commit, it is ours.
    """
    stored = noted.fingerprint(render, service)
    deploy = under_way(render, noted, service, stored)
    if deploy is None:
        before = [each.id for each in render.deploys(service.id, anew=False)]
        noted.ask_for(service, commit, stored, before)
        if service.suspended:
            render.resume(service.id)
            deploy = under_way(render, noted, service, stored)
    if deploy is None:
        deploy = render.start_deploy(service.id, commit=commit)
    noted.note(service, deploy, stored)
    return deploy


def under_way(render: Render, noted: Deploys, service: Service, stored: str) -> Deploy | None:
    """Return the deploy that was started from here with what is stored now, and has not ended."""
    coming = render.deploy_in_progress(service.id)
    if coming is None:
        return None
    ours = noted.started.get(coming.id) == stored or noted.was_asked_for(service, coming, stored)
    return coming if ours else None


def tell(name: str, deploy: Deploy) -> None:
    """Say how far a deploy is."""
    say(f"{name}: {deploy.status}")


def not_current(
    render: Render, repository: Repository, noted: Deploys, name: str, root: str, commit: str
) -> str:
    """Return why a service does not run the backend of a commit as it is set up now, or nothing."""
    service = render.find_service(name)
    live = served(render, service)
    if service is None or live is None or live.commit is None:
        return "is not live"
    if not same_code(repository, root, live.commit, commit):
        return f"runs {live.commit[:12]}"
    if not noted.carries(render, service, live):
        return "was not started with the variables and settings that are stored for it now"
    return ""


def served(render: Render, service: Service | None) -> Deploy | None:
    """Return the deploy that a service serves with; None where it serves nothing."""
    return render.live_deploy(service.id) if service and not service.suspended else None


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
    """Return what a service runs, and what it is about to run; None where that is nothing.

    A deploy that brought an earlier one back counts as that one: it runs with its variables.
    """
    if service is None:
        return {"commit": None, "deploy": None, "coming": None}
    coming = render.deploy_in_progress(service.id)
    live = served(render, service)
    return {
        "commit": commit_of(live),
        "deploy": render.origin(service.id, live) if live else None,
        "coming": commit_of(coming),
    }
