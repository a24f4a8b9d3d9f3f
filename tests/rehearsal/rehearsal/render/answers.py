"""The forms every answer of the API shares: errors, pages, rate limits."""

import math
import time
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from rehearsal.render.identity import moment, now
from rehearsal.render.records import Json
from rehearsal.wire import Request

LARGEST_PAGE = 100
USUAL_PAGE = 20


class ApiError(Exception):
    """Answer with an error of Render's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_found(resource_id: str) -> ApiError:
    """Return the error for an unknown resource, in the words recorded."""
    return ApiError(404, f"not found: {resource_id}")


def page(request: Request, wrapper: str, rows: list[tuple[str, Json]]) -> list[Json]:
    """Return one page of rows, each with its own cursor; the next page starts after a cursor."""
    limit = whole_number(request, "limit", USUAL_PAGE, range(1, LARGEST_PAGE + 1))
    cursor, first = request.one("cursor"), 0
    if cursor:
        places = [index for index, (own, _) in enumerate(rows) if own == cursor]
        if not places:
            raise ApiError(400, "invalid cursor")
        first = places[0] + 1
    return [{wrapper: value, "cursor": own} for own, value in rows[first : first + limit]]


def whole_number(request: Request, name: str, usual: int, allowed: range) -> int:
    """Return a parameter that is a whole number, within what is allowed."""
    given = request.one(name) or str(usual)
    try:
        number = float(given)  # Render's own SDK writes 60 as 60.0
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise ApiError(400, f"{name} must be an integer")
    if number not in allowed:
        raise ApiError(400, f"{name} must be between {allowed.start} and {allowed.stop - 1}")
    return int(number)


def moment_of(request: Request, name: str, usual: datetime | None = None) -> datetime:
    """Return a parameter that is a moment with a zone; the usual one where it is not given."""
    given = request.one(name)
    if not given:
        return usual or now()
    try:
        found = moment(given)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ApiError(400, f"{name} must be an RFC 3339 timestamp")
    return found


def window_of(request: Request) -> tuple[datetime, datetime]:
    """Return start and end of what is asked for: the last hour where nothing is said."""
    end = moment_of(request, "endTime")
    return moment_of(request, "startTime", end - timedelta(hours=1)), end


def object_of(request: Request) -> dict[str, Any]:  # Any: JSON
    """Return a body that must be an object; an absent one is empty."""
    body = request.json()
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise ApiError(400, "a JSON object is required")
    return body


def kept(request: Request, rows: list[Json], filters: dict[str, str]) -> list[Json]:
    """Keep the rows that match; ``filters`` maps a query parameter to a key of the row."""
    for parameter, key in filters.items():
        wanted = request.many(parameter)
        if wanted:
            rows = [row for row in rows if row.get(key) in wanted]
    return rows


class RateLimits:
    """Count calls in their windows, as the ``Ratelimit-*`` headers tell them."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced
        self._spent: dict[tuple[str, int], int] = defaultdict(int)

    def spend(self, request: Request) -> tuple[int, int, int]:
        """Count one call; return its limit, what is left (may be negative) and the reset."""
        name, limit, window_seconds = self._bucket(request)
        moment = time.time()
        window = int(moment // window_seconds)
        self._spent[name, window] += 1
        reset = int((window + 1) * window_seconds - moment)
        return limit, limit - self._spent[name, window], reset

    def _bucket(self, request: Request) -> tuple[str, int, int]:
        """Source: api-docs.render.com/reference/rate-limiting, and recorded headers."""
        parts = request.path.strip("/").split("/")
        if request.method == "GET":
            return "read", 400, 60
        if request.method == "POST" and parts == ["services"]:
            return "create", 20, 3600
        slow = {"deploys", "suspend", "resume", "scale"}
        per_service = len(parts) == 3 and parts[2] in slow  # services/<id>/<verb>
        if parts[0] == "services" and (
            (request.method == "POST" and per_service)
            or (request.method == "PATCH" and len(parts) == 2)  # services/<id>
        ):
            return f"service {parts[1]}", 10, 60
        if request.method == "POST" and parts[-1] == "jobs":
            return "jobs", 2000, 3600
        return "write", 100, 60  # as recorded headers say; the page says 30
