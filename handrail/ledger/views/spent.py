"""Where the time of a run went: at work, waiting, or asking; from its entries alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from handrail.ledger.entry import BESIDE, WAITED, Entry, Event
from handrail.ledger.views import plain
from handrail.naming import phrase
from handrail.pages import one_line

LONGEST = 5  # tasks that are named
_BEGIN = {Event.STEP_STARTED: "work", Event.GATE_OPENED: "wait"}
_ENDS = {
    Event.STEP_CHANGED,
    Event.STEP_FAILED,
    Event.STEP_ROLLED_BACK,
    Event.GATE_PASSED,
    Event.GATE_CLOSED,
}


@dataclass(frozen=True)
class Stretch:
    """What one task did for a while: `work` from its intent to its proof, `wait` of a gate.

    `waited` seconds of its work were pauses between looks at what others did.
    """

    kind: str
    task: str
    step: str
    target: str
    began: datetime
    ended: datetime
    waited: float = 0.0

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return (self.ended - self.began).total_seconds()

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as plain data, in seconds."""
        return {
            "kind": self.kind,
            "task": self.task,
            "target": self.target,
            "seconds": self.seconds,
            "waited": self.waited,
        }

    def as_row(self) -> tuple[str, ...]:
        """Return it as a row of a table."""
        where = one_line(f"{self.step} on {self.target}")
        pauses = phrase("{} of it in pauses", self.waited and plain.duration(self.waited))
        return (plain.duration(self.seconds), self.kind, self.task, where, pauses)


@dataclass(frozen=True)
class Spent:
    """The seconds of a run, over all its attempts; targets side by side count once.

    Args:
        total: From the start of each attempt to its last entry.
        work: Some step was at work.
        waited: Of that, steps paused between looks at what others did, as a deploy of Render's.
        wait: No step was, and a gate waited.
        asking: Neither: claims were asked, the next step was made ready, the ledger was written.
        longest: The longest stretches, longest first.
    """

    total: float
    work: float
    wait: float
    asking: float
    longest: tuple[Stretch, ...]
    waited: float = 0.0

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as plain data, in seconds."""
        parts = {"total": self.total, "work": self.work, "wait": self.wait, "asking": self.asking}
        parts["waited"] = self.waited
        longest = [each.as_json() for each in self.longest]
        return {name: round(each, 3) for name, each in parts.items()} | {"longest": longest}

    def as_text(self) -> list[str]:
        """Return it in a sentence, and the longest."""
        if not self.total:
            return []
        work, pauses, wait, asking = map(
            plain.lasted, (self.work, self.waited, self.wait, self.asking)
        )
        parts = f"steps at work {work}, {pauses} of it in pauses for others"
        parts += f"; gates waiting {wait}; asking and in between {asking}"
        rows = [each.as_row() for each in self.longest]
        return [f"Time: {plain.duration(self.total)}: {parts}.", *plain.columns(rows, indent=4)]


def spent(own: Sequence[Entry]) -> Spent:
    """Return where the time of a run went.

    Args:
        own: Its entries, oldest first; what was said beside it does not count.
    """
    told = [entry for entry in own if entry.event not in BESIDE]
    found, total = list(_stretches(told)), _total(told)
    work = _covered(each for each in found if each.kind == "work")
    busy = _covered(found)
    longest = sorted(found, key=attrgetter("seconds"), reverse=True)[:LONGEST]
    asking, waited = max(total - busy, 0.0), min(_waited(found), work)
    return Spent(total, work, busy - work, asking, tuple(longest), waited)


def _total(told: Iterable[Entry]) -> float:
    """Return the seconds from the first entry of each attempt to its last."""
    first: dict[int, Entry] = {}
    last: dict[int, Entry] = {}
    for entry in told:
        first.setdefault(entry.attempt, entry)
        last[entry.attempt] = entry
    return sum((_at(last[each]) - _at(first[each])).total_seconds() for each in first)


def _at(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.at)


def _stretches(own: Iterable[Entry]) -> Iterable[Stretch]:
    """Yield each stretch that began and ended in one attempt."""
    begun: dict[tuple[int, str, str], Entry] = {}
    for entry in own:
        key = (entry.attempt, entry.task, entry.target)
        if entry.event in _BEGIN:
            begun[key] = entry
        elif entry.event in _ENDS and key in begun:
            first = begun.pop(key)
            kind = _BEGIN[first.event]
            times = _at(first), _at(entry), float(entry.body.get("facts", {}).get(WAITED, 0.0))
            yield Stretch(kind, entry.task, entry.step, entry.target, *times)


def _waited(stretches: Iterable[Stretch]) -> float:
    """Return the seconds that were waited; of targets that wait side by side, the longest."""
    most: dict[tuple[str, str], float] = {}
    for each in stretches:
        call = (each.task, each.step)
        most[call] = max(most.get(call, 0.0), each.waited)
    return sum(most.values())


def _covered(stretches: Iterable[Stretch]) -> float:
    """Return the seconds that at least one stretch covers."""
    seconds, until = 0.0, None
    for each in sorted(stretches, key=attrgetter("began")):
        start = each.began if until is None else max(each.began, until)
        if until is None or each.ended > until:
            seconds += max((each.ended - start).total_seconds(), 0.0)
            until = each.ended
    return seconds
