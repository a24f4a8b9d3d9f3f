"""Where an attempt holds that was told to."""

from typing import Protocol

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Run


class Holding(Protocol):
    """What is needed of an attempt."""

    calls: Calls
    choices: Choices
    run: Run
    stopped_by: str
    refusal: RunbookError | None

    def is_beyond(self, task: str) -> bool:
        """Tell whether a task stands after the place where this run is told to hold."""


def held(attempt: Holding) -> str:
    """Return where an attempt holds: all before it is done, nothing after it, no doubt."""
    run = attempt.run
    if run.undoes or attempt.stopped_by or attempt.refusal:
        return ""
    here = {name for name in attempt.calls.places if not attempt.is_beyond(name)}
    waits = any(not run.is_done(task) for (name, _), task in run.tasks.items() if name in here)
    return "" if waits or run.is_in_doubt else attempt.choices.to
