"""How a step that does not go on is recorded, told and stops the others."""

from pyinfra.api.command import PyinfraCommand
from pyinfra.context import host

from handrail.clients.masking import mask_error
from handrail.engine.act import Act
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.failure import Failure
from handrail.engine.telling import failing, tell
from handrail.ledger.entry import Event
from handrail.ledger.errors import PreconditionUnmet, RunbookError
from handrail.ledger.run import Declared


def refuse_after_failure(attempt: Attempt) -> None:
    """Raise where another target has failed: no step starts anywhere after it."""
    if attempt.stopped_by:
        raise PreconditionUnmet(
            f"nothing more starts on {host.name}",
            f"the run stopped at {attempt.stopped_by}",
            "mend that, then the same command again",
        )


def refused(attempt: Attempt, declared: Declared, error: RunbookError) -> PyinfraCommand:
    """Record a refusal where that is possible, and return it as a command that fails."""
    record_refusal(attempt, declared, error.why)
    return failing(str(error))


def record_refusal(attempt: Attempt, declared: Declared, why: str) -> None:
    """Record that a step did not start; after a stop the ledger has its cause already."""
    if attempt.stopped_by:
        return
    attempt.stop(f"{declared.step} ({declared.task}) on {host.name}")
    if attempt.writer is None:
        return  # not the writer, and it is told why
    try:
        body = {"why": why}
        attempt.append(Event.STEP_REFUSED, task=declared.task, step=declared.step, body=body)
    except RunbookError as unwritable:
        tell(str(unwritable))


def failed(act: Act, error: RunbookError) -> PyinfraCommand:
    """Record that a step acted and is not proven, and return it as a command that fails."""
    record_failure(act, error.why)
    return failing(str(error))


def record_failure(act: Act, why: str, failure: Failure | None = None) -> None:
    """Record a failure, with what its command left behind.

    A ledger that does not take it leaves the step in doubt, as it is.
    """
    evidence = failure.evidence() if failure else {}
    act.attempt.stop(f"{act.contract.name} ({act.task.declared.task}) on {host.name}")
    try:
        act.record(Event.STEP_FAILED, why=why, **evidence)
    except RunbookError as unwritable:
        tell(str(unwritable))


def because(stop: BaseException, failure: Failure) -> str:
    """Return why the commands of a step ended early."""
    if failure:
        return failure.why
    if isinstance(stop, GeneratorExit):  # a command failed and pyinfra let go of the body
        return "a command did not succeed; its output stands above"
    if isinstance(stop, KeyboardInterrupt | SystemExit):
        return "it was interrupted"
    return unforeseen(stop)


def unforeseen(bug: BaseException) -> str:
    """Return a bug's name for the ledger; its text could hold anything, and stays in the output."""
    mask_error(bug)  # pyinfra prints it, and may write it to a file
    return f"unforeseen: {type(bug).__name__}; the traceback is in pyinfra's output"
