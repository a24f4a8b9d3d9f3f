"""Task 14: services that are not needed any more are suspended."""

from handrail.clients.render import Render
from handrail.engine import FROM_TARGET, Commands, Finding, call, holds_if, step, waits

from ..services import deleted, running, services_exist

RESUME_TIMEOUT_SECONDS = 15 * 60.0  # what Render gives a service to become healthy
RESUME_POLL_SECONDS = 1.0  # users wait for it


def services_are_suspended(render: Render, services: list[str]) -> Finding:
    """None of the services runs."""
    up = [name for name, runs in running(render, services).items() if runs]
    return holds_if(not up, f"still running: {', '.join(up)}")


def resume_suspended(render: Render, before: dict[str, bool]) -> None:
    """Resume what ran before, and wait until it is live again."""
    for name, ran in before.items():
        service = render.find_service(name)
        if ran and service is not None and service.suspended:
            render.resume(service.id)
            started = render.deploy_in_progress(service.id)
            if started is not None:
                waits(f"{name} is not live yet", RESUME_TIMEOUT_SECONDS)
                waiting = (RESUME_TIMEOUT_SECONDS, RESUME_POLL_SECONDS)
                render.wait_for_deploy(service.id, started.id, *waiting)


@step(
    requires=[services_exist],
    captures=running,
    ensures=services_are_suspended,
    rollback=resume_suspended,
    rollback_name="Start again what ran before, and wait until it is live",
    gone=deleted,
    idempotent=True,
)
def suspend(*, render: Render = FROM_TARGET, services: list[str]) -> Commands:
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
