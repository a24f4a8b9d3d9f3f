"""Figures of error rate and latency: Render's own, else those of our own reads.

Render counts requests for workspaces that pay for it. Where it has no figures, what our own reads
found serves: they are kept beside the evidence of the run, and outlive this command.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from handrail.clients import private_folder
from handrail.clients.accounts import Accounts
from handrail.clients.app import Application
from handrail.clients.app.profile import Absent
from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.http import Answer, Http
from handrail.clients.patience import ONCE
from handrail.clients.render import Render
from handrail.engine import Finding, fails, holds, unknown

SERVER_ERROR = 500
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
        errors = sum(count for status, count in self.counts.items() if status >= SERVER_ERROR)
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


@dataclass(frozen=True)
class OwnReads:
    """What our own reads found, a line for each look.

    Args:
        path: The file that keeps them.
    """

    path: Path

    @classmethod
    def of(cls, directory: str, run: str, task: str) -> "OwnReads":
        """Return those of a task of a run."""
        return cls(Path(directory) / run / f"reads-{task}.jsonl")

    def look(self, app: Application, canaries: Accounts, at: datetime) -> str:
        """Read a little as a known account does, and keep what came of it.

        Returns:
            Why a known account could not read, or nothing.
        """
        answers, why = reads_of(app, canaries)
        seen = {"at": at.isoformat(), "answers": answers}
        before = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        private_folder.write(self.path, f"{before}{json.dumps(seen)}\n")
        return why

    @classmethod
    def newest(cls, directory: str) -> "OwnReads | None":
        """Return those that were made last, of whatever run; None where nobody ever looked."""
        found = Path(directory).glob("*/reads-*.jsonl")
        path = max(found, key=lambda each: each.stat().st_mtime, default=None)
        return cls(path) if path else None

    def last_window(self, window: timedelta) -> Figures:
        """Return the figures of the window that ended with the last look, and when that was."""
        end = max(datetime.fromisoformat(each["at"]) for each in self._looks())
        figures = self.figures(end - window)
        figures.source += f"; the last was at {end:%Y-%m-%d %H:%M} UTC"
        return figures

    def _looks(self) -> list[dict[str, Any]]:  # Any: JSON
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def figures(self, start: datetime) -> Figures:
        """Return the figures of all looks since a moment."""
        kept = [each for each in self._looks() if datetime.fromisoformat(each["at"]) >= start]
        answers = [tuple(answer) for each in kept for answer in each["answers"]]
        seconds = sorted(each[1] for each in answers if each[0] < SERVER_ERROR)
        p95 = seconds[max(0, ceil(len(seconds) * 0.95) - 1)] if seconds else None  # nearest rank
        counts = Counter(int(each[0]) for each in answers)
        return Figures(counts, p95, source="our own reads; Render has no figures")


def reads_of(app: Application, canaries: Accounts) -> tuple[list[tuple[int, float]], str]:
    """Return status and seconds of a few reads, and why a known account could not read."""
    reads = [] if isinstance(app.system.reads, Absent) else app.system.reads
    if not reads:
        return [], ""
    try:
        http = app.as_account(canaries.load()[0], ONCE)
    except ClientError as error:
        # Its account may be wrong; whether the system is ill, a read without one tells as well.
        stranger = Http(app.base, patience=ONCE)
        return [_read(stranger, app, reads[0]) for _ in range(READS)], f"{error.what}: {error.why}"
    answers = [_read(http, app, reads[number % len(reads)]) for number in range(READS)]
    silent = all(status == NOT_ANSWERED for status, _ in answers)
    return answers, f"{app.base} does not answer" if silent else ""


def _read(http: Http, app: Application, path: str) -> tuple[int, float]:
    try:
        answer: Answer = http.get(path, params=app.system.reads_query)
    except NoAnswer:
        return NOT_ANSWERED, 0.0
    return answer.status, round(answer.seconds, 4)
