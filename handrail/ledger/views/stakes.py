"""What is at stake: since when, and until when, by what steps said of themselves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from handrail.ledger.entry import Entry
from handrail.ledger.run import Hold, Run, take
from handrail.ledger.runs import Runs
from handrail.ledger.task import Receipt


@dataclass(frozen=True)
class Stake:
    """Something that people feel while it lasts, as "the legacy database refuses writes".

    Args:
        text: What is so, as a clause.
        task: The step that began it.
        target: Where.
        since: When it began to act, RFC 3339.
        until: The task or hold that ends it; empty where the end of the run does.
        back_to: The last hold before it, else the task, to which a rollback leaves nothing at
            stake; empty where only a whole rollback does.
        ended: When it ended, RFC 3339; empty while it is on.
        felt: What users feel of it, as a clause; empty where they feel nothing.
    """

    text: str
    task: str
    target: str
    since: str
    until: str
    back_to: str = ""
    ended: str = ""
    felt: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what tells it from others."""
        return (self.task, self.target, self.since)


def stakes_on(run: Run) -> list[Stake]:
    """Return what is at stake now, what began first first; of a rollback, see the undone run."""
    if not run.stakes or run.is_over:
        return []
    found = [_stake(run, each) for each in run.receipts() if each.stake]
    return sorted((each for each in found if not _is_over(run, each)), key=attrgetter("since"))


def stakes_now(runs: Runs, run: Run) -> list[Stake]:
    """Return what is at stake now; of a rollback, what is in the run that it undoes."""
    return stakes_on(runs.get(run.undoes) or run)


def stakes_of(entries: Iterable[Entry], run: str) -> list[Stake]:
    """Return everything that ever was at stake in a run, each with its end.

    Args:
        entries: Those of the run and of its rollbacks, oldest first.
        run: Its id.
    """
    runs: dict[str, Run] = {}
    told: dict[tuple[str, str, str], Stake] = {}
    for entry in entries:
        take(entry, runs)
        on = {each.key: each for each in stakes_on(runs[run])} if run in runs else {}
        ended = {key: each for key, each in told.items() if key not in on and not each.ended}
        told |= {key: replace(each, ended=entry.at) for key, each in ended.items()} | on
    return list(told.values())


def back_to(
    order: Sequence[str], holds: Iterable[Hold], stakes: Mapping[str, str], task: str
) -> str:
    """Return the last place before a task to which a rollback leaves nothing at stake.

    Args:
        order: The tasks, as the runbook has them.
        holds: Its labelled places.
        stakes: Of each task that puts something at stake, what ends that; empty: the run's end.
        task: Where the way back begins.

    Returns:
        The label of a hold, else a task; empty where only a whole rollback will do.
    """
    place = {name: number for number, name in enumerate(order)}
    holds = list(holds)
    labels = {place[each.after]: each.label for each in holds if each.after in place}
    spans = list(_spans(place, {each.label: each.after for each in holds}, stakes))
    there = place.get(task, 0) - 1
    while there >= 0:
        stop = max((each for each in labels if each <= there), default=there)
        begun = [begin for begin, end in spans if begin <= stop < end]
        if not begun:
            return labels.get(stop, order[stop])
        there = min(begun) - 1
    return ""


def _spans(
    place: Mapping[str, int], after: Mapping[str, str], stakes: Mapping[str, str]
) -> Iterator[tuple[int, int]]:
    """Yield from which task to which each thing is at stake, by their numbers in the runbook."""
    for name, until in stakes.items():
        if name in place:
            yield place[name], place.get(after.get(until, until), len(place))


def _stake(run: Run, receipt: Receipt) -> Stake:
    staked = {each.task: each.until for each in run.receipts() if each.stake}
    there = back_to(run.order, run.holds, staked, receipt.task)
    return Stake(
        *(receipt.stake, receipt.task, receipt.target, receipt.since, receipt.until, there),
        felt=receipt.felt,
    )


def _is_over(run: Run, stake: Stake) -> bool:
    """Tell whether what ends it is done on every target that it is for."""
    ending = run.on_targets(run.task_of(stake.until))
    return bool(ending) and all(map(run.is_done, ending))
