"""Lists in pieces, for what takes only so many items at once."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def pieces(items: Sequence[T], most: int) -> list[list[T]]:
    """Return a list in pieces of so many items, the last of what is left."""
    return [list(items[start : start + most]) for start in range(0, len(items), most)]
