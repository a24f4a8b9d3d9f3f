"""Steps that carry rows take longer where there are more rows than when they were measured."""

from collections.abc import Iterable, Mapping
from itertools import chain

from handrail.ledger.run import Run
from handrail.ledger.task import Declared
from handrail.ledger.views.times import Expected, Scale


def rows_of(run: Run) -> int:
    """Return the rows of a run's data: the most that one of its steps or gates told; 0: none did.

    They tell it in their facts, under ``rows``.
    """
    return max((_count(task.facts.get("rows")) for task in run.tasks.values()), default=0)


def by_rows(run: Run, measured: Mapping[str, Iterable[Run]]) -> Scale:
    """Return by how much longer a step takes that carries rows.

    Args:
        run: The one that is asked about; where it has told no rows yet, nothing is scaled.
        measured: By environment, the runs that durations were measured of, newest first.

    Returns:
        The rows of today over those of then, for each step that told its rows then, both ways; 1
        for every other step.
    """
    known = {name: list(runs) for name, runs in measured.items()}
    then = {name: next(filter(None, map(rows_of, runs)), 0) for name, runs in known.items()}
    carriers: set[str] = set().union(*map(_carriers, chain.from_iterable(known.values())))

    def scale(call: Declared, found: Expected) -> float:
        measured_rows = then.get(found.source, 0)
        if call.step not in carriers or not measured_rows:
            return 1.0
        return rows_of(run) / measured_rows or 1.0  # asked anew: a run that goes on tells more

    return scale


def _carriers(run: Run) -> set[str]:
    """Return the steps of a run that told rows."""
    tasks = run.tasks.values()
    return {task.declared.step for task in tasks if _count(task.facts.get("rows"))}


def _count(found: object) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
