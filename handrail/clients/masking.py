"""Secret values this process has used, kept out of every text that leaves it.

A value is known from the moment it is revealed; from then on it is masked in each form in which it
may come back: as it is, URL-encoded, in base64 at any offset, quoted for JSON, HTML, Python or a
shell, and cut off in the middle. What the inventory or a runbook says in clear is no secret, though
a system may hand it back as one.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from handrail.clients.masked_forms import CUT, Form, forms

WITHHELD = "(withheld)"
# Shorter values are no secrets, and hiding them would hide the words around them.
SHORTEST = 4
SHORTEST_MADE = 8  # of values that were read or made at run time: many a setting is one of these
ENDS = ("\n", "…", "...")  # where a text was cut
_WORD = re.compile(r"[a-z._ -]+|[A-Z._ -]+|[0-9._ -]+")

_hidden: dict[str, bool] = {}  # by value: whether it was read or made at run time
_plain: set[str] = set()
_short: dict[str, str] = {}  # forms too short to be recognised by a part, and their value
_heads: dict[str, list[Form]] = {}  # by the first `CUT` characters
_tails: dict[str, list[Form]] = {}  # by the last ones
_variables: set[str] = set()


def hide(value: str, *, made: bool = False) -> None:
    """Mask a value from now on.

    Args:
        value: The secret.
        made: It was read or made at run time, so it may be an everyday word.
    """
    if len(value) < (SHORTEST_MADE if made else SHORTEST):
        return
    known = value in _hidden
    _hidden[value] = made and _hidden.get(value, True)
    if not known:
        for form in forms(value):
            _index(form, value)


def _index(form: Form, value: str) -> None:
    """Keep a form of a value where a text that holds it, or a part of it, leads to it."""
    if len(form.text) >= CUT:
        _heads.setdefault(form.text[:CUT], []).append(form)
        if form.in_parts:
            _tails.setdefault(form.text[-CUT:], []).append(form)
    elif len(form.text) >= SHORTEST:
        _short[form.text] = value


def allow(data: Any) -> None:  # Any: JSON
    """Take texts for no secrets where a system hands them back as some: they are said in clear."""
    if isinstance(data, str):
        _plain.add(data)
    elif isinstance(data, Mapping):
        allow(list(data.values()))
    elif isinstance(data, Iterable):
        for each in data:
            allow(each)


def masked(text: str) -> str:
    """Return a text without any secret value of this process."""
    spans = _spans(text)
    if not spans:
        return text
    parts: list[str] = []
    end = 0
    for first, last in spans:
        if first > end or not parts:
            parts += [text[end:first], WITHHELD]
        end = max(end, last)
    return "".join([*parts, text[end:]])


def masked_data(data: Any) -> Any:  # Any: JSON
    """Return plain data with every text in it masked."""
    if isinstance(data, str):
        return masked(data)
    if isinstance(data, Mapping):
        return {key: masked_data(each) for key, each in data.items()}
    if isinstance(data, list | tuple):
        return [masked_data(each) for each in data]
    return data


def holds_secret(text: str) -> bool:
    """Tell whether a text would show a whole secret value, in whatever form."""
    known = chain.from_iterable(_heads.values())
    written = chain(((form.text, form.value) for form in known), _short.items())
    return any(each in text and not _is_plain(value) for each, value in written)


def mask_error(error: BaseException) -> None:
    """Mask the texts of an exception, and of those that led to it."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.args = tuple(masked(part) if isinstance(part, str) else part for part in each.args)
        waiting += [each.__cause__, each.__context__]


def hide_variable(name: str) -> None:
    """Keep an environment variable that holds a secret from the processes we start."""
    _variables.add(name)


def clean_environment() -> dict[str, str]:
    """Return the environment for a child: without the variables that hold secrets."""
    return {name: value for name, value in os.environ.items() if name not in _variables}


def _spans(text: str) -> list[tuple[int, int]]:
    """Return where secrets stand, in order."""
    found = chain(_short_spans(text), _long_spans(text))
    return sorted((first, last) for first, last in found if first < last)


def _short_spans(text: str) -> Iterator[tuple[int, int]]:
    for form, value in _short.items():
        if not _is_plain(value):
            yield from (at.span() for at in re.finditer(re.escape(form), text))


def _long_spans(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at in range(len(text) - CUT + 1) if _heads else ():
        part = text[at : at + CUT]
        found += [_from(text, at, form) for form in _heads.get(part, ())]
        found += [_until(text, at + CUT, form) for form in _tails.get(part, ())]
    return found


def _from(text: str, at: int, form: Form) -> tuple[int, int]:
    """Return how far a secret, or the beginning of it, goes from here."""
    end = at + _common(text[at : at + len(form.text)], form.text)
    after = text[end : end + 4].lstrip(" ")
    cut = not after or after.startswith(ENDS)
    return (at, end) if _gives_away(text[at:end], form, cut=cut) else (at, at)


def _until(text: str, end: int, form: Form) -> tuple[int, int]:
    """Return where the end of a secret begins that reaches to here."""
    before = text[max(0, end - len(form.text)) : end]
    first = end - _common(before[::-1], form.text[::-1])
    ahead = text[max(0, first - 4) : first].rstrip(" ")
    cut = not ahead or ahead.endswith(ENDS)
    return (first, end) if _gives_away(text[first:end], form, cut=cut) else (end, end)


def _gives_away(part: str, form: Form, *, cut: bool) -> bool:
    """Tell whether a part of a form is a secret; a cut one is where nothing else explains it."""
    in_part = form.in_parts and (cut or _telling(part))
    return (in_part or part == form.text) and not _is_plain(form.value)


def _is_plain(value: str) -> bool:
    return value in _plain and _hidden[value]


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _telling(part: str) -> bool:
    """Tell a piece of a secret from a word that stands in other texts as well."""
    return not _WORD.fullmatch(part)
