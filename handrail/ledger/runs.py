"""The runs of a ledger, each read when it is asked for: history costs nothing that nobody needs."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from handrail.ledger.archive.part import archived_in
from handrail.ledger.entry import Entry
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Run, fold


class History(Protocol):
    """Where runs are looked up."""

    def opening(self, run: str) -> Entry | None:
        """Return the entry that opened a run, or None where there is no such run."""

    def of_runs(self, ids: Sequence[str]) -> list[Entry]:
        """Return the entries of some runs in their order."""

    def newest(self, runbook: str = "") -> Iterator[str]:
        """Return the ids of runs, newest first; of one runbook where it is named."""

    def undoing(self, run: str) -> list[str]:
        """Return the ids of the rollbacks of a run, oldest first."""


class Runs:
    """Runs by id. A run is read together with its rollbacks, which say what became of it."""

    def __init__(self, history: History | None) -> None:
        self._history = history
        self._read: dict[str, Run] = {}

    def get(self, run: str) -> Run | None:
        """Return a run, or None where there is none of that id.

        Raises:
            LedgerDamaged: an entry of it is not what was written.
        """
        if run and run not in self._read:
            self._read_family(run)
        return self._read.get(run)

    def _read_family(self, run: str) -> None:
        opened = self._history.opening(run) if self._history else None
        if self._history and opened:
            first = str(opened.body.get("undoes") or run)
            family = dict.fromkeys([first, *self._history.undoing(first), run])
            self._read = fold(self._history.of_runs(list(family))) | self._read

    def __getitem__(self, run: str) -> Run:
        """Return a run that is there."""
        found = self.get(run)
        if found is None:
            raise KeyError(run)
        return found

    def __contains__(self, run: str) -> bool:
        """Tell whether there is a run of that id."""
        return self.get(run) is not None

    def refuse_archived(self, run: str, what: str) -> None:
        """Raise where a run lies in an archive.

        Raises:
            RunbookError: with the command that brings it back.
        """
        file = archived_in(self._history, run) if self._history and run else ""
        if file:
            raise RunbookError(
                what,
                f"run `{run}` is archived in `{file}`",
                f"handrail unarchive {run}, then the same command again",
            )

    def newest(self, runbook: str = "") -> Iterator[Run]:
        """Return the runs, newest first; of one runbook where it is named."""
        ids = self._history.newest(runbook) if self._history else ()
        return (self[run] for run in ids)

    def forward(self, runbook: str = "") -> Iterator[Run]:
        """Return the runs that are no rollbacks, newest first; of one runbook where it is named."""
        return (run for run in self.newest(runbook) if not run.undoes)

    def undoing(self, run: str) -> list[Run]:
        """Return the rollbacks of a run, oldest first."""
        ids = self._history.undoing(run) if self._history else ()
        return [self[each] for each in ids]
