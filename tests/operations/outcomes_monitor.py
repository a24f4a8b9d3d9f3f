"""What the monitor gates say, of figures that the stand-in of Render really counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from handrail.engine.finding import Verdict
from operations.soak import Sample
from tests.clients.conftest import Reply
from tests.operations.cloud import cloud
from tests.operations.gates import gates, nowhere, outcome
from tests.operations.kept import Kept

PASS, FAIL = Verdict.PASS, Verdict.FAIL
UNKNOWN, ERROR = Verdict.INCONCLUSIVE, Verdict.ERROR
READS = ("/api/v1/cadets/", "/api/v1/training-days/", "/api/v1/attendance-records/")
BOUNDS = {"min_requests": 100, "max_error_percent": 5, "max_p95_seconds": 0.5}


def reads(stage, *replies, max_p95_seconds=5.0):
    """Ask whether reads are quick; the second address is answered like this."""
    for path in READS:
        stage.app.on("GET", path, Reply(200, {"data": []}))
    if replies:
        stage.app.on("GET", READS[1], *replies)
    return stage.ask(
        "monitor.reads_are_quick",
        requests=9,
        max_p95_seconds=max_p95_seconds,
        **stage.stands_at,
    )


@outcome("monitor.reads_are_quick", PASS)
def they_are_quick(stage):
    """As many as asked for, over all three addresses."""
    found = reads(stage)
    assert sum(len(stage.app.requests("GET", path)) for path in READS) == 9
    return found


@outcome("monitor.reads_are_quick", FAIL)
def they_are_slow(stage):
    """Nothing is answered in no time."""
    return reads(stage, max_p95_seconds=0.0)


@outcome("monitor.reads_are_quick", FAIL)
def one_fails_and_would_not_fail_again(stage):
    """A read that is asked again would hide a failure."""
    return reads(stage, Reply(200, {}), Reply(503, {}), Reply(200, {}))


@outcome("monitor.reads_are_quick", ERROR)
def nobody_signs_in(stage):
    """Without an account there is nothing to measure."""
    stage.app.on("POST", "/api/v1/auth/login", Reply(500, {}))
    return reads(stage)


def stable(stage, *passages, minutes_ago=1.0, **more):
    """Ask whether it has been stable for an hour."""
    asked = stage.served(*passages, minutes_ago=minutes_ago) | BOUNDS | look_back(stage) | more
    return stage.ask("monitor.has_been_stable", **{"window_seconds": 3600} | asked)


def look_back(stage):
    """Return where the watch's samples are, of which there are none."""
    record = Kept(stage.directory).asked()
    return {"record": record, "runbook": "cutover", "watched": "11.3"}


@outcome("monitor.has_been_stable", PASS)
def figures_are_within_bounds(stage):
    """Exactly at the bound is within it."""
    return stable(stage, (95, 200, 0.1), (5, 500, 0.1))


@outcome("monitor.has_been_stable", FAIL)
def too_many_errors(stage):
    """Six of a hundred."""
    return stable(stage, (94, 200, 0.1), (6, 502, 0.1))


@outcome("monitor.has_been_stable", FAIL)
def too_slow(stage):
    """One in twenty is late, and more."""
    return stable(stage, (90, 200, 0.1), (10, 200, 0.9))


@outcome("monitor.has_been_stable", UNKNOWN)
def too_few_requests(stage):
    """All of them are well; they do not pass."""
    return stable(stage, (99, 200, 0.1))


@outcome("monitor.has_been_stable", UNKNOWN)
def no_request_at_all(stage):
    """No data never passes."""
    return stable(stage)


@outcome("monitor.has_been_stable", UNKNOWN)
def they_came_before_the_window(stage):
    """What was well an hour ago says nothing about now."""
    return stable(stage, (500, 200, 0.1), minutes_ago=90)


@outcome("monitor.has_been_stable", FAIL)
def refusals_are_no_errors_but_outages_are(stage):
    """A 404 is the caller's; a 500 ours."""
    assert stable(stage, (50, 200, 0.1), (50, 404, 0.1)).passed
    return stable(stage, (50, 200, 0.1), (50, 500, 0.1))


@outcome("monitor.has_been_stable", ERROR)
def render_knows_no_such_service(stage):
    """A name that is not right is not stability."""
    asked = BOUNDS | {"render": cloud().inventory, "services": ["no-such-service"]}
    asked |= look_back(stage)
    return stage.ask("monitor.has_been_stable", window_seconds=3600, **asked)


@outcome("monitor.has_been_stable", ERROR)
def render_is_not_heard(stage):
    """The key is refused."""
    asked = stage.served((100, 200, 0.1))
    asked["render"] = cloud().inventory | {"key": stage.file("key", "rnd_wrong")}
    asked |= look_back(stage)
    return stage.ask("monitor.has_been_stable", window_seconds=3600, **asked, **BOUNDS)


LIMITS = {"budget_percent": 0.5, "error_percent": 5, "p95_seconds": 1.0}


def looked_at(minutes, requests=0):
    """Return samples of a watch that looked each minute until a minute ago, and saw nothing bad."""
    now = datetime.now(UTC)
    ends = [now - timedelta(minutes=minutes - number) for number in range(1, int(minutes))]
    whole = [(end.isoformat(), requests * (number + 1)) for number, end in enumerate(ends)]
    return [
        Sample(at, 60, requests, 0, 0.1, "Render", counted, 0).as_json() | {"before": {}}
        for at, counted in whole
    ]


def watch(stage, *passages, began_minutes_ago=61, minutes_ago=1.0, **more):
    """Look once at a window of an hour that began then, and was looked at until now."""
    asked = stage.served(*passages, minutes_ago=minutes_ago) | BOUNDS | stage.stands_at
    asked |= {
        "alerts": stage.alerts,
        "legacy_service": "no-such-service",
        "limits": LIMITS,
        "coverage": 0.95,
        "samples": looked_at(began_minutes_ago),
        "window_seconds": 3600,
        "poll_seconds": 1,
        "timeout_seconds": 1,
        "since": datetime.now(UTC) - timedelta(minutes=began_minutes_ago),
    }
    for path in READS:
        stage.app.on("GET", path, Reply(200, {"data": []}))
    return stage.ask("monitor.watch", **asked | more)


@outcome("monitor.watch", PASS)
def the_window_has_passed(stage):
    """It was well all the time, and nobody is woken."""
    found = watch(stage, (100, 200, 0.1))
    assert stage.alerted() == []
    return found


@outcome("monitor.watch", UNKNOWN)
def the_window_goes_on(stage):
    """Well until now is not well to the end."""
    found = watch(stage, (500, 200, 0.1), began_minutes_ago=59)
    assert "the window ends in 0:00:" in found.why
    return found


@outcome("monitor.watch", UNKNOWN)
def too_few_at_the_end(stage):
    """The window has passed, and nobody was there."""
    return watch(stage, (20, 200, 0.1))


@outcome("monitor.watch", FAIL)
def over_the_bound(stage):
    """It closes at once, long before the window's end, and people are told."""
    found = watch(stage, (90, 200, 0.1), (10, 500, 0.1), began_minutes_ago=2)
    (alert,) = stage.alerted()
    assert (alert["event"], alert["why"]) == ("cutover.over_bound", found.why)
    assert "10 of 100" in found.why
    return found


@outcome("monitor.watch", FAIL)
def an_outage_is_not_waited_out(stage):
    """So many errors are too many, though there are too few requests for a percentage."""
    found = watch(stage, (6, 502, 0.1), began_minutes_ago=2)
    assert stage.alerted()
    return found


@outcome("monitor.watch", FAIL)
def over_the_bound_and_nobody_can_be_told(stage):
    """The verdict stands, and says that the alert did not arrive."""
    stage.hook.on("POST", "/alert", Reply(500, {}))
    found = watch(stage, (100, 500, 0.1))
    assert "was not delivered" in found.why
    return found


@outcome("monitor.watch", UNKNOWN)
def nobody_can_read(stage):
    """Render's figures are well, and no account signs in: people are told, and it does not pass."""
    found = watch(stage, (100, 200, 0.1), web_url=nowhere())
    (alert,) = stage.alerted()
    assert alert["event"] == "cutover.no_answer"
    return found


def without_figures(stage):
    """Let Render have no figures, as where nobody pays for them."""
    cloud().standin.faults.take({"http_metrics": False})
    stage.stack.callback(cloud().standin.faults.forget)


@outcome("monitor.watch", PASS)
def own_reads_serve_where_render_has_no_figures(stage):
    """They are kept from look to look, so that a window of many looks passes by them alone."""
    without_figures(stage)
    samples = looked_at(61)
    looks = []
    for _ in range(3):
        looks.append(watch(stage, min_requests=15, samples=samples))
        samples.append(looks[-1].facts["sample"])
    assert [each.verdict for each in looks[:2]] == [UNKNOWN, UNKNOWN]
    assert "10 requests are too few" in looks[1].why
    assert "our own reads" in looks[2].why
    assert stage.alerted() == []
    return looks[2]


@outcome("monitor.watch", FAIL)
def own_reads_that_fail_are_errors_of_the_system(stage):
    """An outage shows though Render has no figures: five of five, where five would be enough."""
    without_figures(stage)
    stage.app.on("GET", READS[0], Reply(503, {}))
    found = watch(stage, min_requests=5, web_url=nowhere())
    assert "5 of 5 requests failed" in found.why
    assert "rollback.py" in found.fix
    return found


@outcome("monitor.watch", UNKNOWN)
def no_figures_are_no_reason_to_go_back(stage):
    """The window has passed, nothing is known, and nobody is told to roll back."""
    without_figures(stage)
    found = watch(stage)
    assert "rollback" not in found.fix
    assert "rollback" not in gates()["monitor.watch"].ensures.fix
    return found


@outcome("monitor.watch", ERROR)
def neither_render_nor_the_application_is_heard(stage):
    """It is this machine that hears nobody: no read is counted against the system."""
    asked = cloud().inventory | {"key": stage.file("key", "rnd_wrong")}
    found = watch(stage, web_url=nowhere(), render=asked)
    assert "sample" not in found.facts
    return found


@outcome("monitor.watch", UNKNOWN)
def the_window_goes_by_the_clock_of_render(stage):
    """Render's clock is two minutes ahead; its figures of the window's first minute count."""
    cloud().standin.faults.take({"clock_ahead_seconds": 120})
    stage.stack.callback(cloud().standin.faults.forget)
    found = watch(stage, (100, 200, 0.1), began_minutes_ago=0.9, minutes_ago=-1.5)
    assert "of 100 requests failed" in found.why
    return found


@outcome("monitor.figures_are_there", PASS)
def render_has_a_sample_of_each(stage):
    """Of a service that is in use."""
    found = there_are_figures(stage, (3, 200, 0.1))
    assert found.facts["source"] == "Render"
    return found


@outcome("monitor.figures_are_there", PASS)
def render_has_none_and_it_is_said_what_serves_instead(stage):
    """No sample, before the night and not after it."""
    without_figures(stage)
    found = there_are_figures(stage, (3, 200, 0.1))
    assert "no figures of requests and latency" in found.why
    assert "its own reads" in found.why
    return found


@outcome("monitor.figures_are_there", PASS)
def the_plan_does_not_have_them(stage):
    """Payment required is an answer, not an outage."""
    refused = {"path": "/metrics/*", "times": 9, "status": 402, "body": {"message": "upgrade"}}
    cloud().standin.faults.take(refused)
    stage.stack.callback(cloud().standin.faults.forget)
    return there_are_figures(stage, (3, 200, 0.1))


@outcome("monitor.figures_are_there", FAIL)
def nothing_would_be_measured(stage):
    """Neither figures nor a read: whoever starts the night would watch nothing."""
    without_figures(stage)
    profile = yaml.safe_load(Path("inventory/rotc.profile.yaml").read_text())
    profile["systems"]["django"]["reads"] = {"absent": "it has none"}
    (stage.directory / "profile.yaml").write_text(yaml.safe_dump(profile))
    return there_are_figures(stage, profile=str(stage.directory / "profile.yaml"))


@outcome("monitor.figures_are_there", ERROR)
def render_cannot_be_asked(stage):
    """The key is refused."""
    asked = cloud().inventory | {"key": stage.file("key", "rnd_wrong")}
    return there_are_figures(stage, render=asked)


def there_are_figures(stage, *passages, **more):
    """Ask what the watch will go by."""
    served = stage.served(*passages)
    asked = {"render": served["render"], "legacy_service": served["services"][0]}
    seen = {"web_url": stage.app.url, **stage.seen_as}
    del seen["canaries"]
    return stage.ask("monitor.figures_are_there", **asked | seen | more)


@outcome("monitor.has_been_stable", PASS)
def the_watch_has_seen_it_where_render_has_no_figures(stage):
    """Its own reads of the last window serve, whenever that was."""
    without_figures(stage)
    seen = watch(stage, min_requests=5, samples=[], coverage=0.0).facts["sample"]
    found = stable(stage, min_requests=5, record=Kept(stage.directory).looked(seen).asked())
    assert "our own reads; Render has no figures; the last was at" in found.why
    return found


@outcome("monitor.has_been_stable", UNKNOWN)
def figures_are_kept_no_longer_than_a_day_of_the_window(stage):
    """What the plan does not keep any more is not known to have been stable."""
    found = stable(stage, (500, 200, 0.1), window_seconds=7 * 24 * 3600)
    assert "Render's figures begin at" in found.why
    return found


@outcome("monitor.watch", ERROR)
def the_alerts_go_nowhere_while_nobody_can_read(stage):
    """Nobody to see it and nobody to tell."""
    stage.hook.on("POST", "/alert", Reply(404, {}))
    return watch(stage, (100, 200, 0.1), web_url=nowhere())


@outcome("monitor.watch", UNKNOWN)
def too_little_of_the_window_was_looked_at(stage):
    """The operator's machine was down for half an hour: nothing passes on that."""
    found = watch(stage, (100, 200, 0.1), samples=looked_at(61)[:30])
    assert "were looked at, of 0:57:00" in found.why
    return found


@outcome("monitor.watch", FAIL)
def errors_burn_their_budget(stage):
    """Four of a hundred for six hours: never over the bound of a moment."""
    slow = looked_at(361, requests=100)
    for number, each in enumerate(slow):
        each |= {"errors": 4, "all_errors": 4 * (number + 1)}
    found = watch(stage, window_seconds=86400, began_minutes_ago=361, samples=slow)
    assert "more than 6 times their budget" in found.why
    assert stage.alerted()
    assert "rollback.py" in found.fix
    return found


@outcome("monitor.watch", PASS)
def it_is_compared_with_the_day_before(stage):
    """What the legacy system did, in the words of the verdict and on record."""
    before = stage.served((50, 200, 0.2), minutes_ago=200)["services"][0]
    found = watch(stage, (100, 200, 0.1), legacy_service=before, samples=[], coverage=0.0)
    assert "the day before, on the legacy system, 0.0 % of 50, p95 was 200 ms" in found.why
    assert found.facts["sample"]["before"]["requests"] == 50
    return found
