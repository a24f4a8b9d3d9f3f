"""Gates of tasks 7, 11.3 and 12: error rate and latency, from enough requests to mean something."""

from datetime import UTC, datetime, timedelta

from handrail.clients.accounts import Accounts
from handrail.clients.alerts import Webhook
from handrail.clients.app import Application, Profile
from handrail.clients.app.profile import Absent
from handrail.clients.errors import ClientError
from handrail.clients.patience import ONCE
from handrail.clients.render import Render
from handrail.engine import FROM_RUN, FROM_TARGET, Finding, fails, gate, holds, unknown

from .applications import OK, application, none_there

SERVER_ERROR = 500
PROBES = 5  # reads a look, so that a quiet night still gives figures


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
    http = app.as_account(canaries.load()[0], ONCE)
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


@gate(fix='pyinfra INVENTORY runbooks/rollback.py --data run=latest --data reason="over the bound"')
def watch(
    *,
    render: Render = FROM_TARGET,
    services: list[str],
    window_seconds: float = FROM_TARGET,
    min_requests: int = FROM_TARGET,
    max_error_percent: float = FROM_TARGET,
    max_p95_seconds: float = FROM_TARGET,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    alerts: Webhook = FROM_TARGET,
    poll_seconds: float = FROM_TARGET,
    timeout_seconds: float,
    since: datetime = FROM_RUN,
) -> Finding:
    """Over the whole window, server errors and latency stay under their bounds.

    The window goes on over a restart of this command. It closes at the first look that is over a
    bound, and tells the people on call; too few requests never pass. Where known accounts cannot
    read at all, the people are told at each look, and the window does not pass.
    """
    del poll_seconds, timeout_seconds  # the engine's: how often and how long to ask
    subject = {"service": services[0], "url": web_url}
    silence = probe(application(web_url, profile, system), canaries)
    if silence:
        alerts.send({"event": "cutover.no_answer", "why": silence, **subject})
    found = measured(render, services, since, min_requests, max_error_percent, max_p95_seconds)
    if found.verdict == "fail":
        try:
            alerts.send({"event": "cutover.over_bound", "why": found.why, **subject})
        except ClientError as error:
            return fails(f"{found.why}; {error.what}: {error.why}")
        return found
    if silence:
        return unknown(silence)
    left = since + timedelta(seconds=window_seconds) - datetime.now(UTC)
    if found.passed and left > timedelta():
        return unknown(f"{found.why}; the window ends in {str(left).partition('.')[0]}")
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
) -> Finding:
    """Looking back over the window, server errors and latency stayed under their bounds."""
    start = datetime.now(UTC) - timedelta(seconds=window_seconds)
    bounds = (min_requests, max_error_percent, max_p95_seconds)
    return measured(render, services, start, *bounds)


def measured(
    render: Render,
    services: list[str],
    start: datetime,
    min_requests: int,
    max_error_percent: float,
    max_p95_seconds: float,
) -> Finding:
    """Hold Render's own figures since a moment against the bounds."""
    ids = [render.service(name).id for name in services]
    end = datetime.now(UTC)
    counts = render.request_counts(ids, start, end)
    total = sum(counts.values())
    errors = sum(count for status, count in counts.items() if status >= SERVER_ERROR)
    # So many errors are too many whatever else comes; an outage is not waited out for figures.
    if 100 * errors > max_error_percent * max(total, min_requests):
        return fails(f"{errors} of {total} requests failed")
    if total < min_requests:
        return unknown(f"{total} requests are too few to tell; {min_requests} are wanted")
    percent = 100 * errors / total
    p95 = render.latency_seconds(ids, 0.95, start, end)
    if p95 is None:
        return unknown("Render has no latency figures yet")
    figures = f"{percent:.1f} % of {total} requests failed, p95 is {p95 * 1000:.0f} ms"
    if p95 > max_p95_seconds:
        return fails(figures)
    error_percent, p95_seconds = round(percent, 2), round(p95, 4)
    return holds(figures, requests=total, error_percent=error_percent, p95_seconds=p95_seconds)


def probe(app: Application, canaries: Accounts) -> str:
    """Read a little as a known account does; return why that was not possible, or nothing.

    What is answered shows in Render's figures.
    """
    reads = [] if isinstance(app.system.reads, Absent) else app.system.reads
    try:
        http = app.as_account(canaries.load()[0], ONCE)
        for number in range(PROBES if reads else 0):
            http.get(reads[number % len(reads)], params=app.system.reads_query)
    except ClientError as error:
        return f"{error.what}: {error.why}"
    return ""
