"""Logs, metrics and Blueprint checks of Render."""

from datetime import datetime, timedelta

import pytest

from handrail.clients.errors import ClientError
from tests.clients.conftest import OWNER, Reply
from tests.clients.render_wire import START, WEB, RenderWire

END = START + timedelta(hours=1)


@pytest.fixture
def world(wire):
    """A workspace with one service."""
    return RenderWire(wire)


def series(unit, values, **labels):
    """Return one series as the metrics endpoints give it."""
    return {
        "labels": [{"field": field, "value": value} for field, value in labels.items()],
        "values": [{"timestamp": "2026-10-03T14:00:00Z", "value": value} for value in values],
        "unit": unit,
    }


def test_the_newest_lines_come_oldest_first_over_several_pages(render, world):
    """More lines than a page holds, cut to as many as were asked for."""
    world.log(*[f"line {n}" for n in range(350)])

    lines = render.logs(WEB, START, 250)

    assert [line.text for line in lines] == [f"line {n}" for n in range(100, 350)]
    assert lines[0].type == "app"
    assert lines[0].at.tzinfo is not None


def test_a_log_that_does_not_move_on_is_left(render, wire):
    """`hasMore` without anything new would be asked forever."""
    line = {"id": "1", "message": "x", "timestamp": "2026-10-03T14:00:00Z", "labels": []}
    stuck = {"hasMore": True, "nextStartTime": "a", "nextEndTime": "b", "logs": [line]}
    wire.on("GET", "/logs", Reply(200, stuck))

    assert [each.text for each in render.logs(WEB, START, 10)] == ["x"]
    assert len(wire.seen) == 2


def test_a_moment_without_a_zone_is_not_sent(render):
    """It would mean another moment to the server."""
    with pytest.raises(ValueError, match="time zone"):
        render.logs(WEB, datetime(2026, 10, 3))  # noqa: DTZ001  the refused thing itself


def test_requests_are_counted_by_status_over_services_and_intervals(render, wire):
    """Each resource is asked for by its own key, as this endpoint wants it."""
    found = [
        series("requests", [3, 4], service=WEB, statusCode="200"),
        series("requests", [1.0], service=WEB, statusCode="502"),
        series("requests", [5], service="srv-2", statusCode="200"),
    ]
    wire.on("GET", "/metrics/http-requests", Reply(200, found))

    assert render.request_counts([WEB, "srv-2"], START, END).by_status == {200: 12, 502: 1}
    assert wire.seen[0].query["resource"] == [WEB, "srv-2"]
    assert wire.seen[0].query["aggregateBy"] == ["statusCode"]


def test_no_requests_are_no_data_and_not_zero_errors(render, wire):
    """Empty in, empty out: the caller decides what no data means."""
    wire.on("GET", "/metrics/http-requests", Reply(200, []))

    assert render.request_counts([WEB], START, END).by_status == {}


def test_counts_that_do_not_tell_statuses_apart_are_refused(render, wire):
    """A total is no error rate."""
    wire.on("GET", "/metrics/http-requests", Reply(200, [series("requests", [3], service=WEB)]))

    with pytest.raises(ClientError, match="was not understood"):
        render.request_counts([WEB], START, END)


@pytest.mark.parametrize(("unit", "values", "expected"), [
    ("ms", [120, 250.0], 0.25), ("seconds", [0.1, 0.3], 0.3), ("ms", [], None),
])  # fmt: skip
def test_latency_is_the_worst_of_the_window_in_seconds(render, wire, unit, values, expected):
    """Whatever unit it comes in, if it is one we know."""
    wire.on("GET", "/metrics/http-latency", Reply(200, [series(unit, values, service=WEB)]))

    found = render.latency_seconds([WEB], 0.95, START, END)

    assert found == (expected if expected is None else pytest.approx(expected))
    assert wire.seen[0].query["quantile"] == ["0.95"]


def test_a_latency_in_an_unknown_unit_is_not_guessed(render, wire):
    """A thousand could be a second or a quarter of an hour."""
    wire.on("GET", "/metrics/http-latency", Reply(200, [series("ticks", [1000], service=WEB)]))

    with pytest.raises(ClientError, match="`ticks`"):
        render.latency_seconds([WEB], 0.95, START, END)


def test_a_blueprint_is_sent_as_a_file_and_its_problems_come_as_lines(render, wire):
    """An invalid file is a 200 with a verdict; a failed check is asked again."""
    errors = [
        {"path": "services[0].env", "error": "unknown key", "line": 3, "column": 5},
        {"error": "no services"},
    ]
    wire.on(
        "POST", "/blueprints/validate", Reply(500), Reply(200, {"valid": False, "errors": errors})
    )

    problems = render.validate_blueprint("services: []\n")

    assert problems == ["line 3: services[0].env: unknown key", "no services"]
    sent = wire.seen[-1]
    assert sent.headers["Content-Type"].startswith("multipart/form-data")
    assert OWNER.encode() in sent.body
    assert b"services: []" in sent.body


def test_a_valid_blueprint_has_no_problems(render, wire):
    """And one that is called invalid without a reason is not taken for valid."""
    wire.on(
        "POST", "/blueprints/validate", Reply(200, {"valid": True}), Reply(200, {"valid": False})
    )

    assert render.validate_blueprint("a") == []
    assert render.validate_blueprint("a") == ["Render calls it invalid and does not say why"]
