"""Traces and apprise: what the extras bring, on the seam of events."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from handrail.clients.channels import Apprise
from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret
from tests.clients.conftest import MARK, Reply, Wire

OLD = "ignore:'imghdr'"  # a plug-in of apprise's looks whether Python still has it
WRITE = 'steps.write(path=f"{room}/a", text="1", task="1")'
PRINT = 'steps.print_to(path=f"{room}/b", text="2", task="2")'
STUMBLE = 'steps.stumble(path=f"{room}/c", text="3", task="3")'
SECRET = 'steps.keep(path=f"{room}/s", value="env:CANARY", task="4")'


@pytest.fixture
def collector():
    """Return somebody who takes spans and news."""
    wire = Wire()
    wire.on("POST", "/v1/traces", Reply(200, {}))
    wire.on("POST", "/news", Reply(200, {}))
    yield wire
    wire.close()


def spans(collector):
    """Return every span that arrived, in order."""
    return [
        span
        for seen in collector.requests("POST", "/v1/traces")
        for of in ExportTraceServiceRequest.FromString(seen.body).resource_spans
        for scope in of.scope_spans
        for span in scope.spans
    ]


def tree(found):
    """Return the names of spans under the names of those that they lie in."""
    names = {span.span_id: span.name for span in found}
    return {(names.get(span.parent_span_id, ""), span.name) for span in found}


def test_a_run_is_a_trace_of_its_steps_and_their_commands(lab, collector):
    """Each within the one it belongs to, from when it began until it ended."""
    lab.runbook(WRITE, PRINT, SECRET)

    assert lab.run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, CANARY=MARK).code == 0

    found = spans(collector)
    run = f"{lab.runs()[0].id} attempt 1"
    assert {("", run), (run, "1 lab.steps.write"), ("1 lab.steps.write", "call effect")} <= tree(
        found
    )
    assert len({span.trace_id for span in found}) == 1
    by_id = {span.span_id: span for span in found}
    for span in found:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        if outer := by_id.get(span.parent_span_id):
            assert outer.start_time_unix_nano <= span.start_time_unix_nano
    assert any(
        outer == "2 lab.steps.print_to" and inner.startswith("printf")
        for outer, inner in tree(found)
    )


def test_a_resumed_run_goes_on_in_its_trace_and_a_failed_step_says_why(lab, collector):
    """A night that was stopped is one picture."""
    lab.runbook(WRITE, STUMBLE)
    assert lab.run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url).code == 1
    skip = ("--data", "settle=3#1:skip", "--data", "reason=later")
    lab.run(*skip, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    found = spans(collector)
    assert len({span.trace_id for span in found}) == 1
    assert [span.name.split()[-1] for span in found if not span.parent_span_id] == ["1", "2"]
    failed = next(span for span in found if span.name == "3 lab.steps.stumble")
    assert failed.status.code == 2
    assert "ZeroDivisionError" in failed.status.message


def test_a_collector_that_takes_nothing_is_told_once_and_stops_nothing(lab, collector):
    """The run is proven."""
    collector.on("POST", "/v1/traces", Reply(400, {}))
    lab.runbook(WRITE, PRINT)

    ran = lab.run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    assert ran.code == 0
    assert ran.said.count("news did not reach opentelemetry") == 1
    assert "the run goes on without it" not in ran.said.partition("did not reach")[0]


def test_without_an_address_nothing_is_sent(lab):
    """OpenTelemetry's own default, this machine, is not asked for by anybody."""
    lab.runbook(WRITE)

    ran = lab.run()

    assert ran.code == 0
    assert "did not reach" not in ran.said


@pytest.mark.filterwarnings(OLD)
def test_news_go_where_apprise_sends_them(collector):
    """Here to a webhook of its own form."""
    url = collector.url.replace("http://", "json://")
    Apprise(Secret.of(f"{url}/news")).send(
        {"event": "run.held", "text": "It holds", "environment": "lab"}
    )

    (seen,) = collector.requests("POST", "/news")
    assert seen.json()["message"] == "It holds"
    assert seen.json()["title"] == "lab: run.held"


@pytest.mark.filterwarnings(OLD)
@pytest.mark.parametrize("url", [f"nothing://{MARK}", MARK, "json://127.0.0.1:9/" + MARK])
def test_an_address_that_apprise_cannot_use_is_told_without_it(url):
    """The address is a secret."""
    with pytest.raises(ClientError) as caught:
        Apprise(Secret.of(url)).send({"event": "run.held", "text": "x", "environment": "lab"})

    assert MARK not in f"{caught.value.what} {caught.value.why} {caught.value.fix}"
