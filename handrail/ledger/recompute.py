"""What an entry's digest has to be, from its raw columns; it shares no code with the writer."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import rfc8785

FORMAT = 2  # of an entry, the newest known here
# Every hashed field but the body, in the order in which RFC 8785 writes them.
NAMES = (
    *("actor", "at", "attempt", "environment", "event", "format", "prev"),
    *("reason", "run", "seq", "step", "target", "task", "token"),
)
_BEYOND = re.compile("[^\x00-\uffff]")  # keys so rare are sorted otherwise by orjson
_LARGEST = 2**53 - 1
# Two writers of JSON may differ over it; in a text it may look like one, and is read again.
_RARE = r"-?(?:\d{16}|\d+[.eE])"
_RARE_OF_KEY, _RARE_IN_LIST = re.compile(f'":{_RARE}'), re.compile(rf"[\[,]{_RARE}")


class _UnsureError(Exception):
    """A number that two writers of JSON may write differently."""


def fields_of(row: Sequence[Any]) -> dict[str, Any]:  # Any: raw columns
    """Return the columns of `NAMES`, the first ones of a row, by name.

    Written out, for it is done so often: it takes half as long so.
    """
    actor, at, attempt, environment, event, form, prev = row[:7]
    reason, run, seq, step, target, task, token = row[7:14]
    return {
        "actor": actor, "at": at, "attempt": attempt, "environment": environment, "event": event,
        "format": form, "prev": prev, "reason": reason, "run": run, "seq": seq, "step": step,
        "target": target, "task": task, "token": token,
    }  # fmt: skip


def parsed(form: int, text: str) -> tuple[object, bool]:
    """Return what a body says, and whether it is an object in the form the ledger writes.

    Raises:
        ValueError: it is not JSON.
    """
    if form != FORMAT:
        body: object = json.loads(text)
        return body, isinstance(body, dict) and _first_form(body) == text
    if text.isascii() and not _has_rare_number(text):
        body = orjson.loads(text)
        if type(body) is dict and _sorted(body) == text.encode():
            return body, True
    try:
        body = _QUICK.decode(text)
    except _UnsureError:
        body = _SLOW.decode(text)
        return body, isinstance(body, dict) and rfc8785.dumps(body) == text.encode()
    return body, isinstance(body, dict) and _written(body, text) == text.encode()


def _has_rare_number(text: str) -> bool:
    """Say whether a text without blanks may hold one; a search for `":` is the quickest."""
    return bool(_RARE_OF_KEY.search(text) or ("[" in text and _RARE_IN_LIST.search(text)))


def _sorted(body: object) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _written(body: dict[str, Any], text: str) -> bytes:  # Any: JSON
    """Return a body as the ledger writes it; empty where it would write none such."""
    if not text.isascii() and _BEYOND.search(text):
        return rfc8785.dumps(body)
    try:
        return _sorted(body)
    except TypeError:  # half of a character, say
        return b""


def text_of(form: int, body: object) -> str:
    """Return a body as the text of it stands in a ledger.

    Raises:
        TypeError, ValueError: it has no such form.
    """
    if form != FORMAT:
        return _first_form(body)
    return rfc8785.dumps(body).decode()  # type: ignore[arg-type]  # it came from JSON


def digest(fields: Mapping[str, Any], text: str, body: object) -> str:  # Any: raw columns
    """Return the SHA-256 of an entry, hex.

    Args:
        fields: Those of `NAMES`, in that order.
        text: The body as it stands.
        body: What it says.

    Raises:
        TypeError, ValueError: a column is of no kind that the ledger writes.
    """
    if fields["format"] != FORMAT:
        first = dict(fields) | {"body": body, "fence": fields["token"]}
        for name in ("environment", "format", "token"):
            del first[name]
        return hashlib.sha256(_first_form(first).encode(errors="surrogatepass")).hexdigest()
    # Texts and whole numbers under plain names: any writer of JSON writes them as the RFC says.
    head, named, rest = orjson.dumps(fields).partition(b',"environment":')
    whole = b"".join((head, b',"body":', text.encode(), named, rest))
    return hashlib.sha256(whole).hexdigest()


def _first_form(value: object) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _unsure(digits: str) -> float:
    raise _UnsureError(digits)


def _small(digits: str) -> int:
    number = int(digits)
    return number if abs(number) <= _LARGEST else int(_unsure(digits))


def _exact(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) <= _LARGEST else float(digits)  # RFC 8785 writes large floats so


def _nothing(name: str) -> None:
    raise ValueError(name)


_QUICK = json.JSONDecoder(parse_float=_unsure, parse_int=_small, parse_constant=_nothing)
_SLOW = json.JSONDecoder(parse_int=_exact, parse_constant=_nothing)
