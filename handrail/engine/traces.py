"""OpenTelemetry traces of a run: run, step, command; a plug-in that the extra `otel` brings.

It sends where the variables that OpenTelemetry knows say so (``OTEL_EXPORTER_OTLP_ENDPOINT``), and
nothing where they say nothing. Every attempt of a run is a span in one trace, so that the night of
a run that was killed and resumed is one picture.

Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import hashlib
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from handrail.clients.errors import ClientError
from handrail.ledger.entry import Entry, Event

if TYPE_CHECKING:
    from opentelemetry.sdk import trace
    from opentelemetry.sdk.trace import ReadableSpan, Span, export

if find_spec("opentelemetry") is None:  # the extra is not there, and nobody asked for it
    raise ModuleNotFoundError("the extra `otel` is not installed", name="opentelemetry")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
BEGINNINGS = {Event.STEP_STARTED, Event.GATE_OPENED}
ENDS = {
    Event.STEP_CHANGED, Event.STEP_UNCHANGED, Event.STEP_CONFIRMED, Event.STEP_ADOPTED,
    Event.STEP_REFUSED, Event.STEP_FAILED, Event.STEP_SKIPPED, Event.STEP_ROLLED_BACK,
    Event.GATE_PASSED, Event.GATE_CLOSED,
}  # fmt: skip
BAD = {Event.STEP_REFUSED, Event.STEP_FAILED, Event.GATE_CLOSED}
MS = 1_000_000  # nanoseconds
REST_SECONDS = 10.0  # a collector that took nothing is let be so long
MOST = 2000  # spans that wait for it


def on_event(entry: Entry) -> None:
    """Take an entry that was recorded; what has ended is sent at once.

    Raises:
        ClientError: nobody took it.
    """
    if not any(os.environ.get(each) for each in ENDPOINTS):
        return
    traces = _traces.get(entry.run) or _traces.setdefault(entry.run, Traces(entry.run))
    traces.take(entry)


class Traces:
    """The spans of one run, as far as this process saw it.

    Args:
        run: Its id, which gives the trace's: the next attempt's spans join it.
        exporter: Where they go; by OTLP over HTTP where it is left out.
    """

    def __init__(self, run: str, exporter: "export.SpanExporter | None" = None) -> None:
        self._exporter = exporter or _by_http()
        self._ended: list[ReadableSpan] = []
        self._tracer = _tracer(run, self._ended)
        self._attempt: Span | None = None
        self._steps: dict[tuple[str, str], Span] = {}
        self._rest_until = 0.0

    def take(self, entry: Entry) -> None:
        """Begin or end the span that an entry is about, and send what has ended.

        Raises:
            ClientError: nobody took it.
        """
        if entry.event is Event.ATTEMPT_STARTED:
            self._attempt = self._begun(f"{entry.run} attempt {entry.attempt}", entry, None)
        elif entry.event in BEGINNINGS:
            self._steps[entry.task, entry.target] = self._step(entry)
        elif entry.event in ENDS:
            step = self._steps.pop((entry.task, entry.target), None) or self._step(entry)
            self._end_step(step, entry)
        elif entry.event is Event.ATTEMPT_ENDED:
            self._end_attempt(entry)
        self._send()

    def _step(self, entry: Entry) -> "Span":
        return self._begun(f"{entry.task} {entry.step}", entry, self._attempt)

    def _begun(self, name: str, entry: Entry, parent: "Span | None") -> "Span":
        facts = {
            "handrail.run": entry.run, "handrail.attempt": entry.attempt,
            "handrail.task": entry.task, "handrail.step": entry.step,
            "handrail.target": entry.target, "enduser.id": entry.actor,
        }  # fmt: skip
        known = {key: value for key, value in facts.items() if value != ""}
        return self._started(name, _ns(entry.at), known, parent)

    def _started(
        self, name: str, at: int, facts: Mapping[str, Any], parent: "Span | None"
    ) -> "Span":
        from opentelemetry.context import Context  # noqa: PLC0415  the extra's, as below
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

        within = set_span_in_context(parent, Context()) if parent is not None else Context()
        return self._tracer.start_span(name, within, attributes=dict(facts), start_time=at)  # type: ignore[return-value]

    def _end_step(self, step: "Span", entry: Entry) -> None:
        began = step.start_time or 0
        for each in entry.body.get("commands", []):
            ran = self._started(each["command"], began, {}, step)
            began += each["took_ms"] * MS
            ran.end(began)
        step.set_attribute("handrail.outcome", entry.event.value)
        _end(step, entry, good=entry.event not in BAD)

    def _end_attempt(self, entry: Entry) -> None:
        for (task, target), step in self._steps.items():
            step.set_attribute("handrail.outcome", "in doubt")
            step.set_attribute("handrail.task", task)
            step.set_attribute("handrail.target", target)
            _end(step, entry, good=False)
        self._steps.clear()
        if self._attempt is not None:
            outcome = str(entry.body.get("outcome", ""))
            self._attempt.set_attribute("handrail.outcome", outcome)
            _end(self._attempt, entry, good=outcome == "proven")

    def _send(self) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415

        if not self._ended:
            return
        sent = None
        if time.monotonic() >= self._rest_until:
            sent = self._exporter.export(tuple(self._ended))
            self._rest_until = time.monotonic() + REST_SECONDS
        if sent is SpanExportResult.SUCCESS:
            self._ended.clear()
            self._rest_until = 0.0
        else:
            del self._ended[:-MOST]
            raise ClientError(
                "spans were not sent",
                "the collector that OTEL_EXPORTER_OTLP_ENDPOINT names did not take them",
                "see whether it runs and takes OTLP over HTTP; the run goes on without it",
            )


_traces: dict[str, Traces] = {}


def _end(span: "Span", entry: Entry, *, good: bool) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

    why = str(entry.body.get("why", "")) or None
    span.set_status(Status(StatusCode.OK) if good else Status(StatusCode.ERROR, why))
    span.end(_ns(entry.at))


def _ns(at: str) -> int:
    """Return a moment of the ledger in nanoseconds since 1970, exactly."""
    past = datetime.fromisoformat(at) - datetime(1970, 1, 1, tzinfo=UTC)
    return (past.days * 86_400 + past.seconds) * 1_000_000_000 + past.microseconds * 1000


def _by_http() -> "export.SpanExporter":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise ClientError(
            "spans were not sent",
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, and `{error.name}` is not installed",
            "pip install 'handrail[otel]'",
        ) from None
    return OTLPSpanExporter(timeout=5)


def _tracer(run: str, ended: "list[ReadableSpan]") -> "trace.Tracer":
    """Return a tracer whose trace is the run's; what ends is put into a list."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

    class OfRun(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return int.from_bytes(hashlib.sha256(run.encode()).digest()[:16]) or 1

    class Kept(SpanProcessor):
        def on_end(self, span: "ReadableSpan") -> None:
            ended.append(span)

    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or "handrail"})
    provider = TracerProvider(resource=resource, id_generator=OfRun(), shutdown_on_exit=False)
    provider.add_span_processor(Kept())
    return provider.get_tracer("handrail")  # type: ignore[return-value]
