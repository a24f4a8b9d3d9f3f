"""Task 0.1: a push of render.yaml makes and changes no service by itself."""

from handrail.clients.render import Render
from handrail.engine import FROM_TARGET, Commands, Finding, call, holds_if, step


def automatic_sync(render: Render, service_source: dict[str, str]) -> dict[str, bool]:
    """Return, by id, whether a Blueprint of the repository syncs by itself."""
    return {each.id: each.auto_sync for each in render.blueprints(service_source["repo"])}


def pushes_change_no_service(render: Render, service_source: dict[str, str]) -> Finding:
    """A push of render.yaml makes and changes no service."""
    on = [each.name for each in render.blueprints(service_source["repo"]) if each.auto_sync]
    return holds_if(not on, f"a push changes services by Blueprint {' and '.join(on)}")


def disconnected(
    render: Render, service_source: dict[str, str], before: dict[str, bool]
) -> dict[str, str]:
    """Return which of the Blueprints are gone for good, each in a sentence."""
    there = {each.id for each in render.blueprints(service_source["repo"])}
    gone = [each for each in before if each not in there and render.is_disconnected(each)]
    return {each: f"Blueprint `{each}` was disconnected: no push syncs by it" for each in gone}


def restore_sync(render: Render, service_source: dict[str, str], before: dict[str, bool]) -> None:
    """Let each Blueprint that is still there sync as it did."""
    for each in render.blueprints(service_source["repo"]):
        if before.get(each.id, each.auto_sync) is not each.auto_sync:
            render.set_auto_sync(each.id, enabled=before[each.id])


@step(
    captures=automatic_sync,
    ensures=pushes_change_no_service,
    rollback=restore_sync,
    rollback_name="Let pushes of render.yaml change services where they did",
    gone=disconnected,
    idempotent=True,
)
def pause(
    *, render: Render = FROM_TARGET, service_source: dict[str, str] = FROM_TARGET
) -> Commands:
    """Stop Blueprints from syncing, so that a push of render.yaml starts nothing.

    A Blueprint syncs by itself unless it is told not to. The push of the new file would make and
    start every service in it before any row is there, and turn autodeploy on again.

    Args:
        render: The workspace.
        service_source: `repo` and `branch` that the services are built from.

    Raises:
        ClientError: Render refused.

    Source: https://render.com/docs/infrastructure-as-code
    """
    for each in render.blueprints(service_source["repo"]):
        yield call(render.set_auto_sync, each.id, enabled=False)
