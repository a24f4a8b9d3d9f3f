"""Plain data that holds other data: rebuilt with other leaves."""

from collections.abc import Callable, Mapping
from typing import Any


def _same(key: Any) -> Any:  # Any: a key of plain data
    return key


def rebuilt(
    value: Any,
    leaf: Callable[[Any], Any],
    key: Callable[[Any], Any] = _same,
) -> Any:  # Any: plain data
    """Return plain data with what holds no others as a function makes it; a tuple is a list there.

    Args:
        value: Texts, numbers, and mappings and lists of such.
        leaf: Makes each of what holds no others.
        key: Makes each key of a mapping.
    """
    if isinstance(value, Mapping):
        return {key(name): rebuilt(each, leaf, key) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rebuilt(each, leaf, key) for each in value]
    return leaf(value)
