"""The drill beside the night: how long each task took where it was tried, and here."""

from collections.abc import Iterator

from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.neighbours import neighbours
from handrail.ledger.proof import Proof, prove
from handrail.ledger.report.figures import Drilled, Timed
from handrail.ledger.run import Run


def drill_of(run: Run, kept: Kept) -> Drilled | None:
    """Return the newest drill of a run's runbook that ended before the run began.

    Args:
        run: The run.
        kept: Where its ledger is; drills are looked for in it and in its neighbours.
    """
    proofs = [each for each in _proofs(run.runbook, kept) if each.ended_at < run.opened_at]
    found = max(proofs, key=lambda each: each.ended_at, default=None)
    if found is None or run.undoes:
        return None
    here = {key: task.seconds for key, task in run.tasks.items()}
    tasks = [
        Timed(each.task, each.target, each.forward, each.back, each.again,
              here.get((each.task, each.target)))
        for each in found.tasks
    ]  # fmt: skip
    return Drilled(found.drill, found.environment, found.ended_at, found.as_before, tasks)


def _proofs(runbook: str, kept: Kept) -> Iterator[Proof]:
    """Yield the proofs of the ledgers that lie there; one that cannot be read tells nothing."""
    for place in (kept, *neighbours(kept)):
        try:
            found = prove(place.read(), runbook)
        except RunbookError:
            continue
        if isinstance(found, Proof):
            yield found
