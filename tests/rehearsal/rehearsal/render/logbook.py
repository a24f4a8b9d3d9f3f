"""The logs of a workspace, kept in order and read by time."""

import fnmatch
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rehearsal.render.answers import LARGEST_PAGE, USUAL_PAGE, whole_number, window_of
from rehearsal.render.identity import new_id, now, stamp
from rehearsal.render.records import Json
from rehearsal.wire import Request

KEPT_LINES = 50_000
LABELS = ("resource", "instance", "host", "statusCode", "method", "level", "type", "path")
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Line:
    """One line; no two have the same time, so time alone pages through them."""

    id: str
    at: datetime
    message: str
    labels: dict[str, str]

    def json(self) -> Json:
        """Return the line as the API shows it."""
        return {
            "id": self.id,
            "message": self.message,
            "timestamp": stamp(self.at),
            "labels": [{"name": name, "value": value} for name, value in self.labels.items()],
        }


def _matches(value: str, wanted: str, *, within: bool) -> bool:
    if len(wanted) > 1 and wanted.startswith("/") and wanted.endswith("/"):
        return re.search(wanted[1:-1], value) is not None
    if "*" in wanted:
        return fnmatch.fnmatchcase(value, f"*{wanted}*" if within else wanted)
    return wanted in value if within else wanted == value


class Logbook:
    """All lines of all services."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=KEPT_LINES)
        self.lag_seconds = 0.0  # after which a line that was written can be read

    def add(self, resource: str, kind: str, message: str, **labels: str) -> None:
        """Write one line of a resource; ``kind`` is app, build or request."""
        at = now()
        if self._lines and at <= self._lines[-1].at:
            at = self._lines[-1].at + TICK
        named = {"resource": resource, "level": "info", "type": kind} | labels
        self._lines.append(Line(new_id("log"), at, message, named))

    def platform(self, resource: str, message: str, kind: str = "app") -> None:
        """Write one line of the platform itself, with its arrow."""
        self.add(resource, kind, f"==> {message}")

    def tail(self, resource: str, lines: int = 5) -> str:
        """Return the last lines of a resource, for a message."""
        found = [line.message for line in self._lines if line.labels["resource"] == resource]
        return " | ".join(found[-lines:])

    def search(self, request: Request) -> Json:
        """Answer a ``GET /logs`` request."""
        start, end = window_of(request)
        limit = whole_number(request, "limit", USUAL_PAGE, range(1, LARGEST_PAGE + 1))
        found = list(self._select(request, start, end))
        if request.one("direction", "backward") == "forward":
            page = found[:limit]
            following = (page[-1].at + TICK if page else end, end)
        else:
            page = found[::-1][:limit]
            following = (start, page[-1].at - TICK if page else start)
        return {
            "hasMore": len(found) > len(page),
            "nextStartTime": stamp(following[0]),
            "nextEndTime": stamp(following[1]),
            "logs": [line.json() for line in page],
        }

    def values(self, request: Request) -> list[str]:
        """Answer a ``GET /logs/values`` request."""
        start, end = window_of(request)
        label = request.one("label")
        lines = self._select(request, start, end)
        return sorted({line.labels[label] for line in lines if label in line.labels})

    def _select(self, request: Request, start: datetime, end: datetime) -> Iterator[Line]:
        filters = {name: request.query[name] for name in LABELS if name in request.query}
        text = request.query.get("text", [])
        arrived = now() - timedelta(seconds=self.lag_seconds)
        for line in self._lines:
            if not start <= line.at <= min(end, arrived):
                continue
            if text and not any(_matches(line.message, wanted, within=True) for wanted in text):
                continue
            if all(
                any(_matches(line.labels.get(name, ""), wanted, within=False) for wanted in given)
                for name, given in filters.items()
            ):
                yield line
