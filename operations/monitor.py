"""Gates of tasks 7, 11.3 and 12: error rate and latency, from enough requests to mean something."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handrail.clients.accounts import Accounts
from handrail.clients.alerts import Webhook
from handrail.clients.app import Profile
from handrail.clients.app.profile import Absent
from handrail.clients.errors import ClientError
from handrail.clients.patience import ONCE
from handrail.clients.render import Render
from handrail.engine import FROM_RUN, FROM_TARGET, Finding, Record, fails, gate, holds, unknown

from .applications import OK, application, none_there
from .figures import (
    GO_BACK,
    KEPT_NO_LONGER,
    Bounds,
    compared,
    counted,
    day_before,
    last_window,
    of_render,
    overall,
    reads_of,
    recent_p95,
)
from .soak import Limits, Sample, next_sample, over_the_limit, waits_for

LOOKED_BACK = timedelta(days=1)  # for one sample of what the watch will go by


@gate(fix="find what slows the reads that the profile names, then the same command again")
def reads_are_quick(
    *,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    requests: int = FROM_TARGET,
    max_p95_seconds: float = FROM_TARGET,
) -> Finding:
    """Ninety-five of a hundred reads are answered within the bound, and none fails."""
    app = application(web_url, profile, system)
    reads = app.system.reads
    if isinstance(reads, Absent):
        return none_there(reads, "read that can be timed")
    # A read that is asked again would hide a failure.
    http = app.as_account(canaries.administrator(), ONCE)
    seconds: list[float] = []
    for number in range(requests):
        answer = http.get(reads[number % len(reads)], params=app.system.reads_query)
        if answer.status != OK:
            return fails(f"{answer.place} answers {answer.status}")
        seconds.append(answer.seconds)
    p95 = sorted(seconds)[max(0, -(-len(seconds) * 95 // 100) - 1)]  # nearest rank
    figures = f"p95 is {p95 * 1000:.0f} ms over {len(seconds)} reads"
    if p95 > max_p95_seconds:
        return fails(figures)
    return holds(figures, p95_seconds=round(p95, 4), requests=len(seconds))


@gate(fix="name reads in the profile, or take a workspace on Render whose plan has HTTP metrics")
def figures_are_there(
    *,
    render: Render = FROM_TARGET,
    legacy_service: str = FROM_TARGET,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
) -> Finding:
    """There is something that the watch after the switch can go by.

    One sample of each of Render's figures is asked for, of a service that is in use. Where there is
    none, for they need a paid workspace, our own reads serve; where there are no reads either,
    nothing would be measured.
    """
    start = render.now() - LOOKED_BACK
    figures = of_render(render, [legacy_service], start)
    lacking = [] if figures.counts else ["requests"]
    lacking += [] if figures.p95_seconds is not None else ["latency"]
    if not lacking:
        return holds("Render has figures of requests and latency", source="Render")
    none = f"Render has no figures of {' and '.join(lacking)} for `{legacy_service}`"
    if isinstance(application(web_url, profile, system).system.reads, Absent):
        return fails(f"{none}, and the profile names no read: nothing would be measured")
    return holds(f"{none}: the watch goes by its own reads", source="our own reads")


@gate(fix="see why nothing can be measured, then the same command again; no data says nothing bad")
def watch(
    *,
    render: Render = FROM_TARGET,
    services: list[str],
    legacy_service: str = FROM_TARGET,
    window_seconds: float = FROM_TARGET,
    min_requests: int = FROM_TARGET,
    max_error_percent: float = FROM_TARGET,
    max_p95_seconds: float = FROM_TARGET,
    limits: dict[str, float] = FROM_TARGET,
    coverage: float = FROM_TARGET,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    alerts: Webhook = FROM_TARGET,
    poll_seconds: float = FROM_TARGET["monitor.poll_seconds"],
    timeout_seconds: float = FROM_TARGET["monitor.timeout_seconds"],
    since: datetime = FROM_RUN,
    samples: list[Any] = FROM_RUN,  # Any: JSON
) -> Finding:
    """Over the whole window, server errors and latency stay under their bounds.

    Each look is a sample in the ledger, so that the window goes on over a restart of this command;
    it goes by Render's clock. It closes at once where users are better off on the way back, and
    tells the people on call; too few requests never pass, and are no reason to go back; time that
    nobody looked at is no data, and enough of the window has to be looked at. Where known accounts
    cannot read at all, the people are told at each look, and the window does not pass.
    """
    del timeout_seconds  # the engine's: how long to ask
    subject = {"service": services[0], "url": web_url}
    # Render first: where it is not heard either, it is this machine that hears nobody.
    now = render.now()
    start = since + (now - datetime.now(UTC))
    figures = of_render(render, services, start)
    reads, silence = reads_of(application(web_url, profile, system), canaries)
    if silence:
        alerts.send({"event": "cutover.no_answer", "why": silence, **subject})
    before = samples[0]["before"] if samples else day_before(render, legacy_service, start)
    kept = [Sample.read(each) for each in samples]
    count = counted(figures, recent_p95(render, services, now), reads, kept)
    kept.append(next_sample(kept, count, now, start, poll_seconds))
    sample = kept[-1].as_json() | {"before": before}
    if why := over_the_limit(kept, now, Limits(**limits)):
        return told(alerts, fails(why, GO_BACK, sample=sample), subject)
    bounds = Bounds(min_requests, max_error_percent, max_p95_seconds)
    found = overall(figures, kept).held_against(bounds)
    found = replace(found, facts={**found.facts, "sample": sample})
    if found.verdict == "fail":
        return told(alerts, found, subject)
    if silence:
        return unknown(silence, sample=sample)
    waits = waits_for(kept, start, now, window_seconds, coverage)
    return _in_time(found, waits, f"{found.why}{compared(before)}")


def _in_time(found: Finding, waits: str, told_at_the_end: str) -> Finding:
    """Return what was found; where it passes, once the window is over."""
    if not found.passed:
        return found
    if waits:
        return unknown(f"{found.why}; {waits}", sample=found.facts["sample"])
    return replace(found, why=told_at_the_end)


def told(alerts: Webhook, found: Finding, subject: dict[str, str]) -> Finding:
    """Tell the people on call; return the verdict, which stands whether they heard it or not."""
    try:
        alerts.send({"event": "cutover.over_bound", "why": found.why, **subject})
    except ClientError as error:
        return replace(found, why=f"{found.why}; {error.what}: {error.why}")
    return found


@gate(fix="wait until the window has passed; see the service's metrics on Render")
def has_been_stable(
    *,
    render: Render = FROM_TARGET,
    services: list[str],
    window_seconds: float = FROM_TARGET,
    min_requests: int = FROM_TARGET,
    max_error_percent: float = FROM_TARGET,
    max_p95_seconds: float = FROM_TARGET,
    runbook: str,
    watched: str,
    record: Record = FROM_RUN,
) -> Finding:
    """Looking back over the window, server errors and latency stayed under their bounds.

    Render keeps figures for a time that the workspace's plan sets. A window that begins before them
    is not known, whatever the rest says. Where it has none at all, the last window of our own reads
    serves, as the watch after the switch made them: the task `watched` of another runbook's run.
    """
    window = timedelta(seconds=window_seconds)
    start = render.now() - window
    figures = of_render(render, services, start)
    if not figures.counts:
        looks = [Sample.read(each) for each in record.samples(runbook, watched)]
        figures = last_window(looks, window)
    if figures.begin is not None and figures.begin - start > KEPT_NO_LONGER:
        return unknown(
            f"Render's figures begin at {figures.begin:%Y-%m-%d %H:%M} UTC, and the window at "
            f"{start:%Y-%m-%d %H:%M}: nobody came before, or they are kept no longer",
            "shorten `window_seconds` in the inventory to what the workspace's plan keeps",
        )
    found = figures.held_against(Bounds(min_requests, max_error_percent, max_p95_seconds))
    return fails(found.why) if found.verdict == "fail" else found
