"""Figures of error rate and latency: Render's own, else those of our own reads.

Render counts requests for workspaces that pay for it. Where it has no figures, what our own reads
found serves.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from math import ceil

from handrail.clients.accounts import Accounts
from handrail.clients.app import Application
from handrail.clients.app.profile import Absent
from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.http import Answer, Http
from handrail.clients.patience import ONCE
from handrail.clients.render import Render
from handrail.engine import Finding, fails, holds, unknown

from .soak import NOW, Counted, Sample, window

OK, SERVER_ERROR = 200, 500
OWN = "our own reads"
DAY = timedelta(days=1)
NOT_ANSWERED = 599  # as an error of the server is counted, for nobody else can be blamed
READS = 5  # at a look, so that a quiet night still gives figures
KEPT_NO_LONGER = timedelta(days=1)  # figures that begin so much late were kept no longer
GO_BACK = 'pyinfra INVENTORY runbooks/rollback.py --data run=latest --data reason="over the bound"'


@dataclass(frozen=True)
class Bounds:
    """What a system must keep within.

    Args:
        min_requests: Fewer say nothing.
        max_error_percent: Of all requests, those that the server failed.
        max_p95_seconds: Ninety-five of a hundred are done in so long.
    """

    min_requests: int
    max_error_percent: float
    max_p95_seconds: float


@dataclass
class Figures:
    """Requests of a window, and the time that 95 of 100 took at most."""

    counts: Counter[int] = field(default_factory=Counter)  # by status
    p95_seconds: float | None = None
    source: str = "Render"
    begin: datetime | None = None

    def held_against(self, bounds: Bounds) -> Finding:
        """Return what the figures say; too few say nothing, and none are never a reason to go."""
        total = self.counts.total()
        errors = _errors(self.counts)
        said = f" ({self.source})"
        # So many errors are too many whatever else comes; an outage is not waited out for figures.
        if 100 * errors > bounds.max_error_percent * max(total, bounds.min_requests):
            return fails(f"{errors} of {total} requests failed{said}", GO_BACK)
        if total < bounds.min_requests:
            few = f"{total} requests are too few to tell; {bounds.min_requests} are wanted{said}"
            return unknown(few)
        if self.p95_seconds is None:
            return unknown("Render has no latency figures yet")
        percent, p95 = 100 * errors / total, self.p95_seconds
        told = f"{percent:.1f} % of {total} requests failed, p95 is {p95 * 1000:.0f} ms{said}"
        if p95 > bounds.max_p95_seconds:
            return fails(told, GO_BACK)
        facts = {"error_percent": round(percent, 2), "p95_seconds": round(p95, 4)}
        return holds(told, requests=total, source=self.source, **facts)


def of_render(render: Render, services: list[str], start: datetime) -> Figures:
    """Return Render's own figures since a moment of its clock; empty where it has none."""
    ids = [render.service(name).id for name in services]
    end = render.now()
    counted = render.request_counts(ids, start, end)
    if not counted.by_status:
        return Figures()
    p95 = render.latency_seconds(ids, 0.95, start, end)
    return Figures(Counter(counted.by_status), p95, begin=counted.begin)


def recent_p95(render: Render, services: list[str], now: datetime) -> float | None:
    """Return what 95 of 100 requests of the last minutes took at most, as Render has it."""
    ids = [render.service(name).id for name in services]
    return render.latency_seconds(ids, 0.95, now - NOW, now)


def day_before(render: Render, service: str, start: datetime) -> dict[str, float]:
    """Return what the legacy system did in the day before, to compare with; empty: not known.

    Returns:
        ``requests``, ``error_percent`` and, where it is known, ``p95_seconds``.
    """
    found = render.find_service(service)
    if found is None:
        return {}
    counted = Counter(render.request_counts([found.id], start - DAY, start).by_status)
    if not counted:
        return {}
    p95 = render.latency_seconds([found.id], 0.95, start - DAY, start)
    percent = round(100 * _errors(counted) / counted.total(), 2)
    known = {"requests": counted.total(), "error_percent": percent}
    return known | ({} if p95 is None else {"p95_seconds": round(p95, 4)})


def compared(before: dict[str, float]) -> str:
    """Return what the legacy system did in the day before, to go on with in a sentence."""
    if not before:
        return ""
    p95 = f", p95 was {before['p95_seconds'] * 1000:.0f} ms" if "p95_seconds" in before else ""
    percent, requests = before["error_percent"], before["requests"]
    return f"; the day before, on the legacy system, {percent:.1f} % of {requests:.0f}{p95}"


def counted(
    figures: Figures, quick: float | None, reads: list[tuple[int, float]], before: Sequence[Sample]
) -> Counted:
    """Return what is counted since a watch began: by Render, else by our own reads.

    Args:
        figures: Render's, since then.
        quick: What 95 of 100 took in the last minutes, by Render; None: it does not say.
        reads: Status and seconds of our own reads of this look.
        before: The samples so far.
    """
    own = _counted_by_us(reads, before)
    if not figures.counts:
        return own
    p95 = quick if quick is not None else own.p95_seconds
    return Counted(figures.counts.total(), _errors(figures.counts), p95, "Render")


def _counted_by_us(reads: list[tuple[int, float]], before: Sequence[Sample]) -> Counted:
    """Return what our own reads have counted since a watch began, those of this look among them."""
    failed = sum(status >= SERVER_ERROR for status, _ in reads)
    p95 = _nearest_rank([seconds for status, seconds in reads if status < SERVER_ERROR])
    own = _own(before)
    requests, errors = (own[-1].all_requests, own[-1].all_errors) if own else (0, 0)
    return Counted(requests + len(reads), errors + failed, p95, OWN)


def overall(figures: Figures, samples: Sequence[Sample]) -> Figures:
    """Return the figures of a whole watch: Render's, else what our own reads found."""
    ever = datetime.min.replace(tzinfo=UTC)
    if figures.counts:
        p95 = figures.p95_seconds or window(samples, ever).p95_seconds
        return replace(figures, p95_seconds=p95)
    seen = window(_own(samples), ever)
    answered = Counter({OK: seen.requests - seen.errors, NOT_ANSWERED: seen.errors})
    return Figures(answered, seen.p95_seconds, source=f"{OWN}; Render has no figures")


def _own(samples: Sequence[Sample]) -> list[Sample]:
    return [each for each in samples if each.source == OWN]


def last_window(samples: Sequence[Sample], span: timedelta) -> Figures:
    """Return what our own reads found in the window that ended with the last of them."""
    own = _own(samples)
    if not own:
        return Figures()
    end = own[-1].moment
    figures = overall(Figures(), [each for each in own if each.moment > end - span])
    figures.source += f"; the last was at {end:%Y-%m-%d %H:%M} UTC"
    return figures


def _errors(counts: Counter[int]) -> int:
    return sum(count for status, count in counts.items() if status >= SERVER_ERROR)


def _nearest_rank(seconds: list[float]) -> float | None:
    return sorted(seconds)[max(0, ceil(len(seconds) * 0.95) - 1)] if seconds else None


def reads_of(app: Application, canaries: Accounts) -> tuple[list[tuple[int, float]], str]:
    """Return status and seconds of a few reads, and why a known account could not read."""
    reads = app.system.reads
    if isinstance(reads, Absent):
        return [], ""
    paths = islice(cycle(reads), READS)
    try:
        http = app.as_account(canaries.administrator(), ONCE)
    except ClientError as error:
        # Its account may be wrong; whether the system is ill, a read without one tells as well.
        stranger = Http(app.base, patience=ONCE)
        return [_read(stranger, app, reads[0]) for _ in range(READS)], f"{error.what}: {error.why}"
    answers = [_read(http, app, path) for path in paths]
    return answers, f"{app.base} does not answer" if _are_silence(answers) else ""


def _are_silence(answers: list[tuple[int, float]]) -> bool:
    return all(status == NOT_ANSWERED for status, _ in answers)


def _read(http: Http, app: Application, path: str) -> tuple[int, float]:
    try:
        answer: Answer = http.get(path, params=app.system.reads_query)
    except NoAnswer:
        return NOT_ANSWERED, 0.0
    return answer.status, round(answer.seconds, 4)
