"""The timeline of a run as it was planned and as it went, in percent of a drawing's width."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, chain, pairwise

from handrail.ledger.report.model import Report, Staked
from handrail.ledger.report.task import Span
from handrail.ledger.views import plain

TARGETS = 6  # lanes of targets; more of them share one
LEAST = 0.35  # percent: a bar that is shorter is not seen
BREAKS, OF_ALL, FROM = 3, 0.4, 8  # longest stretches are cut to that share, of so many at least
LABELLED = 14.0  # percent from which on a bar holds its label
COLOURS = "Green: at work; grey: a gate waits; red: it failed, or this was at stake."
END = {"failed": "bad", "closed": "bad", "": "open"}  # of a span; others went well
Stretch = tuple[str, float, float]  # phase, from when, to when


@dataclass(frozen=True)
class Bar:
    """A bar: where it begins and how wide it is, in percent; what it says."""

    x: float
    width: float
    kind: str
    title: str
    label: str = ""


@dataclass(frozen=True)
class Lane:
    """A row of bars under a name."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Tick:
    """A time of day on the axis; `anchor` keeps its text within the drawing."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Timeline:
    """All of it; `note` says what of the axis is shortened, or that nothing was planned."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    note: str


class Axis:
    """Where a moment stands, in percent; the longest stretches without any event are shortened."""

    def __init__(self, moments: Iterable[float]) -> None:
        self._moments = sorted(set(moments))
        lengths = [after - before for before, after in pairwise(self._moments)]
        cap = _cap(lengths)
        self.shortened = [each for each in lengths if each > cap]
        places = list(accumulate((min(each, cap) for each in lengths), initial=0.0))
        self._places = [100 * each / (places[-1] or 1.0) for each in places]

    def at(self, moment: float) -> float:
        """Return the place of one of the moments."""
        return self._places[self._moments.index(moment)]

    def ticks(self) -> Iterator[Tick]:
        """Yield some five times of day, the first and the last among them."""
        shown, first, end = -100.0, 100 * 0.26, 100 * 0.74  # whose texts stand to one side
        anchors = {len(self._moments) - 1: "end", 0: "start"}
        for number, (moment, x) in enumerate(zip(self._moments, self._places, strict=True)):
            if number in anchors or (first <= x <= end and x - shown >= 100 / 5):
                shown = x
                anchor = anchors.get(number, "middle")
                yield Tick(round(x, 2), f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S}", anchor)


def _cap(lengths: Sequence[float]) -> float:
    """Return the longest stretch that is drawn whole."""
    left = sorted(lengths, reverse=True)
    for _ in range(BREAKS if len(left) >= FROM else 0):
        rest = sum(left[1:])
        if left[0] <= OF_ALL * (rest + left[0]):
            break
        left = left[1:]
    cut = len(left) < len(lengths)
    return max(left[0], OF_ALL * sum(left)) if cut else max(lengths, default=0.0)


def timeline(report: Report) -> Timeline:
    """Draw the timeline of a run."""
    planned = list(_planned(report))
    begin, end = _seconds(report.opened_at), _seconds(report.ended_at)
    spans = [(each, *_reach(each.began, each.ended, end)) for each in report.spans]
    stakes = [(each, *_reach(each.since, each.ended, end)) for each in report.summary.stakes]
    drawn: Iterable[tuple[object, float, float]] = chain(planned, spans, stakes)
    axis = Axis(chain((begin, end), *((low, high) for _, low, high in drawn)))
    took = _phases("Took", list(_took(report, spans)), axis)
    lanes = [_phases("Planned", planned, axis), took] if planned else [took]
    lanes += [_stake(stake, low, high, axis) for stake, low, high in stakes]
    lanes += _of_targets(report, spans, axis)
    return Timeline(tuple(lanes), tuple(axis.ticks()), _note(axis, bool(planned)))


def _stake(stake: Staked, low: float, high: float, axis: Axis) -> Lane:
    label = plain.duration(stake.seconds)
    bar = _bar(axis, low, high, "stake", f"{stake.text}: {label}", label)
    return Lane(f"{stake.target}: {stake.text}", (bar,))


def _note(axis: Axis, planned: bool) -> str:  # noqa: FBT001  a fact, not a switch
    told = [] if planned else ["Nobody had measured these tasks before, so nothing was planned."]
    if axis.shortened:
        longest = ", ".join(plain.rough(each) for each in sorted(axis.shortened, reverse=True))
        told.append(f"Stretches without an event are drawn shorter than they were: {longest}.")
    return " ".join([COLOURS, *told, "Times of day are UTC."])


def _planned(report: Report) -> Iterator[Stretch]:
    """Yield each phase as it was to be: one task after the other, its targets at once."""
    at = _seconds(report.opened_at)
    longest: dict[tuple[str, str], float] = {}
    for each in report.tasks:
        if each.expected_seconds is not None:
            key = (each.phase, each.task)
            longest[key] = max(longest.get(key, 0.0), each.expected_seconds)
    phases: dict[str, float] = {}
    for (phase, _), seconds in longest.items():
        phases[phase] = phases.get(phase, 0.0) + seconds
    for phase, took in phases.items():
        yield phase, at, at + took
        at += took


def _took(report: Report, spans: Iterable[tuple[Span, float, float]]) -> Iterator[Stretch]:
    """Yield each phase as it was: from the first thing that began in it to the last that ended."""
    of = {each.task: each.phase for each in report.tasks}
    within: dict[str, list[tuple[float, float]]] = {phase: [] for phase in of.values()}
    for span, low, high in spans:
        if span.task in of:
            within[of[span.task]].append((low, high))
    for phase, reaches in within.items():
        if reaches:
            began, ended = zip(*reaches, strict=True)
            yield phase, min(began), max(ended)


def _phases(name: str, phases: Iterable[Stretch], axis: Axis) -> Lane:
    bars = []
    for phase, low, high in phases:
        label = f"{phase or 'to the end'}: {plain.duration(high - low)}"
        bars.append(_bar(axis, low, high, name.lower(), label, label))
    return Lane(name, tuple(bars))


def _of_targets(
    report: Report, spans: Sequence[tuple[Span, float, float]], axis: Axis
) -> Iterator[Lane]:
    """Yield a lane for each target; of many targets, one for all."""
    names = {(each.task, each.target): each.name for each in report.tasks}
    targets = {span.target for span, _, _ in spans}
    shared = f"{len(targets)} targets" if len(targets) > TARGETS else ""
    bars: dict[str, list[Bar]] = {}
    for span, low, high in spans:
        title = _title(span, names, high - low)
        bar = _bar(axis, low, high, END.get(span.end, span.kind), title)
        bars.setdefault(shared or span.target, []).append(bar)
    yield from (Lane(name, tuple(each)) for name, each in bars.items())


def _title(span: Span, names: dict[tuple[str, str], str], took: float) -> str:
    name = names.get((span.task, span.target), "")
    ended = span.end or "no end on record"
    return f"{span.task} on {span.target}, {name}: {ended}, {plain.duration(took)}"


def _bar(axis: Axis, low: float, high: float, kind: str, title: str, label: str = "") -> Bar:
    x, end = axis.at(low), axis.at(high)
    width = max(end - x, LEAST)
    shown = label if width >= LABELLED else ""
    return Bar(round(min(x, 100 - LEAST), 2), round(width, 2), kind, title, shown)


def _reach(since: str, ended: str | None, end: float) -> tuple[float, float]:
    """Return from when to when something was so; what has no end, until the run's."""
    low = _seconds(since)
    return low, max(low, _seconds(ended) if ended else end)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
