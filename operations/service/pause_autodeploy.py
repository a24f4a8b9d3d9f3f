"""Task 0.1: a push deploys nothing by itself."""

from handrail.clients.render import Render
from handrail.engine import FROM_TARGET, Commands, Finding, call, fails, holds, step

from ..services import services_exist


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
    rollback_name="Let pushes deploy again where they did",
    idempotent=True,
)
def pause_autodeploy(*, render: Render = FROM_TARGET, services: list[str]) -> Commands:
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
