"""Task 3.0: the services exist on Render."""

from typing import Any

from handrail.clients.render import Render
from handrail.engine import Commands, Finding, call, fails, holds, step

from ..services import running

TYPES = {"web": "web_service", "worker": "background_worker", "pserv": "private_service"}


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
