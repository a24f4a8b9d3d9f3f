"""What Render observed: logs, requests, latency; and what it thinks of a Blueprint."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.render.api import RenderApi
from handrail.clients.render.model import LogLine, not_understood

LOG_PAGE_SIZE = 100
OK = 200
TOLD_OR_NOT = (OK, 400, 402, 403)  # to be paid for, or not for this workspace: there are none
MOST_POINTS = 1000  # of a series
UNTOLD = {"error": "Render calls it invalid and does not say why"}
# The spec leaves `unit` open, so a number in a unit we do not know is refused, not guessed.
SECONDS_IN = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "second": 1.0}
SECONDS_IN |= {"ms": 0.001, "milliseconds": 0.001, "millisecond": 0.001}


def stamp(at: datetime) -> str:
    """Return a moment as Render writes it; refuse one without a zone.

    Raises:
        ValueError: the moment is naive, which would be read as another one elsewhere.
    """
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Requests:
    """Requests of a window.

    Args:
        by_status: How many were answered with each status.
        begin: When the first figure was taken; None where there is none.
    """

    by_status: dict[int, int]
    begin: datetime | None


class TelemetryCalls(RenderApi):
    """Read logs and metrics; validate a Blueprint."""

    def logs(self, service_id: str, since: datetime, limit: int = 100) -> list[LogLine]:
        """Return the newest lines of a service's log, oldest first.

        Args:
            service_id: ``srv-…`` or ``crn-…``.
            since: No line before this moment.
            limit: Most lines.

        Raises:
            ClientError: refused.
        """
        what = f"log of {self.called(service_id)} could not be read"
        params = {
            "ownerId": self.owner,
            "resource": service_id,
            "startTime": stamp(since),
            "direction": "backward",
        }
        lines: dict[str, LogLine] = {}
        while len(lines) < limit:
            size, known = min(LOG_PAGE_SIZE, limit - len(lines)), len(lines)
            page = self.ask("GET", "/logs", what, params={**params, "limit": size}).json()
            fresh, following = _page_of_log(page)
            lines |= fresh
            # Pages go by time, so one that brings nothing new would be followed by itself.
            if not following or len(lines) == known:
                break
            params |= following
        newest = sorted(lines.values(), key=lambda line: line.at)
        return newest[-limit:]

    def request_counts(
        self, service_ids: Sequence[str], start: datetime, end: datetime
    ) -> Requests:
        """Return how many requests were answered with each status; empty when nothing is known.

        Args:
            service_ids: Web services and static sites; together, not each.
            start: Beginning of the window, by Render's clock.
            end: End of the window.

        Raises:
            ClientError: refused, or the answer does not tell statuses apart.
        """
        params = _window(service_ids, start, end) | {"aggregateBy": "statusCode"}
        counts: Counter[int] = Counter()
        times: list[datetime] = []
        for series in self._series("http-requests", "request counts could not be read", params):
            try:
                status, count, when = _counted(series)
            except (KeyError, TypeError, ValueError) as error:
                raise not_understood("request count", error) from None
            counts[status] += count
            times += when
        return Requests(dict(counts), min(times, default=None))

    def latency_seconds(
        self, service_ids: Sequence[str], quantile: float, start: datetime, end: datetime
    ) -> float | None:
        """Return the worst of a latency quantile in the window; None when nothing is known.

        Render gives one value a service and interval; quantiles cannot be added up, so the
        largest stands for the window.

        Args:
            service_ids: Web services.
            quantile: Between 0 and 1; 0.95 for the ninety-fifth percentile.
            start: Beginning of the window, by Render's clock.
            end: End of the window.

        Raises:
            ClientError: refused, or in a unit that is not known.
        """
        what = "latency could not be read"
        params = _window(service_ids, start, end) | {"quantile": f"{quantile:g}"}
        found: list[float] = []
        for series in self._series("http-latency", what, params):
            try:
                unit = str(series.get("unit"))
                values = [float(point["value"]) for point in series["values"]]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise not_understood("latency", error) from None
            if values:
                found.append(max(values) * _seconds_in(unit, what))
        return max(found, default=None)

    def _series(
        self, metric: str, what: str, params: Mapping[str, Any]
    ) -> list[dict[str, Any]]:  # Any: JSON
        """Return the series of a metric; none where the workspace's plan does not have it."""
        answer = self.ask("GET", f"/metrics/{metric}", what, params=params, statuses=TOLD_OR_NOT)
        if answer.status != OK:
            return []
        found = answer.json()
        if not isinstance(found, list):
            raise not_understood("metric", TypeError())
        return found

    def validate_blueprint(self, text: str) -> list[str]:
        """Return what is wrong with a ``render.yaml``, one line each; empty when nothing is.

        Changes nothing on Render.

        Raises:
            ClientError: refused.
        """
        answer = self.ask(
            "POST",
            "/blueprints/validate",
            "the Blueprint could not be validated",
            form={"ownerId": self.owner},
            files={"file": ("render.yaml", text.encode(), "application/yaml")},
            repeatable=True,
        )
        verdict = answer.json()
        try:
            if verdict["valid"]:
                return []
            return [_problem(each) for each in verdict.get("errors") or [UNTOLD]]
        except (KeyError, TypeError, AttributeError) as error:
            raise not_understood("Blueprint", error) from None


def _window(service_ids: Sequence[str], start: datetime, end: datetime) -> dict[str, Any]:
    minutes = math.ceil((end - start).total_seconds() / 60 / MOST_POINTS)
    return {
        "resource": list(service_ids),
        "startTime": stamp(start),
        "endTime": stamp(end),
        "resolutionSeconds": 60 * max(1, minutes),
    }


def _page_of_log(page: Mapping[str, Any]) -> tuple[dict[str, LogLine], dict[str, str]]:  # Any: JSON
    """Return the lines of a page by their ids, and what asks for the next; nothing at the end."""
    try:
        lines = {line.id: line for line in map(LogLine.from_api, page["logs"])}
        if not page["hasMore"]:
            return lines, {}
        return lines, {"startTime": page["nextStartTime"], "endTime": page["nextEndTime"]}
    except (KeyError, TypeError) as error:
        raise not_understood("log", error) from None


def _counted(series: Mapping[str, Any]) -> tuple[int, int, list[datetime]]:  # Any: JSON
    """Return a status, how many requests were answered with it, and when some were."""
    labels = {label["field"]: label["value"] for label in series["labels"]}
    points = [point for point in series["values"] if point["value"]]
    count = round(math.fsum(point["value"] for point in points))
    times = [datetime.fromisoformat(point["timestamp"]) for point in points]
    return int(labels["statusCode"]), count, times


def _seconds_in(unit: str, what: str) -> float:
    """Return what one of a unit is in seconds.

    Raises:
        ClientError: it is not known here.
    """
    if unit.lower() not in SECONDS_IN:
        raise ClientError(
            what,
            f"it comes in `{unit}`, a unit that is not known here",
            "add the unit to SECONDS_IN in handrail/clients/render/telemetry.py",
        )
    return SECONDS_IN[unit.lower()]


def _problem(error: Mapping[str, Any]) -> str:  # Any: JSON
    line = f"line {error['line']}: " if error.get("line") else ""
    path = f"{error['path']}: " if error.get("path") else ""
    return f"{line}{path}{error['error']}"
