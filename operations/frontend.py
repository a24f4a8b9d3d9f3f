"""Tasks 6.1 and 11.2: the site that serves the frontend turns to Django."""

from collections.abc import Iterable
from typing import Any

from handrail.clients.render import Deploy, Render
from handrail.clients.secret import Secret
from handrail.clients.site import script
from handrail.engine import FROM_TARGET, Commands, Finding, call, fails, holds, say, step, waits

from .site import bring_back, site_exists, site_is_gone, what_is_served
from .waiting import Waiting


def what_it_serves(
    render: Render, frontend_service: str, frontend_url: str, variables: Iterable[str]
) -> Any:
    """Return what is served and on its way, and the build variables as they are."""
    found = render.find_service(frontend_service)
    values = render.env_vars(found.id) if found else {}
    return {
        "variables": {n: Secret.of(values[n]) if n in values else None for n in variables},
        "served": what_is_served(render, frontend_service, frontend_url),
    }


def frontend_uses(frontend_url: str, variables: dict[str, str], prefix: str) -> Finding:
    """The script that browsers get names the new backend."""
    text = script(frontend_url)
    for wanted in (*variables.values(), prefix):
        if wanted not in text:
            return fails(f"the script at {frontend_url} does not name {wanted}")
    return holds()


def restore_site(
    render: Render,
    frontend_service: str,
    frontend_url: str,
    before: dict[str, Any],
    waiting: Waiting,
) -> None:
    """Set the variables as they were and bring back the deploy that served what browsers got.

    Render reuses that deploy's build: no build stands between the decision and the users.
    """
    found = render.find_service(frontend_service)
    if found is None:
        return
    values = render.env_vars(found.id)
    for name, value in before["variables"].items():
        values.pop(name, None)
        if value is not None:
            values[name] = value.reveal()
    render.replace_env_vars(found.id, values)
    bring_back(render, frontend_service, frontend_url, before["served"], waiting)


@step(
    requires=[site_exists],
    captures=what_it_serves,
    ensures=frontend_uses,
    rollback=restore_site,
    rollback_name="Give browsers the frontend that they had before",
    gone=site_is_gone,
    idempotent=True,
)
def release(
    *,
    render: Render = FROM_TARGET,
    frontend_service: str = FROM_TARGET,
    frontend_url: str = FROM_TARGET,
    variables: dict[str, str],
    prefix: str = FROM_TARGET["api_prefix"],
    waiting: Waiting = FROM_TARGET,
) -> Commands:
    """Build and publish the frontend against the new backend.

    Variables of the service rank above `.env.production`, so staging and production build the
    same commit for different backends.

    Args:
        render: The workspace.
        frontend_service: Name of the static site.
        frontend_url: Public address of the site, without a trailing slash.
        variables: Build variables, such as `VITE_API_URL`.
        prefix: Path of the API that the script must name.
        waiting: Longest wait for the deploy, and the pause between two looks.

    Raises:
        ClientError: the build failed, or Render refused.

    Source: https://vite.dev/guide/env-and-mode
    """
    yield call(set_variables, render, frontend_service, variables)
    yield call(publish, render, frontend_service, frontend_url, variables, prefix, waiting)


def set_variables(render: Render, service: str, variables: dict[str, str]) -> None:
    """Set build variables beside those that are there."""
    identity = render.service(service).id
    render.replace_env_vars(identity, render.env_vars(identity) | variables)


def publish(
    render: Render,
    service: str,
    url: str,
    variables: dict[str, str],
    prefix: str,
    waiting: Waiting,
) -> None:
    """Deploy the site at the tip of its branch and wait until it is live.

    A deploy that is on its way is waited for: that of an interrupted attempt is enough, and that
    of somebody else, made with other variables, is followed by ours.
    """
    found = render.service(service)

    def follow(deploy: Deploy) -> None:
        waits(f"the deploy of {service} is not live yet", waiting.timeout_seconds)
        render.wait_for_deploy(
            found.id, deploy.id, *waiting, on_status=lambda now: say(f"{service}: {now.status}")
        )

    coming = render.deploy_in_progress(found.id)
    if coming is not None:
        follow(coming)
        if frontend_uses(url, variables, prefix).passed:
            return
    follow(render.start_deploy(found.id))
