"""Task 3.0: the services exist on Render, as described, at the addresses that are written."""

from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.render import Render, Service
from handrail.engine import Commands, Finding, call, fails, holds, step

TYPES = {"web": "web_service", "worker": "background_worker", "pserv": "private_service"}
# What Render lets be changed, by the name it has in a Blueprint, and how a service reads there.
# Source: https://api-docs.render.com/reference/update-service
CHANGEABLE = {
    "rootDir": "root_dir",
    "buildCommand": "build_command",
    "startCommand": "start_command",
    "healthCheckPath": "health_check_path",
    "plan": "plan",
    "repo": "repo",
    "branch": "branch",
}
FIXED = {"runtime": "runtime", "region": "region"}
DETAILS = {"buildCommand", "startCommand", "healthCheckPath", "plan"}
COMMANDS = {"buildCommand", "startCommand"}

Definitions = dict[str, dict[str, Any]]  # Blueprint entries by the part they play


def as_found(
    render: Render, services: dict[str, str], definitions: Definitions, source: dict[str, str]
) -> dict[str, Any]:
    """Return, by name, whether a service runs, and the settings that are not as described.

    One that is absent, and one that is suspended and as described, read the same: neither does
    anything, and what was made is not deleted by a rollback.
    """
    found: dict[str, Any] = {}
    for part, name in services.items():
        service = render.find_service(name)
        found[name] = runs = service is not None and not service.suspended
        if service is not None:
            different = {
                key: getattr(service, CHANGEABLE[key])
                for key in changes(service, definitions[part], source)
            }
            if different or service.autodeploy:
                more = {"autodeploy": service.autodeploy, "settings": different}
                found[name] = {"runs": runs, **more}
    return found


def services_are_made(
    render: Render,
    services: dict[str, str],
    definitions: Definitions,
    source: dict[str, str],
    addresses: dict[str, str],
) -> Finding:
    """Every service is there as described, at its address, and deploys only when told to."""
    for part, name in services.items():
        found = render.find_service(name)
        if found is None:
            return fails(f"Render has no `{name}`")
        other = unlike(found, definitions[part])
        if other:
            return fails(f"`{name}` {other}", fix_of_stranger(name))
        if found.autodeploy:
            return fails(f"`{name}` deploys by itself on every push")
        different = changes(found, definitions[part], source)
        if different:
            return fails(f"`{name}` has another {', '.join(different)}")
        wanted = addresses.get(part)
        if wanted is not None and found.url.rstrip("/") != wanted.rstrip("/"):
            return fails(
                f"Render gave `{name}` the address {found.url}, and the inventory says {wanted}",
                f"write {found.url} into the inventory wherever it says {wanted}: what answers "
                "there may belong to somebody else",
            )
    return holds()


def restore_found(render: Render, before: dict[str, Any]) -> None:
    """Put settings back, and suspend what did not run; nothing is deleted, so that logs stay."""
    for name, was in before.items():
        found = render.find_service(name)
        if found is None:
            continue
        known = was if isinstance(was, dict) else {"runs": was, "settings": {}}
        if known["settings"]:
            render.patch_service(found.id, patch_of(known["settings"]))
        if known.get("autodeploy", False) is not found.autodeploy:
            render.set_autodeploy(found.id, enabled=known.get("autodeploy", False))
        if not found.suspended and not known["runs"]:
            render.suspend(found.id)


@step(
    captures=as_found,
    ensures=services_are_made,
    rollback=restore_found,
    idempotent=True,
)
def create(
    render: Render,
    services: dict[str, str],
    definitions: Definitions,
    source: dict[str, str],
    addresses: dict[str, str],
) -> Commands:
    """Create services on Render that are not there yet, with autodeploy off.

    Render starts a first deploy with each; it is cancelled, for nothing is configured yet. There
    is no call that makes a Blueprint sync, so the services are made one by one. One that is there
    already gets the described settings; one of another type, runtime or region is refused, and so
    is an address that the inventory does not know: names are one name space for all of Render.

    Args:
        render: The workspace.
        services: Names on Render, by the part they play.
        definitions: Blueprint entries by part.
        source: `repo` and `branch` they are built from.
        addresses: Public addresses by part, for those that the inventory names.

    Raises:
        ClientError: Render refused, or the workspace has no payment method.

    Source: https://api-docs.render.com/reference/create-service
    """
    for part, name in services.items():
        yield call(make, render, name, definitions[part], source)


def make(render: Render, name: str, definition: dict[str, Any], source: dict[str, str]) -> None:
    """Create one service and cancel its first deploy, or give one that is there its settings."""
    found = render.find_service(name)
    if found is None:
        body = body_of(name, definition, source, render.owner)
        service, deploy = render.create_service(body)
        if deploy:
            render.cancel_deploy(service.id, deploy)
        return
    if other := unlike(found, definition):
        raise ClientError(f"`{name}` was left as it is", f"it {other}", fix_of_stranger(name))
    if found.autodeploy:
        render.set_autodeploy(found.id, enabled=False)
    if different := changes(found, definition, source):
        render.patch_service(found.id, patch_of(different))


def unlike(found: Service, definition: dict[str, Any]) -> str:
    """Return what makes a service another one than is described, or nothing."""
    wanted = TYPES[definition["type"]]
    if found.type != wanted:
        return f"is a {found.type}, not a {wanted}"
    for key, field in FIXED.items():
        if key in definition and getattr(found, field) != definition[key]:
            return f"has the {key} {getattr(found, field)}, not {definition[key]}"
    return ""


def changes(found: Service, definition: dict[str, Any], source: dict[str, str]) -> dict[str, str]:
    """Return the described settings that a service does not have."""
    wanted = {key: str(definition[key]) for key in CHANGEABLE if key in definition} | {
        key: value.removesuffix(".git") for key, value in source.items()
    }
    return {
        key: value
        for key, value in wanted.items()
        if str(getattr(found, CHANGEABLE[key])).removesuffix(".git") != value
    }


def patch_of(settings: dict[str, str]) -> dict[str, Any]:
    """Return the body of the call that changes settings."""
    body: dict[str, Any] = {key: each for key, each in settings.items() if key not in DETAILS}
    details: dict[str, Any] = {
        key: each for key, each in settings.items() if key in DETAILS - COMMANDS
    }
    commands = {key: each for key, each in settings.items() if key in COMMANDS}
    if commands:
        details["envSpecificDetails"] = commands
    return body | ({"serviceDetails": details} if details else {})


def fix_of_stranger(name: str) -> str:
    """Return what to do about a service that only has the name of ours."""
    return f"choose another name than `{name}` in the inventory, or rename that service on Render"


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
