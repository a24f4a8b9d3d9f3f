"""What went through the fronts: one record a request, and the metrics folded from them."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime

from rehearsal.render.answers import ApiError, whole_number, window_of
from rehearsal.render.identity import stamp
from rehearsal.render.records import Json
from rehearsal.wire import Request

KEPT_REQUESTS = 100_000
RESOLUTIONS_SECONDS = range(30, 86_401)


@dataclass(frozen=True)
class Passage:
    """One request that a front answered."""

    at: datetime
    service_id: str
    host: str
    path: str
    status: int
    seconds: float


def quantile(values: list[float], share: float) -> float:
    """Return the value that ``share`` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Traffic:
    """Every request of the last hours."""

    def __init__(self) -> None:
        self._passages: deque[Passage] = deque(maxlen=KEPT_REQUESTS)
        self.shown = True  # metrics of requests need a paid workspace

    def add(self, passage: Passage) -> None:
        """Count one request."""
        self._passages.append(passage)

    def _buckets(self, request: Request) -> dict[tuple[str, datetime], list[Passage]]:
        """Group the passages asked for by service and start of their time bucket."""
        start, end = window_of(request)
        step = whole_number(request, "resolutionSeconds", 60, RESOLUTIONS_SECONDS)
        services = {*request.many("resource"), *request.many("service")}
        hosts, paths = request.many("host"), request.many("path")
        groups: dict[tuple[str, datetime], list[Passage]] = defaultdict(list)
        if not self.shown:
            return groups
        for passage in self._passages:
            if not start <= passage.at <= end or passage.service_id not in services:
                continue
            if (hosts and passage.host not in hosts) or (paths and passage.path not in paths):
                continue
            bucket = datetime.fromtimestamp(passage.at.timestamp() // step * step, UTC)
            groups[passage.service_id, bucket].append(passage)
        return groups

    def requests(self, request: Request) -> list[Json]:
        """Answer ``GET /metrics/http-requests``: counts by bucket, and by label when asked."""
        by = request.one("aggregateBy")
        series: dict[tuple[tuple[str, str], ...], dict[datetime, int]] = {}
        groups = self._buckets(request)
        for (service_id, bucket), passages in groups.items():
            for passage in passages:
                labels = [("service", service_id)]
                if by == "statusCode":
                    labels.append(("statusCode", str(passage.status)))
                elif by == "host":
                    labels.append(("host", passage.host))
                counts = series.setdefault(tuple(labels), defaultdict(int))
                counts[bucket] += 1
        return [_series(labels, values, "requests") for labels, values in series.items()]

    def latency(self, request: Request) -> list[Json]:
        """Answer ``GET /metrics/http-latency``: quantiles by bucket, in milliseconds."""
        shares = request.many("quantile") or ["0.95"]
        for share in shares:
            _refuse_unless_share(share)
        groups = self._buckets(request)
        series: dict[tuple[tuple[str, str], ...], dict[datetime, float]] = {}
        for (service_id, bucket), passages in groups.items():
            taken = [passage.seconds * 1000 for passage in passages]
            for share in shares:
                labels = (("service", service_id), ("quantile", share))
                series.setdefault(labels, {})[bucket] = quantile(taken, float(share))
        return [_series(labels, values, "ms") for labels, values in series.items()]


def _refuse_unless_share(text: str) -> None:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise ApiError(400, "quantile must be a number between 0 and 1")


def _series(
    labels: tuple[tuple[str, str], ...],
    values: dict[datetime, int] | dict[datetime, float],
    unit: str,
) -> Json:
    return {
        "labels": [{"field": field, "value": value} for field, value in labels],
        "values": [
            {"timestamp": stamp(at), "value": values[at], "unit": unit} for at in sorted(values)
        ],
        "unit": unit,
    }
