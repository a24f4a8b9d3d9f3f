"""Doubts whose calls the runbook declares no more: settled by an operator's word alone."""

from collections.abc import Mapping
from typing import Any, Protocol

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.decide.known import BeforeFacts
from handrail.ledger.entry import Event
from handrail.ledger.run import Run


class Recording(Protocol):
    """What is needed of an attempt that has become the writer."""

    calls: Calls
    choices: Choices
    run: Run

    def facts(self) -> BeforeFacts:
        """Return what is known before any step."""

    def append(
        self,
        event: Event,
        *,
        task: str = "",
        step: str = "",
        reason: str = "",
        body: Mapping[str, Any] | None = None,  # Any: JSON
        run: str = "",
        target: str = "",
    ) -> None:
        """Record a fact."""


def settle_lost_doubts(attempt: Recording) -> None:
    """Record what the operator said of doubts whose calls the runbook declares no more."""
    facts = attempt.facts()
    for consent in attempt.choices.consents:
        key = facts.key_of(consent)
        if key is None or key in attempt.calls.declared or facts.is_spent(consent):
            continue
        if consent.kind != "settle":
            continue
        task = attempt.run.tasks[key]
        events: dict[str, tuple[Event, dict[str, object]]] = {
            "moved": (Event.STEP_MOVED, {"to": consent.to}),
            "adopt": (Event.STEP_ADOPTED, {"proven": False, "digest": task.digest}),
            "skip": (Event.STEP_SKIPPED, {"digest": task.digest}),
        }
        event, more = events[consent.choice]
        body = more | {"consent": consent.text(key[1])}
        about = {"task": key[0], "step": task.declared.step, "target": key[1]}
        attempt.append(event, **about, reason=attempt.choices.reason, body=body)
