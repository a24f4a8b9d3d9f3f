"""Why a deploy failed: its events and the end of its log, with every stored secret withheld."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from handrail.clients.errors import ClientError
from handrail.clients.git_credentials import USERINFO
from handrail.clients.masking import masked
from handrail.clients.render.model import Deploy, LogLine
from handrail.clients.render.services import ServiceCalls
from handrail.clients.render.telemetry import TelemetryCalls, stamp

LOG_LINES_READ = 100
LOG_LINES_SHOWN = 5
LINE_LENGTH = 240
SHORTEST_SECRET = 6
# Render's own variables, whose values are no secrets; an application's are named in the inventory.
SHOWN = ("NODE_ENV", "NODE_VERSION", "PORT", "PYTHON_VERSION", "WEB_CONCURRENCY")
TELLING = re.compile(
    r"no open ports|exited with|error|exception|refused|traceback|failed|not found", re.IGNORECASE
)
PLATFORM_PREFIX = "==>"
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
END = "deploy_ended"
ENDINGS = ("build_ended", "pre_deploy_ended", END)
# A deploy reads as ended a moment before the event that says why is listed.
EVENT_LOOKS, EVENT_POLL_SECONDS = 4, 0.5
PORT_FIX = (
    "bind 0.0.0.0:$PORT (https://render.com/docs/web-services#port-binding), "
    "then the same command again"
)


class Diagnosis(ServiceCalls, TelemetryCalls):
    """Gather what explains a failed deploy."""

    def failure(self, service_id: str, deploy: Deploy) -> ClientError:
        """Return the error that says why a deploy failed.

        What cannot be gathered is said to be missing; it does not replace the failure itself.

        Args:
            service_id: Service of the deploy.
            deploy: The deploy, ended.
        """
        since = (deploy.created_at or datetime.now(UTC) - timedelta(hours=1)) - timedelta(seconds=5)
        reasons = self._told_reasons(service_id, deploy.id, since)
        lines, log = self._told_log(service_id, since)
        what = f"deploy `{deploy.id}` of {self.called(service_id)} failed"
        why = "; ".join([f"it ended as `{deploy.status}`", *reasons, *log])
        if any("no open ports" in line.lower() for line in lines):
            return ClientError(what, why, PORT_FIX)
        log_page = f"{self._dashboard(service_id)}/logs"
        fix = f"read the log at {log_page}, correct the cause, then the same command again"
        return ClientError(what, why, fix)

    def _told_reasons(self, service_id: str, deploy_id: str, since: datetime) -> list[str]:
        try:
            return self._reasons(service_id, deploy_id, since)
        except ClientError as error:
            return [f"its events could not be read ({error.why})"]

    def _told_log(self, service_id: str, since: datetime) -> tuple[list[str], list[str]]:
        """Return the last lines of a log, and what is said of it: one text or none."""
        try:
            lines = self._last_lines(service_id, since)
        except ClientError as error:
            return [], [f"its log could not be read ({error.why})"]
        return lines, ["log: " + " | ".join(lines)] if lines else []

    def _dashboard(self, service_id: str) -> str:
        try:
            return self.service_by_id(service_id).dashboard_url
        except ClientError:
            return "https://dashboard.render.com"

    def _reasons(self, service_id: str, deploy_id: str, since: datetime) -> list[str]:
        events = self._endings(service_id, deploy_id, since)
        for _ in range(EVENT_LOOKS - 1):
            if any(event["type"] == END for event in events):
                break
            self.patience.sleep(EVENT_POLL_SECONDS)
            events = self._endings(service_id, deploy_id, since)
        said = chain.from_iterable(_said(_details(event).get("reason")) for event in events)
        return list(dict.fromkeys(said))

    def _endings(self, service_id: str, deploy_id: str, since: datetime) -> list[dict[str, Any]]:
        """Return the events that tell how a deploy, and what belongs to it, ended."""
        # Render lists the last hour unless told otherwise; a build may take two.
        listed = self.pages(
            f"/services/{quote(service_id, safe='')}/events",
            "event",
            f"events of {self.called(service_id)} could not be read",
            params={"startTime": stamp(since)},
        )
        return [
            event
            for event in listed
            if event.get("type") in ENDINGS
            and _details(event).get("deployId", deploy_id) == deploy_id
        ]

    def _last_lines(self, service_id: str, since: datetime) -> list[str]:
        lines = self.logs(service_id, since, LOG_LINES_READ)
        try:
            hidden = _secret_values(self.env_vars(service_id), {*SHOWN, *self.shown})
        except ClientError:
            # Without knowing what to withhold, only the platform's own lines are safe.
            hidden, lines = [], list(filter(_is_platform, lines))
        chosen = _telling(lines)
        shown = [_masked(line.text, hidden) for line in lines if line.id in chosen]
        return list(dict.fromkeys(shown))[-LOG_LINES_SHOWN - 1 :]


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: JSON
    details: Mapping[str, Any] = event.get("details") or {}
    return details


def _telling(lines: list[LogLine]) -> set[str]:
    """Return which lines tell most: the last of those that speak of faults, and those of ports."""
    telling = [line for line in lines if TELLING.search(line.text)]
    last = (telling or lines)[-LOG_LINES_SHOWN:]
    return {line.id for line in [*last, *filter(_about_ports, lines)]}


def _about_ports(line: LogLine) -> bool:
    return "no open ports" in line.text.lower()


def _is_platform(line: LogLine) -> bool:
    return _masked(line.text, ()).startswith(PLATFORM_PREFIX)


# What Render says of a deploy that did not go live, and of why it failed, in words.
REASONS = {
    "buildFailed": "the build failed",
    "newBuild": "a newer one replaced it",
    "newDeploy": "a newer one replaced it",
}
FAILURES = {
    "earlyExit": "the process ended early",
    "oomKilled": "the process ran out of memory",
    "evicted": "the instance was evicted",
}


def _said(reason: object) -> Iterable[str]:
    """Yield what a reason object says, in words."""
    if isinstance(reason, Mapping):
        yield from dict.fromkeys(words for key, words in REASONS.items() if reason.get(key))
        failure = reason.get("failure")
        yield from _failed(failure if isinstance(failure, Mapping) else {})


def _failed(given: Mapping[str, Any]) -> Iterable[str]:  # Any: JSON
    if given.get("nonZeroExit") is not None:
        yield f"the process exited with status {given['nonZeroExit']}"
    yield from (words for key, words in FAILURES.items() if given.get(key))
    if given.get("timedOutSeconds") is not None:
        yield _timed_out(given["timedOutSeconds"], given.get("timedOutReason"))
    if given.get("unhealthy"):
        yield f"it was not healthy ({given['unhealthy']})"


def _timed_out(seconds: object, cause: object) -> str:
    return f"it timed out after {seconds} s" + (f" ({cause})" if cause else "")


def _secret_values(variables: Mapping[str, str], shown: set[str]) -> list[str]:
    """Return what to withhold, longest first: each value, and the password inside a URL."""
    values = [value for key, value in variables.items() if key not in shown]
    found = {*values, *chain.from_iterable(map(_passwords, values))}
    return sorted((each for each in found if len(each) >= SHORTEST_SECRET), key=len, reverse=True)


def _passwords(value: str) -> set[str]:
    """Return the password in a URL as it stands there and as it is meant: either may be printed."""
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}


def _masked(text: str, hidden: Iterable[str]) -> str:
    plain = COLOUR.sub("", text)
    for value in hidden:
        plain = plain.replace(value, "(withheld)")
    return " ".join(masked(USERINFO.sub("(withheld)@", plain)).split())[:LINE_LENGTH]
