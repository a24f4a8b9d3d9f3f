"""What somebody may have meant who typed a name that is not known."""

import difflib
from collections.abc import Iterable


def nearest(typed: str, known: Iterable[str]) -> str:
    """Return the nearest of the names there are, or nothing; `ot` is near to `to`."""
    names = sorted(known)
    turned = [name for name in names if sorted(name) == sorted(typed)]
    return next(iter(turned or difflib.get_close_matches(typed, names, 1)), "")
