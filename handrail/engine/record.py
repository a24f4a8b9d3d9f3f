"""What the ledger knows, for gates that ask it: earlier runs, drills, and the clock of this run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from handrail.clients.errors import ClientError
from handrail.engine.attempt.budget import clock_now
from handrail.ledger.entry import Event
from handrail.ledger.errors import RunbookError
from handrail.ledger.proof import Proof
from handrail.ledger.run import Run
from handrail.ledger.seam import NoLedger
from handrail.ledger.views.clock import Clock

if TYPE_CHECKING:
    from handrail.engine.attempt.attempt import Attempt

NEWEST = 20


@dataclass(frozen=True)
class Record:
    """The ledger of this environment, as a gate may ask it; ``record: Record = FROM_RUN``."""

    attempt: "Attempt"

    def newest(self, runbook: str) -> Run | None:
        """Return the newest run of a runbook; a rollback counts to the run that it undoes.

        Raises:
            ClientError: an entry of it is not what was written.
        """
        with _readable():
            found = islice(self.attempt.runs.newest(runbook), NEWEST)
            return next((run for run in found if not run.undoes), None)

    def samples(self, runbook: str, task: str) -> list[Any]:  # Any: JSON; what the gate told
        """Return the samples that a gate of a runbook's newest run told, oldest first.

        Raises:
            ClientError: an entry of that run is not what was written.
        """
        run, ledger = self.newest(runbook), self.attempt.ledger
        if run is None or isinstance(ledger, NoLedger):
            return []
        with _readable():
            entries = ledger.of_runs([run.id])
        sampled = [each for each in entries if each.event is Event.GATE_SAMPLED]
        return [each.body["sample"] for each in sampled if each.task == task]

    def drills(self, runbook: str) -> Iterator[Proof | str]:
        """Yield the proofs of a runbook, and why some place has none.

        They are looked for where a guarded environment looks: see the inventory's `proofs`.
        """
        yield from self.attempt.guard.proofs(runbook)

    def clock(self) -> Clock:
        """Return what undoing this run takes now, and what it may take.

        Raises:
            ClientError: an entry of an earlier run is not what was written.
        """
        with _readable():
            return clock_now(self.attempt)

    def is_overridden(self, what: str) -> bool:
        """Tell whether the operator said ``override=WHAT``, with a reason that is on record."""
        return what in self.attempt.choices.overrides


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except RunbookError as error:
        raise ClientError(error.what, error.why, error.fix) from None
