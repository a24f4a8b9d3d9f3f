"""The watch over a system that users have just been switched to, as samples and what they say.

A sample is one look: how many requests there were since the one before, how many of them the
server failed, how long 95 of 100 took at most. The engine keeps them in the ledger, so that a watch
goes on over a restart of the operator's machine; what was not looked at is no data.

Source: Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs": multiwindow,
multi-burn-rate alerts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from operator import attrgetter
from typing import Any, Self

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# How many times the error budget is burnt, over a long window and over a short one.
BURNS = ((14.4, HOUR, 5 * MINUTE), (6.0, 6 * HOUR, 30 * MINUTE))
NOW = 5 * MINUTE  # the window of the bounds that are held at any moment
FEWEST = 20  # requests of a window that say anything
UNSEEN_AFTER = 3  # pauses between two looks: past that, what lies between was not looked at


@dataclass(frozen=True)
class Sample:
    """One look.

    Args:
        at: When, RFC 3339.
        seconds: How much time before it was looked at.
        requests: In that time.
        errors: Those of them that the server failed.
        p95_seconds: What 95 of 100 took at most; None where nobody can tell.
        source: Who counted.
        all_requests: Since the watch began, by the same source.
        all_errors: Likewise.
    """

    at: str
    seconds: float
    requests: int
    errors: int
    p95_seconds: float | None
    source: str
    all_requests: int
    all_errors: int

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read it from what the ledger keeps; what stands there beside it is left."""
        return cls(**{name: found[name] for name in cls.__dataclass_fields__})

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as the ledger keeps it."""
        return asdict(self)

    @property
    def moment(self) -> datetime:
        """Return when it was taken, aware."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True)
class Counted:
    """What one source counts since the watch began, and how quick the last answers were."""

    requests: int
    errors: int
    p95_seconds: float | None
    source: str


def next_sample(
    before: Sequence[Sample], counted: Counted, now: datetime, since: datetime, pause: float
) -> Sample:
    """Return the sample of a look.

    Args:
        before: Those of the watch so far.
        counted: What is counted since the watch began.
        now: Of the look, by the clock of who counts.
        since: When the watch began.
        pause: Seconds from one look to the next.
    """
    last = before[-1] if before else None
    passed = (now - (last.moment if last else since)).total_seconds()
    looked_at = passed if passed <= UNSEEN_AFTER * max(pause, 60.0) else pause
    requests, errors = _counted_then(last, counted.source)
    return Sample(
        now.isoformat(),
        round(max(looked_at, 0.0), 3),
        max(counted.requests - requests, 0),
        max(counted.errors - errors, 0),
        counted.p95_seconds,
        counted.source,
        counted.requests,
        counted.errors,
    )


def _counted_then(last: Sample | None, source: str) -> tuple[int, int]:
    """Return what a source had counted at the last look; nothing where another one counted then."""
    if last is None or last.source != source:
        return 0, 0
    return last.all_requests, last.all_errors


@dataclass(frozen=True)
class Window:
    """What the samples of some time say together."""

    requests: int
    errors: int
    p95_seconds: float | None

    @property
    def error_percent(self) -> float:
        """Return how many of 100 requests the server failed."""
        return 100 * self.errors / self.requests if self.requests else 0.0


def window(samples: Sequence[Sample], since: datetime) -> Window:
    """Return what the samples after a moment say together.

    Where 95 of 100 are known of each look alone, each counts as its requests.
    """
    chosen = [each for each in samples if each.moment > since]
    timed = sorted((s.p95_seconds, s.requests) for s in chosen if s.p95_seconds is not None)
    return Window(
        sum(map(attrgetter("requests"), chosen)),
        sum(map(attrgetter("errors"), chosen)),
        _p95(timed),
    )


def _p95(timed: Sequence[tuple[float, int]]) -> float | None:
    """Return the nearest rank among values that each stand for so many requests."""
    whole = sum(count for _, count in timed)
    rank, seen = ceil(whole * 0.95), 0
    for seconds, count in timed:
        seen += count
        if whole and seen >= rank:
            return seconds
    return None


def covered_seconds(samples: Sequence[Sample]) -> float:
    """Return how much time was looked at."""
    return sum(each.seconds for each in samples)


def waits_for(
    samples: Sequence[Sample], since: datetime, now: datetime, seconds: float, coverage: float
) -> str:
    """Return what a watch still waits for: its window's end, or enough of it looked at.

    Args:
        samples: Of the watch.
        since: When it began.
        now: The time.
        seconds: Of the window.
        coverage: How much of it must have been looked at, 0 to 1.
    """
    left = since + timedelta(seconds=seconds) - now
    if left > timedelta():
        return f"the window ends in {_plain(left)}"
    seen, wanted = (
        timedelta(seconds=covered_seconds(samples)),
        timedelta(seconds=seconds * coverage),
    )
    if seen >= wanted:
        return ""
    gap = _plain(longest_gap(samples))
    return f"{_plain(seen)} were looked at, of {_plain(wanted)}; the longest gap is {gap}"


def _plain(span: timedelta) -> str:
    return str(span).partition(".")[0]


def longest_gap(samples: Sequence[Sample]) -> timedelta:
    """Return the longest time between two looks that nobody looked at."""
    unseen = [b.moment - a.moment - timedelta(seconds=b.seconds) for a, b in pairwise(samples)]
    return max(unseen, default=timedelta())


@dataclass(frozen=True)
class Limits:
    """When users are better off on the way back.

    Args:
        budget_percent: Errors of 100 requests that may be over a month: the error budget.
        error_percent: Errors of 100 requests that are too many at any moment.
        p95_seconds: What 95 of 100 requests must never take.
    """

    budget_percent: float
    error_percent: float
    p95_seconds: float


def over_the_limit(samples: Sequence[Sample], now: datetime, limits: Limits) -> str:
    """Return what goes wrong so much that a way back is better, or nothing.

    Too few requests say nothing; neither does a source that was silent.
    """
    recent = window(samples, now - NOW)
    if recent.requests >= FEWEST and recent.error_percent > limits.error_percent:
        return f"{_share(recent)} failed in the last 5 minutes, over {limits.error_percent:g} %"
    slow = recent.p95_seconds
    if recent.requests >= FEWEST and slow is not None and slow > limits.p95_seconds:
        bound = f"over {limits.p95_seconds:g} s"
        return f"95 of 100 took up to {slow:.2f} s in the last 5 minutes, {bound}"
    return next(_burnt(samples, now, limits.budget_percent), "")


def _burnt(samples: Sequence[Sample], now: datetime, budget_percent: float) -> Iterator[str]:
    """Yield how fast errors use up their budget, where both a long and a short window say so."""
    for times, long, short in BURNS:
        both = [window(samples, now - each) for each in (long, short)]
        burnt = times * budget_percent
        if all(each.requests >= FEWEST and each.error_percent > burnt for each in both):
            yield (
                f"errors burn more than {times:g} times their budget: {_share(both[0])} failed in "
                f"{_told(long)}, {_share(both[1])} in the last {_told(short)}"
            )


def _share(seen: Window) -> str:
    return f"{seen.errors} of {seen.requests} requests ({seen.error_percent:.1f} %)"


def _told(span: timedelta) -> str:
    minutes = int(span / MINUTE)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
