"""Tasks 6.1 and 11.2: the site that serves the frontend turns to Django."""

import hashlib
from typing import Any

from operations.checks import site_exists
from operations.clients.render import Render
from operations.clients.secret import Secret
from operations.clients.site import script
from operations.engine import Commands, Finding, call, fails, holds, say, step


def what_it_serves(render: Render, service: str, url: str, variables: dict[str, str]) -> Any:
    """Return the commit that is live, the digest of its script, and the variables as they are."""
    found = render.service(service)
    values = render.env_vars(found.id)
    live = render.live_deploy(found.id)
    return {
        "commit": live.commit if live else None,
        "script_sha256": hashlib.sha256(script(url).encode()).hexdigest(),
        "variables": {n: Secret.of(values[n]) if n in values else None for n in variables},
    }


def frontend_uses(url: str, variables: dict[str, str], prefix: str) -> Finding:
    """The script that browsers get names the new backend."""
    text = script(url)
    for wanted in (*variables.values(), prefix):
        if wanted not in text:
            return fails(f"the script at {url} does not name {wanted}")
    return holds()


def restore_site(
    render: Render,
    service: str,
    url: str,
    before: dict[str, Any],
    deploy_timeout_seconds: float,
    poll_seconds: float,
) -> None:
    """Set the variables as they were and bring back the deploy that served what browsers got.

    Render reuses that deploy's build: no build stands between the decision and the users.
    """
    found = render.service(service)
    values = render.env_vars(found.id)
    for name, value in before["variables"].items():
        values.pop(name, None)
        if value is not None:
            values[name] = value.reveal()
    render.replace_env_vars(found.id, values)
    for deploy in render.deploys(found.id, 100):
        if hashlib.sha256(script(url).encode()).hexdigest() == before["script_sha256"]:
            return
        if deploy.status == "deactivated" and deploy.commit == before["commit"]:
            started = render.rollback(found.id, deploy.id)
            render.wait_for_deploy(found.id, started.id, deploy_timeout_seconds, poll_seconds)


@step(
    requires=[site_exists],
    captures=what_it_serves,
    ensures=frontend_uses,
    rollback=restore_site,
    idempotent=True,
)
def release(
    render: Render,
    service: str,
    url: str,
    variables: dict[str, str],
    prefix: str,
    deploy_timeout_seconds: float,
    poll_seconds: float,
) -> Commands:
    """Build and publish the frontend against the new backend.

    Variables of the service rank above `.env.production`, so staging and production build the
    same commit for different backends.

    Args:
        render: The workspace.
        service: Name of the static site.
        url: Public address of the site, without a trailing slash.
        variables: Build variables, such as `VITE_API_URL`.
        prefix: Path of the API that the script must name.
        deploy_timeout_seconds: Longest wait.
        poll_seconds: Wait between two looks.

    Raises:
        ClientError: the build failed, or Render refused.

    Source: https://vite.dev/guide/env-and-mode
    """
    yield call(set_variables, render, service, variables)
    yield call(publish, render, service, deploy_timeout_seconds, poll_seconds)


def set_variables(render: Render, service: str, variables: dict[str, str]) -> None:
    """Set build variables beside those that are there."""
    identity = render.service(service).id
    render.replace_env_vars(identity, render.env_vars(identity) | variables)


def publish(
    render: Render, service: str, deploy_timeout_seconds: float, poll_seconds: float
) -> None:
    """Deploy the site at the tip of its branch and wait until it is live."""
    found = render.service(service)
    deploy = render.deploy_in_progress(found.id) or render.start_deploy(found.id)
    waiting = (deploy_timeout_seconds, poll_seconds)
    render.wait_for_deploy(
        found.id, deploy.id, *waiting, on_status=lambda now: say(f"{service}: {now.status}")
    )
