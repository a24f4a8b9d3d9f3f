"""Where an attempt holds that was told to."""

from itertools import chain
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
    if run.undoes or run.is_in_doubt or attempt.stopped_by or attempt.refusal:
        return ""
    return attempt.choices.to if _is_there(attempt) else ""


def _is_there(attempt: Holding) -> bool:
    """Tell whether all is done up to the place where the attempt is told to hold."""
    here = [name for name in attempt.calls.places if not attempt.is_beyond(name)]
    return all(map(attempt.run.is_done, chain.from_iterable(map(attempt.run.on_targets, here))))
