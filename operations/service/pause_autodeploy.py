"""Task 0.1: a push deploys nothing by itself."""

from collections.abc import Sequence

from handrail.clients.render import Render
from handrail.engine import FROM_TARGET, Commands, Finding, call, check, holds_if, step
from handrail.naming import ticked

from ..services import deleted


@check(fix="create the services first, or correct their names in the inventory")
def they_exist(render: Render, services: list[str], made_later: Sequence[str]) -> Finding:
    """The services exist on Render, but for those that a later step makes."""
    wanted = [name for name in services if name not in made_later]
    missing = [name for name in wanted if render.find_service(name) is None]
    return holds_if(not missing, f"Render has no {ticked(missing)}")


def autodeploy(render: Render, services: list[str]) -> dict[str, bool]:
    """Return, by name, whether a service deploys by itself; one that is not there does not."""
    found = {name: render.find_service(name) for name in services}
    return {name: each is not None and each.autodeploy for name, each in found.items()}


def pushes_deploy_nothing(render: Render, services: list[str]) -> Finding:
    """A push to the branch deploys none of the services."""
    on = [name for name, enabled in autodeploy(render, services).items() if enabled]
    return holds_if(not on, f"autodeploy is on for {', '.join(on)}")


def restore_autodeploy(render: Render, before: dict[str, bool]) -> None:
    """Set autodeploy as it was."""
    for name, enabled in before.items():
        found = render.find_service(name)
        if found is not None:
            render.set_autodeploy(found.id, enabled=enabled)


@step(
    requires=[they_exist],
    captures=autodeploy,
    ensures=pushes_deploy_nothing,
    rollback=restore_autodeploy,
    rollback_name="Let pushes deploy again where they did",
    gone=deleted,
    idempotent=True,
)
def pause_autodeploy(
    *, render: Render = FROM_TARGET, services: list[str], made_later: Sequence[str] = ()
) -> Commands:
    """Turn autodeploy off, so that pushed commits deploy nothing.

    Without it the frontend would switch to Django at the first push, before any data is there.
    Rollback through Render's API does not turn autodeploy off either.

    Args:
        render: The workspace.
        services: Names of the services.
        made_later: Those that may not be there yet, as the site of a frontend that Node serves.

    Raises:
        ClientError: Render refused.

    Source: https://render.com/docs/deploys#automatic-deploys
    """
    for name in services:
        found = render.find_service(name)
        if found is not None:
            yield call(render.set_autodeploy, found.id, enabled=False)
