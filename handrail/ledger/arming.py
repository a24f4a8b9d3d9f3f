"""Steps that are armed: each is undone unless somebody confirms it in time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from handrail.ledger.entry import Event, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handrail.ledger.entry import Entry
    from handrail.ledger.run import Run
    from handrail.ledger.task import Receipt


@dataclass(frozen=True)
class Armed:
    """A step on one target that nobody has confirmed yet.

    Args:
        run: Id of its run.
        task: Its task.
        target: Where.
        minutes: How long it may stand unconfirmed.
        until: When that is over, aware.
        in_doubt: Its end is not on record.
        missed: It is on record that nobody confirmed it in time.
    """

    run: str
    task: str
    target: str
    minutes: float
    until: datetime
    in_doubt: bool
    missed: bool

    def is_over(self, now: datetime) -> bool:
        """Tell whether it is too late to confirm it."""
        return self.missed or now > self.until

    @property
    def why(self) -> str:
        """Return why it is undone."""
        return f"not confirmed within {told_minutes(self.minutes)}"

    def goes_back_to(self, run: "Run") -> str:
        """Return the task that stands before it in its runbook; empty where none does."""
        before = run.order[: run.order.index(self.task)]
        return before[-1] if before else ""

    @property
    def command(self) -> str:
        """Return what confirms it."""
        return f"handrail confirm {self.run} {self.task}"

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it for programs."""
        return {
            "task": self.task,
            "target": self.target,
            "until": timestamp(self.until),
            "missed": self.missed,
            "confirm": self.command,
        }

    @property
    def words(self) -> str:
        """Return until when it stands and what confirms it; what is missed is only waited for."""
        if self.missed:
            return f"{self.task} on {self.target}, {self.why}; it is being put back"
        return (
            f"{self.task} on {self.target} until {self.until:%H:%M:%S}Z, then it is put back; "
            f"to keep it: {self.command}"
        )


def told_minutes(minutes: float) -> str:
    """Return a number of minutes as people say it."""
    return f"{minutes:g} {'minute' if minutes == 1 else 'minutes'}"


def is_armed(run: "Run", task: str) -> bool:
    """Tell whether a task was ever armed on some target, confirmed or put back since or not."""
    armed = any(each.task == task and each.confirm_minutes for each in run.receipts())
    missed = any(
        each.task == task and each.event is Event.CONFIRMATION_MISSED for each in run.beside
    )
    return armed or missed


def armed_in(run: "Run") -> list[Armed]:
    """Return what is armed in a run and not confirmed, what is due first first.

    A task is confirmed, and goes back, on all its targets at once: its time is that of the last.
    """
    receipts = run.receipts() if run.arms else []
    found = [armed for receipt in receipts for armed in _armed(run, receipt)]
    last = {each.task: each.until for each in sorted(found, key=lambda each: each.until)}
    return sorted((replace(each, until=last[each.task]) for each in found),
                  key=lambda each: (each.until, each.target))  # fmt: skip


def armed_of(run: "Run", key: tuple[str, str]) -> list[Armed]:
    """Return a call as what is armed in a run; nothing where it is not."""
    return [each for each in armed_in(run) if (each.task, each.target) == key]


def _armed(run: "Run", receipt: "Receipt") -> "Iterator[Armed]":
    """Yield a receipt as what is armed; nothing where it is not, or was confirmed in time."""
    if not receipt.confirm_minutes:
        return
    until = datetime.fromisoformat(receipt.armed_at) + timedelta(minutes=receipt.confirm_minutes)
    word = _first_word(run, receipt, until)
    if word is None or word.event is Event.CONFIRMATION_MISSED:
        doubt = run.tasks[receipt.key].in_doubt
        yield Armed(
            run.id, receipt.task, receipt.target, receipt.confirm_minutes, until, doubt,
            word is not None,
        )  # fmt: skip


def _first_word(run: "Run", receipt: "Receipt", until: datetime) -> "Entry | None":
    """Return the word that counts: a confirmation in time, or that there was none.

    The order of the ledger decides between two who speak at the same moment.
    """
    for entry in run.beside:
        about = entry.task == receipt.task and entry.seq >= receipt.armed_seq
        if about and _counts(entry, until):
            return entry
    return None


def _counts(entry: "Entry", until: datetime) -> bool:
    if entry.event is Event.PERSON_CONFIRMED:
        return datetime.fromisoformat(entry.at) <= until
    return entry.event is Event.CONFIRMATION_MISSED
