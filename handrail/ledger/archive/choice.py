"""Which runs may go into an archive: the oldest, as far as nothing of them can still be wanted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from handrail.ledger.run import fold
from handrail.ledger.runs import History


@dataclass(frozen=True)
class Family:
    """A run and its rollbacks, and where their entries stand."""

    runs: tuple[str, ...]
    runbook: str
    first: int
    last: int
    ended: datetime
    over: bool
    rolled_back: bool


def families(history: History) -> list[Family]:
    """Return the runs with their rollbacks, oldest first."""
    ids = reversed(list(history.newest()))
    return [found for run in ids for found in _family(history, run)]


def _family(history: History, run: str) -> Iterator[Family]:
    entries = history.of_runs([run, *history.undoing(run)])
    runs = fold(entries)
    chief = runs[run]
    if chief.undoes:
        return
    yield Family(
        runs=tuple(runs),
        runbook=chief.runbook,
        first=entries[0].seq,
        last=entries[-1].seq,
        ended=datetime.fromisoformat(entries[-1].at),
        over=all(each.is_over for each in runs.values()),
        rolled_back=chief.rolled_back,
    )


def movable(history: History, before: datetime) -> tuple[int, tuple[str, ...]]:
    """Return up to which entry the ledger may be archived, and the runs that go; 0 for nothing.

    A run stays that is not over, that ended after a moment, or that the same command would find
    again: the newest of its runbook, and the newest that was not rolled back.

    Args:
        history: The ledger.
        before: The moment; aware.
    """
    known = list(families(history))
    kept = [each for each in known if not each.over or each.ended >= before]
    last = _before_first([*kept, *_found_again(known)], 0)
    while torn := [each for each in known if each.first <= last < each.last]:
        last = _before_first(torn, last)
    return last, tuple(run for each in known if each.last <= last for run in each.runs)


def _before_first(kept: Iterable[Family], without: int) -> int:
    """Return the last entry that stands before all of them; another number where there are none."""
    return min((each.first for each in kept), default=without + 1) - 1


def _found_again(known: Iterable[Family]) -> Iterator[Family]:
    """Yield of each runbook the newest run, and the newest that was not rolled back."""
    newest = {each.runbook: each for each in known}
    standing = {each.runbook: each for each in known if not each.rolled_back}
    yield from (*newest.values(), *standing.values())
