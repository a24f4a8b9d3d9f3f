"""How long things take: measured by what the ledger saw before, said of what is still to come."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Self

from handrail.ledger.run import Hold, Run
from handrail.ledger.runs import Runs
from handrail.ledger.task import Declared, Task, TaskState

MEASURED_RUNS = 20  # of each kind, the newest: what was slow a year ago is not expected any more
LATE_SECONDS = 5.0  # past the longest: below that nobody has to be told
_HELD = {TaskState.CHANGED, TaskState.UNCHANGED, TaskState.ROLLED_BACK}

Key = tuple[str, str]  # task, and its target or its step
# By how much longer a task takes today than it was measured.


@dataclass(frozen=True)
class Expected:
    """How long one task takes, one way.

    Args:
        seconds: The median of what was measured.
        p95_seconds: 95 of 100 took no longer.
        count: How often it was measured.
        source: The environment it was measured in; empty where its call says so.
    """

    seconds: float
    p95_seconds: float
    count: int
    source: str

    def late_seconds(self, spent: float) -> float:
        """Return by how much something took longer than 95 of 100 do; 0 where it is not late."""
        over = spent - self.p95_seconds
        return over if over > LATE_SECONDS else 0.0

    def scaled(self, factor: float) -> Self:
        """Return what is expected where it has so many times as much to do."""
        return replace(self, seconds=self.seconds * factor, p95_seconds=self.p95_seconds * factor)


Scale = Callable[[Declared, Expected], float]


@dataclass(frozen=True)
class Estimate:
    """What several tasks take together; those on several targets at once count once.

    Args:
        seconds: The sum of what is expected.
        p95_seconds: The sum where each takes as long as 95 of 100 do.
        unmeasured: How many tasks nobody ever measured; they count nothing.
        tasks: How many tasks it is about.
    """

    seconds: float = 0.0
    p95_seconds: float = 0.0
    unmeasured: int = 0
    tasks: int = 0

    @property
    def known(self) -> bool:
        """Tell whether anything is known of it: nothing to do is known, too."""
        return self.unmeasured < self.tasks or not self.tasks

    def plus(self, expected: Expected | None, elapsed: float = 0.0) -> Self:
        """Return it with one more task, of which some has passed."""
        if expected is None:
            return replace(self, unmeasured=self.unmeasured + 1, tasks=self.tasks + 1)
        late = max(expected.p95_seconds - elapsed, 0.0)
        left = expected.seconds - elapsed if elapsed < expected.seconds else late
        return replace(
            self,
            seconds=self.seconds + left,
            p95_seconds=self.p95_seconds + late,
            tasks=self.tasks + 1,
        )


@dataclass(frozen=True)
class Measured:
    """What was measured of every task, both ways; what is nearer to the asked one counts first.

    Args:
        forward: By task and target, or by task and step, in seconds.
        back: The same for the way back.
        scale: By how much longer a task takes today; 1 where nothing is known of that.
        said: By task, how long its call says that it takes, in seconds: the way forward of what a
            person does, which a drill does not measure.
    """

    forward: Mapping[Key, Expected] = field(default_factory=dict)
    back: Mapping[Key, Expected] = field(default_factory=dict)
    scale: Scale = field(default=lambda call, found: 1.0, repr=False)  # noqa: ARG005 - no scale
    said: Mapping[str, float] = field(default_factory=dict)

    def of(self, call: Declared, *, back: bool = False) -> Expected | None:
        """Return how long a task takes, or None where nobody measured it."""
        if not back and (seconds := self.said.get(call.task)):
            return Expected(seconds, seconds, 0, "")
        known = self.back if back else self.forward
        found = known.get((call.task, f"@{call.target}")) or known.get((call.task, call.step))
        return found.scaled(self.scale(call, found)) if found else None

    def scaled(self, scale: Scale) -> Self:
        """Return the same where tasks have more or less to do than when they were measured."""
        return replace(self, scale=scale)

    def saying(self, said: Mapping[str, float]) -> Self:
        """Return the same where calls say themselves how long they take, in seconds."""
        return replace(self, said={**self.said, **said})


def history(runs: Runs, runbook: str) -> Iterator[Run]:
    """Return the newest runs of a runbook and their rollbacks: what durations are measured of."""
    for run in islice(runs.newest(runbook), MEASURED_RUNS):
        yield from (run, *runs.undoing(run.id))


def measured(
    environment: str, own: Iterable[Run], others: Mapping[str, Iterable[Run]] | None = None
) -> Measured:
    """Measure every task, both ways, in this environment first, then in any other one.

    Args:
        environment: Its name.
        own: Its runs and rollbacks; see `history`.
        others: By name, those of other environments: of a drill.
    """
    forward: dict[Key, Expected] = {}
    back: dict[Key, Expected] = {}
    for name, runs in ({environment: own} | dict(others or {})).items():
        samples: dict[bool, dict[Key, list[float]]] = {False: {}, True: {}}
        for run in runs:
            for key, seconds in _samples(run):
                samples[bool(run.undoes)].setdefault(key, []).append(seconds)
        for known, found in ((forward, samples[False]), (back, samples[True])):
            for key, seen in found.items():
                known.setdefault(key, _expected(seen, name))
    return Measured(forward, back)


def _samples(run: Run) -> Iterator[tuple[Key, float]]:
    """Yield how long each task took that ended as it should, under both of its names."""
    for task in run.tasks.values():
        call = task.declared
        if task.seconds is not None and task.state in _HELD and not task.in_doubt:
            yield (call.task, f"@{call.target}"), task.seconds
            yield (call.task, call.step), task.seconds


def _expected(seen: Sequence[float], source: str) -> Expected:
    slow = sorted(seen)[math.ceil(0.95 * len(seen)) - 1]
    return Expected(median(seen), slow, len(seen), source)


@dataclass(frozen=True)
class Running:
    """A task that is at work.

    Args:
        call: Which.
        elapsed_seconds: Since it began to act, or its window opened.
        expected: How long it takes, where that was measured.
    """

    call: Declared
    elapsed_seconds: float
    expected: Expected | None

    @property
    def left_seconds(self) -> float | None:
        """Return how much longer it is expected to take, or None where nobody can tell."""
        if self.expected is None:
            return None
        return Estimate().plus(self.expected, self.elapsed_seconds).seconds

    @property
    def late_seconds(self) -> float:
        """Return by how much it is late against its expected end; 0 where it is not."""
        return self.expected.late_seconds(self.elapsed_seconds) if self.expected else 0.0


@dataclass(frozen=True)
class Outlook:
    """What is still to come of a run, as things stand now.

    Args:
        running: What is at work.
        hold: The next labelled place that it comes to, where there is one.
        to_hold: What it takes until there.
        to_end: What it takes to the run's end.
        way_back: What it takes to undo all of it now.
    """

    running: list[Running]
    hold: Hold | None
    to_hold: Estimate
    to_end: Estimate
    way_back: Estimate


def outlook(run: Run, known: Measured, now: datetime) -> Outlook:
    """Return what is still to come of a run; the way back of a rollback is itself."""
    ahead = next_hold(run)
    end = remaining(run, known, now)
    return Outlook(
        running=[
            Running(
                each.declared, elapsed(each, now), known.of(each.declared, back=bool(run.undoes))
            )
            for each in run.tasks.values()
            if each.state is TaskState.STARTED
        ],
        hold=ahead,
        to_hold=remaining(run, known, now, ahead.label) if ahead else end,
        to_end=end,
        way_back=end if run.undoes else way_back(run, known),
    )


def elapsed(task: Task, now: datetime) -> float:
    """Return the seconds since a task that is at work began; 0 where it is not."""
    if task.state is not TaskState.STARTED or task.started_at is None:
        return 0.0
    return max((now - datetime.fromisoformat(task.started_at)).total_seconds(), 0.0)


def next_hold(run: Run) -> Hold | None:
    """Return the first labelled place that a run has not come to, where there is one."""
    for hold in run.holds if not run.undoes else ():
        if any(not run.is_done(task) for task in _upto(run, hold.label)):
            return hold
    return None


def remaining(run: Run, known: Measured, now: datetime, to: str = "") -> Estimate:
    """Return what the tasks take that are not done, up to a task or hold; empty: to the end."""
    left = [task for task in _upto(run, to) if not run.is_done(task)]
    calls = [(task.declared, elapsed(task, now)) for task in left]
    return one_after_the_other(calls, known) if run.undoes else together(calls, known)


def way_back(run: Run, known: Measured, to: str = "") -> Estimate:
    """Return what undoing a run takes now, as far as a task or hold; empty: all of it."""
    kept = {task.declared.key for task in _upto(run, to)} if to else set()
    left = [each.call for each in run.receipts() if each.goes_back and each.key not in kept]
    return one_after_the_other([(call, 0.0) for call in left], known)


def together(calls: Iterable[tuple[Declared, float]], known: Measured) -> Estimate:
    """Return what calls take on the way forward: one task after the other, its targets at once.

    Args:
        calls: Each with the seconds that it has been at work.
        known: What was measured.
    """
    by_task: dict[str, list[Estimate]] = {}
    for call, spent in calls:
        by_task.setdefault(call.task, []).append(Estimate().plus(known.of(call), spent))
    longest = [max(each, key=lambda one: (one.known, one.seconds)) for each in by_task.values()]
    return _sum(longest)


def one_after_the_other(calls: Iterable[tuple[Declared, float]], known: Measured) -> Estimate:
    """Return what calls take on the way back, where each target waits for the one before it."""
    return _sum([Estimate().plus(known.of(call, back=True), spent) for call, spent in calls])


def _sum(parts: Iterable[Estimate]) -> Estimate:
    whole = Estimate()
    for each in parts:
        whole = Estimate(
            whole.seconds + each.seconds,
            whole.p95_seconds + each.p95_seconds,
            whole.unmeasured + each.unmeasured,
            whole.tasks + each.tasks,
        )
    return whole


def _upto(run: Run, to: str) -> list[Task]:
    """Return the tasks up to a task or hold, in the order of the runbook; empty: all."""
    after, order = run.task_of(to), run.order
    names = set(order[: order.index(after) + 1] if after in order else order)
    return [task for (name, _), task in run.tasks.items() if name in names]
