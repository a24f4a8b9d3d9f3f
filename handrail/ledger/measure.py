"""What a runbook's durations are measured of: this ledger's history, and that of its neighbours."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from handrail.ledger.errors import RunbookError
from handrail.ledger.history import SqliteHistory
from handrail.ledger.run import Run
from handrail.ledger.runs import Runs
from handrail.ledger.views.distance import by_distance, noted
from handrail.ledger.views.scale import by_rows
from handrail.ledger.views.times import Measured, history, measured


def known_times(
    environment: str,
    runs: Runs,
    run: Run,
    ledger: Path,
    round_trips: Mapping[str, int] | None = None,
) -> Measured:
    """Return how long the tasks of a run take: measured here, else where it was tried.

    Args:
        environment: The one that asks.
        runs: Its runs.
        run: The run; a rollback takes what earlier rollbacks of the same runbook took.
        ledger: Its file; ledgers of other environments, of a drill say, lie beside it.
        round_trips: By step, about how often it goes to a database and back; so what was measured
            nearer to it, or further away, is reckoned for the way from here.
    """
    runbook = runs[run.undoes].runbook if run.undoes else run.runbook
    own, found = list(history(runs, runbook)), list(_neighbours(ledger, runbook))
    others = {name: theirs for name, theirs, _ in found}
    scale = by_rows(runs[run.undoes] if run.undoes else run, {environment: own} | others)
    here = noted(ledger)
    if here is not None and round_trips:
        then = {name: way for name, _, way in found} | {environment: here}
        scale = by_distance(scale, here, then, round_trips)
    return measured(environment, own, others).scaled(scale)


def _neighbours(ledger: Path, runbook: str) -> Iterator[tuple[str, list[Run], float]]:
    """Yield other environments: name, runs, the way to their databases in seconds, 0 if unknown.

    A ledger that cannot be read tells nothing.
    """
    for path in sorted(ledger.parent.glob("*.sqlite")):
        if path.absolute() == ledger.absolute():
            continue
        try:
            found = SqliteHistory(path)
            yield found.environment, list(history(found.runs(), runbook)), noted(path) or 0.0
        except RunbookError:
            continue
