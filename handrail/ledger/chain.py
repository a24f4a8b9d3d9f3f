"""From rows of a ledger to trusted entries: each readable, each tied to the one before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.ledger.entry import (
    FIRST,
    GENESIS,
    Entry,
    Event,
    canonical,
    digest_of,
    read_body,
    read_first,
)
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.schema import FIELDS, NUMBERS

Where = object  # a ledger's file or server: whatever names it to people


@dataclass(frozen=True)
class Head:
    """The place in a chain up to which it is trusted: a number and the digest that stands there."""

    seq: int = 0
    sha256: str = GENESIS


def trusted(rows: Iterable[Sequence[Any]], where: Where, environment: str) -> list[Entry]:
    """Return rows as entries, each held against its own digest.

    Raises:
        LedgerDamaged: one cannot be read, or was changed after it was written.
    """
    return [_entry(row, where, environment) for row in rows]


def refuse_broken(
    rows: Iterable[Sequence[Any]], where: Where, environment: str, after: Head | None = None
) -> Head:
    """Check that rows are what was written, one after the other, and return where they end.

    Args:
        rows: In their order.
        where: The ledger, for the refusal.
        environment: Whose ledger it is.
        after: What they follow; they begin the ledger if left out.

    Raises:
        LedgerDamaged: an entry was changed, removed, or put in between.
    """
    head = after or Head()
    for row in rows:
        values = _values(row, where)
        seq = values["seq"]
        if seq != head.seq + 1:
            raise untrusted(where, f"entry {head.seq + 1} is missing; the next one found is {seq}")
        if values["prev"] != head.sha256:
            raise untrusted(where, f"entry {seq} does not follow the entry before it")
        refuse_changed(values, where, environment)
        head = Head(seq, values["sha256"])
    return head


def refuse_changed(values: dict[str, Any], where: Where, environment: str) -> None:
    """Raise where a row is not what was written.

    Raises:
        LedgerDamaged: it cannot be read, or its digest is another.
    """
    try:
        body = read_first(values["body"]) if values["format"] == FIRST else {}
        fields = values | {"environment": environment, "body": body}
        if digest_of(fields, values["body"]) == values["sha256"]:
            return
        known = values["event"] in set(Event) and isinstance(read_body(values["body"]), dict)
        readable = known and (values["format"] == FIRST or is_canonical(values["body"]))
        problem = "was changed after it was written" if readable else "cannot be read"
    except (TypeError, ValueError, RecursionError):
        problem = "cannot be read"
    raise untrusted(where, f"entry {values['seq']} {problem}")


def untrusted(where: Where, problem: str) -> LedgerDamaged:
    """Return the refusal of a ledger that is not what was written."""
    return LedgerDamaged(
        f"ledger `{where}` is not trusted",
        problem,
        f"handrail verify --ledger {where}, then restore it from its backup",
    )


def is_canonical(text: str) -> bool:
    """Tell whether a text is in the form of today; ValueError where it is not even JSON."""
    return canonical(read_body(text)) == text


def _entry(row: Sequence[Any], where: Where, environment: str) -> Entry:
    values = _values(row, where)
    refuse_changed(values, where, environment)
    text, first = values["body"], values["format"] == FIRST
    try:
        body = read_first(text) if first else read_body(text)
        if not isinstance(body, dict):
            raise TypeError(text)
        event = Event(values["event"])
    except (TypeError, ValueError, RecursionError):
        raise untrusted(where, f"entry {values['seq']} cannot be read") from None
    return Entry(**values | {"event": event, "body": body, "environment": environment})


def _values(row: Sequence[Any], where: Where) -> dict[str, Any]:
    values = dict(zip(FIELDS, row, strict=True))
    for name, value in values.items():
        if not isinstance(value, int if name in NUMBERS else str):
            raise untrusted(where, f"`{name}` of entry {values['seq']} cannot be read")
    return values
