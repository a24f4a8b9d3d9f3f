"""A ledger as it was when an entry was its newest: what was said of it then stays as it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handrail.ledger.chain import Head
from handrail.ledger.entry import Entry
from handrail.ledger.runs import Runs
from handrail.ledger.seam import Ledger


@dataclass(frozen=True)
class Upto:
    """A ledger without the entries after one of them; a `Readable`.

    Args:
        ledger: The ledger as it is.
        head: The newest entry that counts.
    """

    ledger: Ledger
    head: Head

    @classmethod
    def before(cls, ledger: Ledger, seq: int) -> "Upto":
        """Return it as it was when an entry was about to be written."""
        entry = next(ledger.between(seq, seq))
        return cls(ledger, Head(seq - 1, entry.prev))

    @property
    def environment(self) -> str:
        """Return whose it is."""
        return self.ledger.environment

    def runs(self) -> Runs:
        """Return the runs that were on record."""
        return Runs(self)

    def trusted_head(self) -> Head:
        """Return the entry that was the newest."""
        return self.head

    def opening(self, run: str) -> Entry | None:
        """Return the entry that opened a run, where it had begun."""
        found = self.ledger.opening(run)
        return found if found and found.seq <= self.head.seq else None

    def of_runs(self, ids: Sequence[str]) -> list[Entry]:
        """Return the entries of some runs that there were."""
        return [each for each in self.ledger.of_runs(ids) if each.seq <= self.head.seq]

    def newest(self, runbook: str = "") -> Iterator[str]:
        """Return the ids of runs that had begun, newest first."""
        return (each for each in self.ledger.newest(runbook) if self.opening(each))

    def undoing(self, run: str) -> list[str]:
        """Return the ids of the rollbacks of a run that had begun, oldest first."""
        return [each for each in self.ledger.undoing(run) if self.opening(each)]
