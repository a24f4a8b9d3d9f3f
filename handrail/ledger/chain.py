"""From rows of a ledger to trusted entries: each readable, each tied to the one before it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.ledger.entry import (
    FIRST,
    FORMAT,
    GENESIS,
    Entry,
    Event,
    canonical,
    digest_of,
    first_form,
    read_body,
)
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.schema import FIELDS, NUMBERS


@dataclass(frozen=True)
class Head:
    """The place in a chain up to which it is trusted: a number and the digest that stands there."""

    seq: int = 0
    sha256: str = GENESIS


def trusted(rows: Iterable[Sequence[Any]], path: Path, environment: str) -> list[Entry]:
    """Return rows as entries, each held against its own digest.

    Raises:
        LedgerDamaged: one cannot be read, or was changed after it was written.
    """
    return [_entry(row, path, environment) for row in rows]


def refuse_gaps(entries: Sequence[Entry], path: Path, after: Head | None = None) -> None:
    """Raise where an entry does not follow the one before it; `trusted` has read each of them.

    Raises:
        LedgerDamaged: an entry was removed, or put in between.
    """
    head = after or Head()
    prev = head.sha256
    for place, entry in enumerate(entries, start=head.seq + 1):
        if entry.seq != place:
            raise untrusted(path, f"entry {place} is missing; the next one found is {entry.seq}")
        if entry.prev != prev:
            raise untrusted(path, f"entry {entry.seq} does not follow the entry before it")
        prev = entry.sha256


def untrusted(path: Path, problem: str) -> LedgerDamaged:
    """Return the refusal of a ledger that is not what was written."""
    return LedgerDamaged(
        f"ledger `{path}` is not trusted",
        problem,
        f"handrail verify --ledger {path}, then restore the file from its backup",
    )


def _entry(row: Sequence[Any], path: Path, environment: str) -> Entry:
    values = dict(zip(FIELDS, row, strict=True))
    for name, value in values.items():
        if not isinstance(value, int if name in NUMBERS else str):
            raise untrusted(path, f"`{name}` of entry {values['seq']} cannot be read")
    try:
        event = Event(values["event"])
        body, told = _body(values["format"], values["body"])
        entry = Entry(**values | {"event": event, "body": body, "environment": environment})
        digest = digest_of(vars(entry), values["body"])
        if not told and digest != entry.sha256 and canonical(body) != values["body"]:
            raise ValueError(told)
    except (ValueError, RecursionError):
        raise untrusted(path, f"entry {values['seq']} cannot be read") from None
    if digest != entry.sha256:
        raise untrusted(path, f"entry {values['seq']} was changed after it was written")
    return entry


def _body(form: int, text: str) -> tuple[dict[str, Any], bool]:  # Any: JSON
    """Return what a body says, and whether its form is known to be the one that was written.

    The digest of format 1 is made of what the body says, that of format 2 of its very text.
    """
    if form not in (FIRST, FORMAT):
        raise ValueError(form)
    body = json.loads(text) if form == FIRST else read_body(text)
    if not isinstance(body, dict) or (form == FIRST and first_form(body) != text):
        raise ValueError(text)
    return body, form == FIRST
