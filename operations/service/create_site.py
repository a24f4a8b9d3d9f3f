"""Task 3.0.1: where Node served the frontend, a static site is made that does."""

from collections.abc import Mapping
from typing import Any

from handrail.clients.render import Render, Service
from handrail.engine import FROM_TARGET, Commands, Finding, call, fails, holds_if, say, step, waits

from ..services import cancel_coming
from ..waiting import Waiting
from .create import fix_of_stranger

STATIC = "static_site"


def site_runs(render: Render, frontend_service: str) -> bool:
    """Tell whether the site is there and not suspended."""
    found = render.find_service(frontend_service)
    return found is not None and not found.suspended


def site_serves(render: Render, frontend_service: str, frontend_url: str) -> Finding:
    """A static site serves the frontend at its address."""
    found = render.find_service(frontend_service)
    if found is None:
        return fails(f"Render has no `{frontend_service}`: Node serves the frontend until now")
    if found.type != STATIC:
        why = f"`{frontend_service}` is a {found.type}, not a {STATIC}"
        return fails(why, fix_of_stranger(frontend_service))
    if found.url.rstrip("/") != frontend_url.rstrip("/"):
        return fails(
            f"Render gave `{frontend_service}` the address {found.url}, and the inventory says "
            f"{frontend_url}",
            f"write {found.url} into the inventory wherever it says {frontend_url}",
        )
    live = None if found.suspended else render.live_deploy(found.id)
    return holds_if(live, f"`{frontend_service}` does not serve yet")


def what_is_made(
    render: Render, frontend_service: str, frontend_url: str, variables: Mapping[str, str]
) -> str:
    """Say that a site is made, and what becomes of the users."""
    if render.find_service(frontend_service) is not None:
        return f"`{frontend_service}` is there"
    built = ", ".join(f"{name}={value}" for name, value in variables.items())
    return (
        f"no static site serves the frontend: `{frontend_service}` is made at {frontend_url}, "
        f"built with {built}\n"
        "users have Node's pages until their domain points to that address"
    )


def suspend_made(render: Render, frontend_service: str, before: bool) -> None:  # noqa: FBT001
    """Suspend a site that did not run before; nothing is deleted, so that its logs stay."""
    found = render.find_service(frontend_service)
    if found is None or before:
        return
    cancel_coming(render, found)
    if not found.suspended:
        render.suspend(found.id)


@step(
    captures=site_runs,
    ensures=site_serves,
    rollback=suspend_made,
    rollback_name="Suspend the static site that was made",
    idempotent=True,
    preview=what_is_made,
)
def create_site(
    *,
    render: Render = FROM_TARGET,
    frontend_service: str = FROM_TARGET,
    frontend_url: str = FROM_TARGET,
    site: dict[str, Any] = FROM_TARGET["blueprint_others.site"],
    service_source: dict[str, str] = FROM_TARGET,
    variables: Mapping[str, str],
    waiting: Waiting = FROM_TARGET,
) -> Commands:
    """Make the static site of a frontend that Node served until now.

    It is built for the legacy backend first: then it serves what users have, the switch is a
    change of what is there, and the way back leads to a build that exists.

    Args:
        render: The workspace.
        frontend_service: Name of the site.
        frontend_url: Its public address.
        site: Its entry in render.yaml; the name is the argument's.
        service_source: `repo` and `branch` it is built from.
        variables: Build variables that name the legacy backend.
        waiting: Longest wait for its first deploy, and the pause between two looks.

    Raises:
        ClientError: Render refused, or the build failed.

    Source: https://render.com/docs/static-sites
    """
    yield call(make_site, render, frontend_service, site, service_source, dict(variables))
    yield call(bring_live, render, frontend_service, waiting)


def make_site(
    render: Render,
    name: str,
    site: dict[str, Any],
    source: dict[str, str],
    variables: dict[str, str],
) -> None:
    """Create the site with its variables, so that its first deploy is the right one."""
    if render.find_service(name) is not None:
        return
    details = {
        "buildCommand": site["buildCommand"],
        "publishPath": site["staticPublishPath"],
        "routes": site.get("routes", []),
    }
    render.create_service({
        "type": STATIC,
        "name": name,
        "autoDeploy": "no",
        "rootDir": site.get("rootDir", ""),
        "envVars": [{"key": key, "value": value} for key, value in variables.items()],
        "serviceDetails": details,
        **source,
    })  # fmt: skip


def bring_live(render: Render, name: str, waiting: Waiting) -> None:
    """Wait for the deploy that is under way, or start one; a site that serves is left alone."""
    found = render.service(name)
    if found.suspended:
        render.resume(found.id)
    elif render.live_deploy(found.id) is not None:
        return
    follow(render, found, waiting)


def follow(render: Render, site: Service, waiting: Waiting) -> None:
    """Wait until the site's newest deploy is live."""
    coming = render.deploy_in_progress(site.id) or render.start_deploy(site.id)
    waits(f"the deploy of {site.name} is not live yet", waiting.timeout_seconds)
    render.wait_for_deploy(
        site.id, coming.id, *waiting, on_status=lambda now: say(f"{site.name}: {now.status}")
    )
