"""What entries tell of the tasks of a run: when each was at work, what it ran, what was void."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from handrail.ledger.entry import Entry, Event
from handrail.ledger.report.figures import Series
from handrail.ledger.report.task import Again, Command, Span

BEGIN = {Event.STEP_STARTED: "work", Event.GATE_OPENED: "wait"}
ENDS = {
    Event.STEP_CHANGED: "changed",
    Event.STEP_FAILED: "failed",
    Event.STEP_ROLLED_BACK: "rolled back",
    Event.GATE_PASSED: "passed",
    Event.GATE_CLOSED: "closed",
}
SETTLED = {Event.STEP_CHANGED, Event.STEP_UNCHANGED, Event.STEP_ADOPTED, Event.GATE_PASSED}

Key = tuple[str, str]  # task, target


@dataclass
class Traces:
    """What the entries tell.

    Args:
        spans: When tasks were at work, oldest first.
        commands: By task and target, what was carried out.
        series: Figures of gates over their windows.
        again: What was void, oldest first.
    """

    spans: list[Span] = field(default_factory=list)
    commands: dict[Key, list[Command]] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)


def traces(own: Sequence[Entry], order: Sequence[str]) -> Traces:
    """Read the entries of a run.

    Args:
        own: They, oldest first.
        order: Its tasks, as the runbook has them now.
    """
    named = list(_as_called_now(own))
    found = Traces(
        list(_spans(named)), series=list(_series(named)), again=list(_again(named, order))
    )
    for each in named:
        for said in each.body.get("commands", []):
            found.commands.setdefault((each.task, each.target), []).append(_command(said))
    return found


def _as_called_now(own: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries about tasks, each under the id that its call has now."""
    own = [each for each in own if each.task]
    moved = {(each.task, each.target): str(each.body["to"])
             for each in own if each.event is Event.STEP_MOVED}  # fmt: skip
    for each in own:
        yield replace(each, task=moved.get((each.task, each.target), each.task))


def _command(said: Mapping[str, Any]) -> Command:  # Any: JSON
    took, status = said.get("took_ms", 0) / 1000, said.get("exit_status")
    return Command(said["command"], took, good=bool(said.get("good", True)), exit_status=status)


def _spans(own: Iterable[Entry]) -> Iterator[Span]:
    """Yield the stretches in which tasks were at work; one that was killed has no end."""
    spans: dict[tuple[int, Key], Span] = {}
    for entry in own:
        key = (entry.attempt, (entry.task, entry.target))
        if entry.event in BEGIN:
            yield from [spans.pop(key)] if key in spans else []
            spans[key] = Span(entry.task, entry.target, BEGIN[entry.event], entry.at, None, "")
        elif entry.event in ENDS and key in spans:
            yield replace(spans.pop(key), ended=entry.at, end=ENDS[entry.event])
    yield from spans.values()


def _series(own: Iterable[Entry]) -> Iterator[Series]:
    """Yield each figure that a gate told as a sample more than once."""
    found: dict[tuple[str, str, str], tuple[list[str], list[float]]] = {}
    for entry in own:
        for name, value in _figures(entry):
            at, values = found.setdefault((entry.task, entry.target, name), ([], []))
            at.append(entry.at)
            values.append(value)
    for key, (at, values) in found.items():
        if len(values) > 1:
            yield Series(*key, at, values)


def _figures(entry: Entry) -> Iterator[tuple[str, float]]:
    sample = entry.body.get("sample") if entry.event is Event.GATE_SAMPLED else None
    told: dict[str, object] = sample if isinstance(sample, dict) else {}
    for name, value in told.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield str(name), value


def _again(own: Iterable[Entry], order: Sequence[str]) -> Iterator[Again]:
    """Yield what began once more after it had been settled, with what had acted before it since."""
    settled: dict[Key, int] = {}
    acted: list[tuple[int, Key]] = []
    for entry in own:
        key = (entry.task, entry.target)
        if entry.event in BEGIN and key in settled:
            since = settled.pop(key)
            names = _before(entry.task, [each for seq, each in acted if seq > since], order)
            what = "asked again" if entry.event is Event.GATE_OPENED else "done again"
            yield Again(entry.at, *key, what, names)
        if entry.event is Event.STEP_STARTED:
            acted.append((entry.seq, key))
        if entry.event in SETTLED:
            settled[key] = entry.seq
        elif entry.event is Event.STEP_ROLLED_BACK:
            settled.pop(key, None)


def _before(here: str, acted: Iterable[Key], order: Sequence[str]) -> list[str]:
    """Return what of all that acted stands before a task in the runbook, each once."""
    place = {task: number for number, task in enumerate(order)}
    end = place.get(here, len(place))
    before = [each for each in acted if place.get(each[0], len(place)) < end]
    return list(dict.fromkeys(f"{task} on {target}" for task, target in before))
