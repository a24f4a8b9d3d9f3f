"""One line of the ledger, and the hash that ties it to the line before."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

GENESIS = "0" * 64
_SURROGATES = re.compile("[\ud800-\udfff]")


class Event(StrEnum):
    """Everything the ledger can say; noun, then a verb in the past."""

    RUN_OPENED = "run.opened"
    RUN_PROVEN = "run.proven"
    RUN_ROLLED_BACK = "run.rolled_back"
    ATTEMPT_STARTED = "attempt.started"
    ATTEMPT_ENDED = "attempt.ended"
    LOCK_TAKEN_OVER = "lock.taken_over"
    STEP_STARTED = "step.started"
    STEP_CHANGED = "step.changed"
    STEP_UNCHANGED = "step.unchanged"
    STEP_CONFIRMED = "step.confirmed"
    STEP_ADOPTED = "step.adopted"
    STEP_REFUSED = "step.refused"
    STEP_FAILED = "step.failed"
    STEP_SKIPPED = "step.skipped"
    STEP_ROLLED_BACK = "step.rolled_back"
    GATE_OPENED = "gate.opened"
    GATE_PASSED = "gate.passed"
    GATE_CLOSED = "gate.closed"


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def storable(text: str) -> str:
    """Return a text that every database takes: halves of characters become U+FFFD.

    Python keeps bytes that are no UTF-8 as lone surrogates, in arguments and file names say.
    """
    return _SURROGATES.sub("\ufffd", text)


def now() -> datetime:
    """Return the time of day, aware and in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Entry:
    """One recorded fact.

    ``seq`` counts from 1 without gaps; ``at`` is RFC 3339 in UTC; ``fence`` is the token of the
    lease under which it was written; ``body`` is JSON and never holds a secret.
    """

    seq: int
    run: str
    attempt: int
    at: str
    event: Event
    task: str
    step: str
    target: str
    actor: str
    reason: str
    fence: int
    body: Mapping[str, Any]  # Any: JSON
    prev: str
    sha256: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of every field but the digest itself, hex."""
        fields = asdict(self)
        del fields["sha256"]
        return hashlib.sha256(canonical(fields).encode()).hexdigest()

    def sealed(self) -> Self:
        """Return the entry with its digest filled in."""
        return replace(self, sha256=self.digest())

    def as_json(self) -> dict[str, Any]:
        """Return the entry as plain data, in the order of its fields."""
        return asdict(self)
