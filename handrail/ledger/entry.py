"""One line of the ledger, and the hash that ties it to the line before."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

import orjson
import rfc8785

FORMAT = 2  # of an entry; state/README.md tells them apart
FIRST = 1
GENESIS = "0" * 64
_SURROGATES = re.compile("[\ud800-\udfff]")
_EXACT = 2**53 - 1  # the largest integer that every reader of JSON takes as it is (RFC 7493)
_COMMON = {str, int, bool, type(None)}
_LONG_NUMBER = re.compile(r"\d{16}")

WAITED = "waited_seconds"  # a fact of a step: its pauses between looks at what others did


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
    STEP_MOVED = "step.moved"
    STEP_ROLLED_BACK = "step.rolled_back"
    GATE_OPENED = "gate.opened"
    GATE_SAMPLED = "gate.sampled"
    GATE_PASSED = "gate.passed"
    GATE_CLOSED = "gate.closed"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    PERSON_CONFIRMED = "person.confirmed"
    CONFIRMATION_MISSED = "confirmation.missed"
    HEAD_SEALED = "head.sealed"
    DOCTOR_ASKED = "doctor.asked"
    VAULT_REKEYED = "vault.rekeyed"
    LEDGER_ARCHIVED = "ledger.archived"
    LEDGER_RESTORED = "ledger.restored"


# What people and watchers say beside a run: written without the lease, under no token. It changes
# no receipt, and a plan made before it is as good as one made after it.
BESIDE = frozenset(
    {
        Event.APPROVAL_GIVEN,
        Event.APPROVAL_WITHDRAWN,
        Event.PERSON_CONFIRMED,
        Event.CONFIRMATION_MISSED,
        Event.HEAD_SEALED,
        Event.DOCTOR_ASKED,
        Event.VAULT_REKEYED,
        Event.LEDGER_ARCHIVED,
        Event.LEDGER_RESTORED,
    }
)
NO_TOKEN = 0
ARCHIVE = "archive"  # stands for a run where an entry says what lies in files of its own


def canonical(value: object) -> str:
    """Return the one JSON text of a value, by RFC 8785.

    Keys become text, tuples lists, integers beyond 2**53 the text of their digits, and halves of
    characters U+FFFD, so that every language reads the same and every database takes it.

    Raises:
        ValueError: it is, or holds, NaN, an infinity, or something that JSON has no form for.
    """
    said = plain(value)
    if _is_common(said):
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
    return rfc8785.dumps(said).decode()


def _is_common(value: object) -> bool:
    """Tell whether orjson writes plain data as RFC 8785 says: no floats, keys of ASCII only."""
    if type(value) is dict:
        return all(
            type(key) is str and key.isascii() and _is_common(each) for key, each in value.items()
        )
    if type(value) is list:
        return all(map(_is_common, value))
    return type(value) in _COMMON


def plain(value: object) -> Any:  # Any: JSON
    """Return a value as `canonical` writes it and `read_body` reads it."""
    if type(value) is str:
        return value if value.isascii() else storable(value)
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return str(int(value))
    if isinstance(value, Mapping):
        return {storable(_key(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def read_body(text: str) -> Any:  # Any: JSON
    """Return what a canonical text says; a long row of digits was a float.

    Raises:
        ValueError: it is not JSON.
    """
    if _LONG_NUMBER.search(text):
        return json.loads(text, parse_int=_number, parse_constant=_no_number)
    return json.loads(text, parse_constant=_no_number)


def _number(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) <= _EXACT else float(digits)


def _no_number(name: str) -> None:
    raise ValueError(name)


def storable(text: str) -> str:
    """Return a text that every database takes: halves of characters become U+FFFD.

    Python keeps bytes that are not UTF-8 as lone surrogates, in arguments and file names say.
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

    ``seq`` counts from 1 without gaps; ``at`` is RFC 3339 in UTC; ``token`` is that of the lease
    under which it was written; ``body`` is JSON and never holds a secret; ``environment`` stands
    in every digest, so that a ledger under another name is not its own.
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
    token: int
    body: Mapping[str, Any]  # Any: JSON
    prev: str
    environment: str = ""
    format: int = FORMAT
    sha256: str = ""

    def digest(self) -> str:
        """Return the SHA-256 that the entry must have, hex."""
        return digest_of(vars(self), canonical(self.body) if self.format == FORMAT else "")

    def sealed(self, body: str) -> Self:
        """Return the entry with its digest filled in; `body` is its own as canonical text."""
        return replace(self, sha256=digest_of(vars(self), body))

    def as_json(self) -> dict[str, Any]:
        """Return the entry as plain data, in the order of its fields."""
        return dict(vars(self))


def digest_of(fields: Mapping[str, Any], body: str) -> str:  # Any: JSON
    """Return the SHA-256 of an entry's fields, hex.

    Args:
        fields: Every field by name; ``sha256`` is left out.
        body: Its body as canonical text.
    """
    if fields["format"] == FIRST:
        return _first_digest(fields)
    if fields["format"] != FORMAT:
        raise ValueError(fields["format"])
    # Texts and whole numbers under plain names: sorted and escaped by orjson as RFC 8785 says.
    named = {name: value for name, value in fields.items() if name not in ("body", "sha256")}
    text = orjson.dumps(named, option=orjson.OPT_SORT_KEYS)
    place = text.index(b',"environment":')  # the name that follows `body`
    whole = b"".join((text[:place], b',"body":', body.encode(), text[place:]))
    return hashlib.sha256(whole).hexdigest()


def _first_digest(fields: Mapping[str, Any]) -> str:  # Any: JSON
    """Return the digest of format 1: Python's own JSON, another name, no environment."""
    first = {
        name: value
        for name, value in fields.items()
        if name not in ("environment", "format", "sha256", "token")
    } | {"fence": fields["token"]}
    return hashlib.sha256(first_form(first).encode()).hexdigest()


def read_first(text: str) -> dict[str, Any]:  # Any: JSON
    """Return the body of an entry of format 1, whose digest is made of what it says.

    Raises:
        ValueError: it is not in the form that was written.
    """
    body = json.loads(text)
    if not isinstance(body, dict) or first_form(body) != text:
        raise ValueError(text)
    return body


def first_form(value: object) -> str:
    """Return the JSON text of format 1."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
