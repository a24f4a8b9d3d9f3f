"""How a message names things: in backticks, with the one that was probably meant."""

import difflib
from collections.abc import Iterable, Sequence

ASIDE = "; did you mean `{}`?"  # after what is wrong
FIRST = "did you mean `{}`? "  # before what to do
ALONE = "did you mean `{}`?"


def ticked(names: Iterable[object], word: str = ", ") -> str:
    """Return names in backticks, with a word between each two."""
    return word.join(f"`{name}`" for name in names)


def few(names: Sequence[str], most: int) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def nearest(typed: str, known: Iterable[str]) -> str:
    """Return the nearest of the names there are, or nothing; `ot` is near to `to`."""
    names = sorted(known)
    turned = [name for name in names if sorted(name) == sorted(typed)]
    return next(iter(turned or difflib.get_close_matches(typed, names, 1)), "")


def phrase(form: str, told: object) -> str:
    """Return what is told in its form, such as `, on {}`; nothing where nothing is told."""
    return form.format(told) if told else ""


def meant(typed: str, known: Iterable[str], form: str = ASIDE) -> str:
    """Return the nearest of the names there are as a question; nothing where none is near."""
    return phrase(form, nearest(typed, known))
