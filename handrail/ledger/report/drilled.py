"""The drill beside the night: how long each task took where it was tried, and here."""

from collections.abc import Iterator
from itertools import islice

from handrail.ledger.errors import RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.neighbours import neighbours
from handrail.ledger.proof import Proof, drills_before, proofs_in
from handrail.ledger.report.figures import Drilled, Timed
from handrail.ledger.run import Run


def drill_of(run: Run, kept: Kept) -> Drilled | None:
    """Return the newest drill of a run's runbook that ended before the run began.

    Args:
        run: The run; it keeps a proof that it went by and that came as a file.
        kept: Where its ledger is; drills are looked for in it and in its neighbours.
    """
    proofs = [] if run.undoes else [*proofs_in(run), *_proofs(run, kept)]
    found = max(proofs, key=lambda each: each.ended_at, default=None)
    if found is None:
        return None
    here = {key: task.seconds for key, task in run.tasks.items()}
    tasks = [
        Timed(each.task, each.target, each.forward, each.back, each.again,
              here.get((each.task, each.target)))
        for each in found.tasks
    ]  # fmt: skip
    return Drilled(found.drill, found.environment, found.ended_at, found.as_before, tasks)


def _proofs(run: Run, kept: Kept) -> Iterator[Proof]:
    """Yield the newest proof of each ledger there; one that cannot be read tells nothing."""
    for place in (kept, *neighbours(kept)):
        try:
            yield from islice(drills_before(place.read(), run.runbook, run.opened_at), 1)
        except RunbookError:
            continue
