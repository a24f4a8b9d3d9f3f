"""Doubts whose calls the runbook declares no more: settled by an operator's word alone."""

from collections.abc import Mapping
from itertools import filterfalse
from typing import Any, Protocol

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.consent import Consent
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
    settling = [each for each in attempt.choices.consents if each.kind == "settle"]
    for consent in filterfalse(facts.is_spent, settling):
        key = facts.key_of(consent)
        if key is not None and key not in attempt.calls.declared:
            _settle(attempt, consent, key)


def _settle(attempt: Recording, consent: Consent, key: tuple[str, str]) -> None:
    """Record what the operator said of one such doubt."""
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
