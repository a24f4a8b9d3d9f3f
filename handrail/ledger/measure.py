"""What a runbook's durations are measured of: this ledger's history, and that of its neighbours."""

from collections.abc import Iterator
from pathlib import Path

from handrail.ledger.errors import RunbookError
from handrail.ledger.history import SqliteHistory
from handrail.ledger.run import Run
from handrail.ledger.runs import Runs
from handrail.ledger.views.scale import by_rows
from handrail.ledger.views.times import Measured, history, measured


def known_times(environment: str, runs: Runs, run: Run, ledger: Path) -> Measured:
    """Return how long the tasks of a run take: measured here, else where it was tried.

    Args:
        environment: The one that asks.
        runs: Its runs.
        run: The run; a rollback takes what earlier rollbacks of the same runbook took.
        ledger: Its file; ledgers of other environments, of a drill say, lie beside it.
    """
    runbook = runs[run.undoes].runbook if run.undoes else run.runbook
    own, others = list(history(runs, runbook)), dict(_neighbours(ledger, runbook))
    scale = by_rows(runs[run.undoes] if run.undoes else run, {environment: own} | others)
    return measured(environment, own, others).scaled(scale)


def _neighbours(ledger: Path, runbook: str) -> Iterator[tuple[str, list[Run]]]:
    """Yield the runs of other environments by name; a ledger that cannot be read tells nothing."""
    for path in sorted(ledger.parent.glob("*.sqlite")):
        if path.absolute() == ledger.absolute():
            continue
        try:
            found = SqliteHistory(path)
            yield found.environment, list(history(found.runs(), runbook))
        except RunbookError:
            continue
