"""How a step that does not go on is recorded, told and stops the others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyinfra.api.command import PyinfraCommand
from pyinfra.context import host

from handrail.clients.errors import ClientError
from handrail.clients.masking import mask_error
from handrail.engine.act import Act
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.decide.decision import Decision, Do
from handrail.engine.failure import Failure
from handrail.engine.telling import failing, tell
from handrail.ledger.entry import Event
from handrail.ledger.errors import DriftFound, InDoubt, NotProven, PreconditionUnmet, RunbookError
from handrail.ledger.task import Declared


class NothingStarts(PreconditionUnmet):
    """Another target has failed; what stopped it is on record there."""


@dataclass
class End:
    """How a part of a step ended: with a refusal to be told, or without."""

    told: list[PyinfraCommand] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Tell whether the step ends here."""
        return bool(self.told)


@contextmanager
def refusing(attempt: Attempt, declared: Declared) -> Iterator[End]:
    """Record what keeps a step from starting; a bug, or an interruption, goes up as it is."""
    end = End()
    try:
        yield end
    except NothingStarts as error:
        end.told.append(failing(str(error)))
    except RunbookError as error:
        attempt.stops[declared.task, declared.target] = error
        record_refusal(attempt, declared, error.why)
        end.told.append(failing(str(error)))
    except BaseException as bug:
        record_refusal(attempt, declared, because(bug, Failure()))
        raise


@contextmanager
def proving(act: Act, what: str, failure: Failure) -> Iterator[End]:
    """Record what an act that began ended with, where that is not its proof.

    Args:
        act: What began.
        what: What is said of it where it failed; a whole clause.
        failure: What its commands left behind.
    """
    end = End()
    try:
        yield end
    except NotProven as error:
        _fail(end, act, error, failure)
    except (ClientError, RunbookError) as error:
        _fail(end, act, NotProven(what, f"{error.what}: {error.why}", error.fix), failure)
    except BaseException as stop:
        record_failure(act, because(stop, failure), failure)
        raise


def _fail(end: End, act: Act, error: RunbookError, failure: Failure) -> None:
    record_failure(act, error.why, failure)
    end.told.append(failing(str(error)))


def refuse_after_failure(attempt: Attempt) -> None:
    """Raise where another target has failed, or something armed was not confirmed in time."""
    if attempt.stopped_by:
        raise NothingStarts(
            f"nothing more starts on {host.name}",
            f"the run stopped at {attempt.stopped_by}",
            "mend that, then the same command again",
        )
    if late := attempt.overdue():
        raise late


def refuse_stopping(decision: Decision, what: str) -> None:
    """Raise where a decision ends the run.

    Args:
        decision: The decision.
        what: What did not happen; a whole clause.
    """
    kinds: dict[Do, Callable[[str, str, str], RunbookError]] = {
        Do.REFUSE: PreconditionUnmet,
        Do.DRIFT: DriftFound,
        Do.ASK: InDoubt,
    }
    if decision.stops:
        raise kinds[decision.do](what, decision.why, decision.fix)


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


def record_failure(act: Act, why: str, failure: Failure) -> None:
    """Record a failure, with what its command left behind.

    A ledger that does not take it leaves the step in doubt, as it is.
    """
    act.attempt.stop(f"{act.contract.name} ({act.task.declared.task}) on {host.name}")
    act.attempt.stops[act.task.declared.task, host.name] = None
    try:
        act.record(Event.STEP_FAILED, why=why, **failure.evidence())
    except RunbookError as unwritable:
        tell(str(unwritable))


def because(stop: BaseException, failure: Failure) -> str:
    """Return why a step ended early."""
    if failure:
        return failure.why
    if isinstance(stop, GeneratorExit):  # a command failed and pyinfra let go of the body
        return "a command did not succeed; its output stands above"
    if isinstance(stop, Exception):
        return unforeseen(stop)
    return "it was interrupted"  # KeyboardInterrupt, SystemExit, GreenletExit


def unforeseen(bug: BaseException) -> str:
    """Return a bug's name for the ledger; its text could hold anything, and stays in the output."""
    mask_error(bug)  # pyinfra prints it, and may write it to a file
    return f"unforeseen: {type(bug).__name__}; the traceback is in pyinfra's output"
