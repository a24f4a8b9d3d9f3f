"""The services on Render themselves: made, held still, suspended."""

from typing import Any

from handrail.clients.render import Render
from handrail.engine import Commands, Finding, call, fails, holds, step

from .services import Names, names, services_exist

TYPES = {"web": "web_service", "worker": "background_worker", "pserv": "private_service"}
RESUME_TIMEOUT_SECONDS = 15 * 60.0  # what Render gives a service to become healthy
RESUME_POLL_SECONDS = 1.0  # users wait for it


def running(render: Render, services: Names) -> dict[str, bool]:
    """Return, by name, whether a service is there and not suspended."""
    return {name: runs(render, name) for name in names(services)}


def services_are_made(
    render: Render, services: dict[str, str], definitions: dict[str, dict[str, Any]]
) -> Finding:
    """Every service is there, of its type, and deploys only when told to."""
    for part, name in services.items():
        found = render.find_service(name)
        wanted = TYPES[definitions[part]["type"]]
        if found is None:
            return fails(f"Render has no `{name}`")
        if found.type != wanted:
            return fails(f"`{name}` is a {found.type}, not a {wanted}")
        if found.autodeploy:
            return fails(f"`{name}` deploys by itself on every push")
    return holds()


def suspend_made(render: Render, before: dict[str, bool]) -> None:
    """Suspend what did not run before; nothing is deleted, so that its logs stay."""
    for name, ran in before.items():
        found = render.find_service(name)
        if found is not None and not found.suspended and not ran:
            render.suspend(found.id)


@step(
    captures=running,
    ensures=services_are_made,
    rollback=suspend_made,
    idempotent=True,
)
def create(
    render: Render,
    services: dict[str, str],
    definitions: dict[str, dict[str, Any]],
    source: dict[str, str],
) -> Commands:
    """Create services on Render that are not there yet, with autodeploy off.

    Render starts a first deploy with each; it is cancelled, for nothing is configured yet. There
    is no call that makes a Blueprint sync, so the services are made one by one.

    Args:
        render: The workspace.
        services: Names on Render, by the part they play.
        definitions: Blueprint entries by part.
        source: `repo` and `branch` they are built from.

    Raises:
        ClientError: Render refused, or the workspace has no payment method.

    Source: https://api-docs.render.com/reference/create-service
    """
    for part, name in services.items():
        yield call(make, render, body_of(name, definitions[part], source, render.owner))


def body_of(
    name: str, definition: dict[str, Any], source: dict[str, str], owner: str
) -> dict[str, Any]:
    """Return the create call's body for a Blueprint entry."""
    details = {
        "runtime": definition["runtime"],
        "plan": definition["plan"],
        "region": definition["region"],
        "envSpecificDetails": {
            "buildCommand": definition["buildCommand"],
            "startCommand": definition["startCommand"],
        },
    }
    if "healthCheckPath" in definition:
        details["healthCheckPath"] = definition["healthCheckPath"]
    return {
        "type": TYPES[definition["type"]],
        "name": name,
        "ownerId": owner,
        "autoDeploy": "no",
        "rootDir": definition["rootDir"],
        "serviceDetails": details,
        **source,
    }


def make(render: Render, body: dict[str, Any]) -> None:
    """Create one service and cancel its first deploy; an existing one is only held still."""
    found = render.find_service(body["name"])
    if found is None:
        service, deploy = render.create_service(body)
        if deploy:
            render.cancel_deploy(service.id, deploy)
    elif found.autodeploy:
        render.set_autodeploy(found.id, enabled=False)


def autodeploy(render: Render, services: list[str]) -> dict[str, bool]:
    """Return, by name, whether a service deploys by itself."""
    return {name: render.service(name).autodeploy for name in services}


def pushes_deploy_nothing(render: Render, services: list[str]) -> Finding:
    """A push to the branch deploys none of the services."""
    on = [name for name, enabled in autodeploy(render, services).items() if enabled]
    return fails(f"autodeploy is on for {', '.join(on)}") if on else holds()


def restore_autodeploy(render: Render, before: dict[str, bool]) -> None:
    """Set autodeploy as it was."""
    for name, enabled in before.items():
        render.set_autodeploy(render.service(name).id, enabled=enabled)


@step(
    requires=[services_exist],
    captures=autodeploy,
    ensures=pushes_deploy_nothing,
    rollback=restore_autodeploy,
    idempotent=True,
)
def hold(render: Render, services: list[str]) -> Commands:
    """Turn autodeploy off, so that pushed commits deploy nothing.

    Without it the frontend would switch to Django at the first push, before any data is there.
    Rollback through Render's API does not turn autodeploy off either.

    Args:
        render: The workspace.
        services: Names of the services.

    Raises:
        ClientError: Render refused.

    Source: https://render.com/docs/deploys#automatic-deploys
    """
    for name in services:
        yield call(render.set_autodeploy, render.service(name).id, enabled=False)


def services_are_suspended(render: Render, services: list[str]) -> Finding:
    """None of the services runs."""
    up = [name for name, runs in running(render, services).items() if runs]
    return fails(f"still running: {', '.join(up)}") if up else holds()


def resume_suspended(render: Render, before: dict[str, bool]) -> None:
    """Resume what ran before, and wait until it is live again."""
    for name, ran in before.items():
        service = render.service(name)
        if ran and service.suspended:
            render.resume(service.id)
            started = render.deploy_in_progress(service.id)
            if started is not None:
                waiting = (RESUME_TIMEOUT_SECONDS, RESUME_POLL_SECONDS)
                render.wait_for_deploy(service.id, started.id, *waiting)


@step(
    requires=[services_exist],
    captures=running,
    ensures=services_are_suspended,
    rollback=resume_suspended,
    idempotent=True,
)
def suspend(render: Render, services: list[str]) -> Commands:
    """Suspend services; they keep their configuration and can be resumed.

    Args:
        render: The workspace.
        services: Names of the services.

    Raises:
        ClientError: Render refused.

    Source: https://api-docs.render.com/reference/suspend-service
    """
    for name in services:
        yield call(render.suspend, render.service(name).id)


def runs(render: Render, name: str) -> bool:
    """Tell whether a service is there and not suspended."""
    found = render.find_service(name)
    return found is not None and not found.suspended
