"""Commands that run inside Render's network, as one-off jobs on a service's build."""

from handrail.clients.errors import ClientError
from handrail.clients.render import Render
from handrail.engine import (
    FROM_TARGET,
    Commands,
    Finding,
    call,
    fails,
    gate,
    holds,
    irreversible,
    say,
    step,
    waits,
)

from .services import service_exists

TAIL = 10  # lines of output that are told


def proof_succeeds(render: Render, service: str, proof: str, timeout_seconds: float) -> Finding:
    """The command that proves it ends well, as a job of the service."""
    return ends_well(render, service, proof, timeout_seconds)


def cancel_it(render: Render, service: str, command: str) -> None:
    """Cancel the job of an interrupted attempt, if it is still at work."""
    found = render.find_service(service)
    if found is not None:
        render.cancel_jobs(found.id, command)


@step(
    requires=[service_exists],
    ensures=proof_succeeds,
    rollback=irreversible(
        "what a command changed inside the application is not known here",
        instead="restore the database from its backup where its tables must go; code that does "
        "not know the new tables does not read them",
    ),
    idempotent=True,
    cancels=cancel_it,
)
def run(
    *,
    render: Render = FROM_TARGET,
    service: str = FROM_TARGET["services.web"],
    command: str,
    proof: str,
    timeout_seconds: float,
) -> Commands:
    """Run a command as a one-off job of a service.

    A job goes on when the attempt that started it is killed: the next attempt takes it over, and a
    rollback cancels it.

    Args:
        render: The workspace.
        service: A service with a successful build; its variables are the job's.
        command: A line for `sh`, such as ``python manage.py migrate --noinput``. It must be safe to
            run again.
        proof: A line that ends well exactly when the command has done its work.
        timeout_seconds: Longest time for each of them.

    Raises:
        ClientError: the command failed, with the end of its output; or Render refused.

    Source: https://render.com/docs/one-off-jobs
    """
    yield call(do, render, service, command, timeout_seconds)


def do(render: Render, service: str, command: str, timeout_seconds: float) -> None:
    """Run a command, and tell what it printed."""
    waits(f"`{command}` has not ended on {service}", timeout_seconds)
    ended = render.run_job(render.service(service).id, command, timeout_seconds, take_over=True)
    for line in ended.lines[-TAIL:]:
        say(line)
    if ended.status != 0:
        told = " / ".join(ended.lines[-TAIL:]) or "none"
        raise ClientError(
            f"`{command}` failed on `{service}`",
            f"it ended with status {ended.status}; its last lines: {told}",
            "mend what it names, deploy that, then the same command again",
        )


@gate(fix="mend what its output names, deploy that, then the same command again")
def passes(
    *,
    render: Render = FROM_TARGET,
    service: str = FROM_TARGET["services.web"],
    command: str,
    timeout_seconds: float,
) -> Finding:
    """A command ends well as a one-off job of the service."""
    return ends_well(render, service, command, timeout_seconds)


def ends_well(render: Render, service: str, command: str, timeout_seconds: float) -> Finding:
    """Run a command as a job; its output is the reason where it does not end well."""
    ended = render.run_job(render.service(service).id, command, timeout_seconds)
    if ended.status == 0:
        return holds()
    said = " / ".join(ended.lines[-TAIL:]) or "it printed nothing"
    return fails(f"`{command}` ended with status {ended.status} on `{service}`: {said}")
