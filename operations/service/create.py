"""Task 3.0: the services exist on Render, as described, at the addresses that are written."""

from typing import Any
from urllib.parse import urlsplit

from handrail.clients.errors import ClientError
from handrail.clients.render import Render, Service
from handrail.engine import FROM_TARGET, Commands, Finding, call, fails, holds, holds_if, step

from ..descriptions import (
    CHANGEABLE,
    Definitions,
    body_of,
    changes,
    patch_of,
    they_can_be_made,
    unlike,
)
from ..services import cancel_coming, deleted


def as_found(
    render: Render,
    services: dict[str, str],
    definitions: Definitions,
    service_source: dict[str, str],
) -> dict[str, Any]:
    """Return, by name, whether a service runs, and the settings that are not as described.

    One that is absent, and one that is suspended and as described, read the same: neither does
    anything, and what was made is not deleted by a rollback.
    """
    return {
        name: _as_it_is(render.find_service(name), definitions[part], service_source)
        for part, name in services.items()
    }


def _as_it_is(
    service: Service | None, definition: dict[str, Any], source: dict[str, str]
) -> bool | dict[str, Any]:
    """Return whether a service runs; where it is not as described, with its settings."""
    if service is None:
        return False
    runs = not service.suspended
    different = {
        key: getattr(service, CHANGEABLE[key]) for key in changes(service, definition, source)
    }
    if different or service.autodeploy:
        return {"runs": runs, "autodeploy": service.autodeploy, "settings": different}
    return runs


def services_are_made(
    render: Render,
    services: dict[str, str],
    definitions: Definitions,
    service_source: dict[str, str],
    addresses: dict[str, str],
    asleep: list[str],
) -> Finding:
    """Every service is there as described, at its address, and deploys only when told to."""
    for part, name in services.items():
        found = render.find_service(name)
        if found is None:
            return fails(f"Render has no `{name}`")
        made = is_as_described(found, definitions[part], service_source)
        if not made.passed:
            return made
        if part in asleep and is_awake(render, found):
            return fails(f"`{name}` is not suspended yet")
        placed = is_at(found, addresses.get(part, found.url))
        if not placed.passed:
            return placed
    return holds()


def is_as_described(
    service: Service, definition: dict[str, Any], source: dict[str, str]
) -> Finding:
    """The service is of the described kind and settings, and no push deploys it."""
    if other := unlike(service, definition):
        return fails(f"`{service.name}` {other}", fix_of_stranger(service.name))
    if different := changes(service, definition, source):
        return fails(f"`{service.name}` has another {', '.join(different)}")
    return holds_if(not service.autodeploy, f"`{service.name}` deploys by itself on every push")


def is_at(service: Service, wanted: str) -> Finding:
    """The service has the address that the inventory says."""
    if service.url.rstrip("/") == wanted.rstrip("/"):
        return holds()
    return fails(
        f"Render gave `{service.name}` the address {service.url}, and the inventory says {wanted}",
        f"write `{host_of(service.url)}` into the inventory wherever it says `{host_of(wanted)}`: "
        f"what answers at {wanted} may belong to somebody else",
    )


def host_of(url: str) -> str:
    """Return the part of an address that an inventory repeats: in WebSockets, in allowed hosts."""
    return urlsplit(url).netloc


def restore_found(render: Render, before: dict[str, Any]) -> None:
    """Put settings back, and suspend what did not run; nothing is deleted, so that logs stay."""
    for name, was in before.items():
        found = render.find_service(name)
        if found is not None:
            put_back(render, found, was if isinstance(was, dict) else {"runs": was})


def put_back(render: Render, service: Service, was: dict[str, Any]) -> None:
    """Give a service the settings that it had, and let it run if it ran."""
    if was.get("settings"):
        render.patch_service(service.id, patch_of(was["settings"]))
    if was.get("autodeploy", False) is not service.autodeploy:
        render.set_autodeploy(service.id, enabled=was.get("autodeploy", False))
    let_run_or_rest(render, service, runs=was["runs"])


def let_run_or_rest(render: Render, service: Service, *, runs: bool) -> None:
    """Resume a service that ran before, and suspend one that did not."""
    if not service.suspended and not runs:
        render.suspend(service.id)
    if service.suspended and runs:
        wake(render, service)


@step(
    requires=[they_can_be_made],
    captures=as_found,
    ensures=services_are_made,
    rollback=restore_found,
    rollback_name="Suspend the services that did not run before; none is deleted",
    gone=deleted,
    idempotent=True,
)
def create(
    *,
    render: Render = FROM_TARGET,
    services: dict[str, str] = FROM_TARGET,
    definitions: Definitions = FROM_TARGET,
    service_source: dict[str, str] = FROM_TARGET,
    addresses: dict[str, str],
    asleep: list[str],
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
        service_source: `repo` and `branch` they are built from.
        addresses: Public addresses by part, for those that the inventory names.
        asleep: Parts that are suspended until a later step deploys them: whatever else may start
            deploys, these do not run before their time.

    Raises:
        ClientError: Render refused, or the workspace has no payment method.

    Source: https://api-docs.render.com/reference/create-service
    """
    for part, name in services.items():
        yield call(make, render, name, definitions[part], service_source)
        if part in asleep:
            yield call(put_to_sleep, render, name)


def make(render: Render, name: str, definition: dict[str, Any], source: dict[str, str]) -> None:
    """Create one service and cancel its first deploy, or give one that is there its settings.

    A deploy that is under way of a service that never was live is cancelled, too: somebody's push
    or a Blueprint began it, and nothing is configured yet.
    """
    found = render.find_service(name)
    if found is None:
        body = body_of(name, definition, source, render.owner)
        service, deploy = render.create_service(body)
        if deploy:
            render.cancel_deploy(service.id, deploy)
    else:
        _make_like(render, found, definition, source)


def _make_like(
    render: Render, found: Service, definition: dict[str, Any], source: dict[str, str]
) -> None:
    if other := unlike(found, definition):
        fix = fix_of_stranger(found.name)
        raise ClientError(f"`{found.name}` was left as it is", f"it {other}", fix)
    if found.autodeploy:
        render.set_autodeploy(found.id, enabled=False)
    if render.live_deploy(found.id) is None:
        cancel_coming(render, found)
    if different := changes(found, definition, source):
        render.patch_service(found.id, patch_of(different))


def put_to_sleep(render: Render, name: str) -> None:
    """Suspend a service that nobody has deployed yet."""
    found = render.service(name)
    if is_awake(render, found):
        render.suspend(found.id)


def wake(render: Render, service: Service) -> None:
    """Resume a service; where it never was live, Render's own deploy of it is cancelled."""
    render.resume(service.id)
    if render.live_deploy(service.id) is None:
        cancel_coming(render, service)


def is_awake(render: Render, service: Service) -> bool:
    """Tell whether a service may start by itself: not suspended, though it never was deployed."""
    if service.suspended:
        return False
    return all(deploy.status == "canceled" for deploy in render.deploys(service.id))


def fix_of_stranger(name: str) -> str:
    """Return what to do about a service that only has the name of ours."""
    return f"choose another name than `{name}` in the inventory, or rename that service on Render"
