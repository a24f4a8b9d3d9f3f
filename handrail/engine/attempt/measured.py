"""How long the tasks of the run at hand took before, read once and only where somebody asks."""

from contextlib import suppress
from typing import Protocol

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.guarded import Guard
from handrail.engine.contract import load
from handrail.engine.inventory import Inventory
from handrail.ledger.errors import RunbookError
from handrail.ledger.measure import known_times
from handrail.ledger.run import Run
from handrail.ledger.runs import Runs
from handrail.ledger.views.times import Measured


class Timed(Protocol):
    """What is needed of an attempt."""

    inventory: Inventory
    calls: Calls
    run: Run
    runs: Runs
    guard: Guard
    known: Measured | None


def known(attempt: Timed) -> Measured:
    """Return what was measured of every task, both ways: here, else where it was tried."""
    if attempt.known is None:
        place, trips = attempt.inventory, _round_trips(attempt.calls)
        undone = attempt.runs.get(attempt.run.undoes)
        attempt.known = known_times(
            place.environment, attempt.runs, attempt.run, place.kept, trips,
            attempt.guard.ledgers(), attempt.guard.carried((undone or attempt.run).runbook),
        ).saying(attempt.calls.expected())  # fmt: skip
    return attempt.known


def _round_trips(calls: Calls) -> dict[str, int]:
    """Return how often each step goes to a database and back, as far as its contract tells."""
    found: dict[str, int] = {}
    for name in {call.step for call in calls.declared.values()}:
        with suppress(RunbookError):  # told by the decision
            found[name] = load(name).round_trips
    return found
