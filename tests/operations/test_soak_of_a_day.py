"""The watch of a whole day, carried out by the real command line under a clock that skips.

Render's figures come over the wire, by the same clock; whoever kills the command does so from
there, in the middle of a look.
"""

import json
import os
import signal
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from handrail.ledger.store import SqliteLedger
from handrail.testing.clock import SkippingClock
from handrail.testing.lab import Lab
from operations.soak import Sample, covered_seconds, longest_gap
from tests.clients.conftest import OWNER, Reply, Wire
from tests.clients.render_wire import WEB, page, service

ROOT = Path(__file__).parents[2]
HEADER = """
from pyinfra import host
from handrail.engine import begin, hold
from lab import steps
from operations import monitor

begin()
room = host.data.room
"""
CALLS = """
steps.write(path=f"{room}/prepared", text="1", task="1")
hold(label="users-back", name="Users work with the legacy system as before")
steps.write(path=f"{room}/switched", text="1", task="11.2", until="11.3",
            stake="users work with the new system, and nobody has watched it yet")
monitor.watch(task="11.3", services=["rotc-django-web"], policy=host.data.soak_policy)
"""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A_SECOND = 60  # requests in a minute
LIMITS = {"budget_percent": 0.5, "error_percent": 5, "p95_seconds": 1.0}


@dataclass
class Day:
    """A day of a web service, as Render tells it.

    Args:
        clock: The file that keeps what was skipped.
        ledger: Of the command that watches.
        percent: Errors of 100 requests, from so many hours after the start on.
        strikes: Hours after the start at which the machine of the operator goes down.
    """

    clock: Path
    ledger: Path
    percent: dict[float, float]
    strikes: list[float] = field(default_factory=list)
    start: datetime | None = None

    def now(self):
        """Return the time of this day."""
        return SkippingClock(self.clock).now()

    def since(self, moment):
        """Return how many hours of the watch had gone by at a moment."""
        return (moment - self.start) / HOUR

    def errors(self, hours):
        """Return how many of 100 requests fail at an hour of the watch."""
        return [percent for begin, percent in self.percent.items() if begin <= max(hours, 0)][-1]

    def counts(self, seen):
        """Answer how many requests there were, by status; strike where it is time to."""
        begin, end = (
            datetime.fromisoformat(seen.query[key][0]) for key in ("startTime", "endTime")
        )
        if seen.query["resource"] == [WEB] and self.start is None and end - begin < DAY:
            self.start = begin
        if self.strikes and self.start and self.since(end) >= self.strikes[0]:
            self.strikes.pop(0)
            os.kill(SqliteLedger(self.ledger).writer().lease.owner.pid, signal.SIGKILL)
            return Reply(drop=True)
        minutes = [begin + MINUTE * n for n in range(int((end - begin) / MINUTE))]
        shares = [self.errors(self.since(each)) if self.start else 0.0 for each in minutes]
        failed = round(sum(shares) / 100 * A_SECOND)
        found = {"200": len(minutes) * A_SECOND - failed, "500": failed}
        return Reply(200, [series("statusCode", status, begin, n) for status, n in found.items()])


def series(label, value, at, number):
    """Return one series of a metric with one value."""
    values = [{"timestamp": at.isoformat(), "value": number}]
    return {"labels": [{"field": label, "value": value}], "values": values, "unit": "ms"}


def workspace(day):
    """Return a workspace at the wire, whose clock is that of the day."""
    wire = Wire()
    handler = wire.server.RequestHandlerClass
    handler.date_time_string = lambda *_: format_datetime(day.now(), usegmt=True)
    services = [service(), service("rotc-legacy", "srv-legacy")]
    wire.on("GET", "/users", Reply(200, {}))
    wire.on("GET", "/services", lambda seen: Reply(200, page(services, "service", seen.query)))
    wire.on("GET", "/metrics/http-requests", day.counts)
    latency = [series("service", WEB, day.now(), 210.0)]
    wire.on("GET", "/metrics/http-latency", Reply(200, latency))
    wire.on("POST", "/alert", Reply(200, {}))
    return wire


class Watched:
    """An operator's folder beside such a day."""

    def __init__(self, lab, percent, strikes=(), policy="propose", **limits):
        """Describe the day, and the watch."""
        self.lab = lab
        self.day = Day(lab.folder / "clock", lab.ledger, percent, list(strikes))
        self.wire = workspace(self.day)
        lab.inventory(
            render={"api": self.wire.url, "key": self.secret("key", "rnd_k"), "owner": OWNER},
            legacy_service="rotc-legacy", window_seconds=24 * 3600, min_requests=1000,
            max_error_percent=5.0, max_p95_seconds=0.5, limits=LIMITS | limits, coverage=0.95,
            web_url=self.wire.url, profile=str(ROOT / "inventory" / "rotc.profile.yaml"),
            system="legacy", canaries=self.secret("canaries", json.dumps([])),
            alerts=self.secret("alerts", f"{self.wire.url}/alert"), soak_policy=policy,
            monitor={"poll_seconds": 300, "timeout_seconds": 30 * 3600},
        )  # fmt: skip
        lab.runbook(CALLS)

    def secret(self, name, value):
        """Put a secret into a file; return its reference."""
        place = self.lab.folder / name
        place.write_text(value)
        place.chmod(0o600)
        return f"file:{place}"

    def run(self, down=timedelta()):
        """Type the command, once the machine is up again."""
        SkippingClock(self.day.clock).sleep(down.total_seconds())
        return self.lab.run(skipping=True)

    def samples(self):
        """Return every look on record."""
        kept = [each for each in self.lab.entries() if each.event == "gate.sampled"]
        return [Sample.read(each.body["sample"]) for each in kept]

    def hours(self):
        """Return how long the watch took, from its window's opening to the last look."""
        opened = next(each for each in self.lab.entries()
                      if each.event == "gate.opened" and each.task == "11.3")  # fmt: skip
        return (self.samples()[-1].moment - datetime.fromisoformat(opened.at)) / HOUR


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """Return an operator's folder, from which the project's own steps can be imported."""
    here = ROOT / "tests" / "engine"
    with Lab(tmp_path / "lab", path=[here, ROOT], header=HEADER, warm=here / "lab/warm.py") as lab:
        yield lab


def test_a_good_day_passes_over_three_restarts_and_a_gap(folder):
    """The gap counts as not looked at, so the watch lasts longer than the day to see enough."""
    watched = Watched(folder, {0: 0.1}, strikes=[3, 9, 20])

    ran = [watched.run(down) for down in (timedelta(), 2 * MINUTE, 90 * MINUTE, 2 * MINUTE)]

    assert [each.code for each in ran] == [-signal.SIGKILL] * 3 + [0], ran[-1].said
    assert len({each.attempt for each in folder.entries()}) == 4
    assert timedelta(minutes=85) <= longest_gap(watched.samples()) <= timedelta(minutes=95)
    assert 24.0 < watched.hours() < 25.0
    assert 0.95 * 24 <= covered_seconds(watched.samples()) / 3600 < 24
    passed = folder.runs()[-1].tasks["11.3", "one"]
    assert "the day before, on the legacy system" in passed.why
    assert watched.wire.requests("POST", "/alert") == []


def test_a_fast_burn_runs_the_way_back_within_the_hour(folder):
    """By policy; users work as before, and what was prepared stays."""
    watched = Watched(folder, {0: 0.1, 2: 4.0}, policy="run", budget_percent=0.2)

    ran = watched.run()

    assert ran.code == 1
    assert "more than 14.4 times their budget" in ran.said
    assert 2.0 < watched.hours() < 3.2
    assert (folder.read("prepared"), folder.read("switched")) == ("1", None)
    assert folder.runs()[-1].reason == "red: 11.3 on one"
    assert len(watched.wire.requests("POST", "/alert")) == 1


def test_a_slow_burn_is_told_after_hours_and_over_a_restart(folder):
    """Under every bound of the moment, too much for a day: the way back is proposed."""
    watched = Watched(folder, {0: 0.1, 2: 4.0}, strikes=[5])

    struck, ran = watched.run(), watched.run(MINUTE)

    assert (struck.code, ran.code) == (-signal.SIGKILL, 1)
    assert "more than 6 times their budget" in ran.said
    assert 4.0 < watched.hours() < 8.1
    assert "rollback.py --data run=" in ran.said
    assert folder.read("switched") == "1"
