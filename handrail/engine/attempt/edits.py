"""In which way calls are others than they were: what came, went, or was edited, by field."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from handrail.ledger.entry import canonical

Calls = Mapping[str, Mapping[str, Any]]  # by `task on target`: step, name, arguments; Any: JSON


def edits(was: Calls, now_is: Calls) -> Iterator[str]:
    """Yield what of the calls is another: field by field."""
    gone, new = _missing(was, now_is), _missing(now_is, was)
    common = _missing(was, gone)
    yield from (f"task {name} is gone" for name in gone)
    for name in common:
        yield from (f"task {name}: {each}" for each in _edits_of(was[name], now_is[name]))
    yield from (f"task {name} is new" for name in new)
    if common != _missing(now_is, new):
        yield "the order of the calls is another"


def _missing(names: Iterable[str], others: Container[str]) -> list[str]:
    """Return those of the names that are not among others."""
    return [name for name in names if name not in others]


def _edits_of(was: Mapping[str, Any], now_is: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    for each in ("step", "name"):
        if was[each] != now_is[each]:
            yield f"{each} was `{was[each]}`, is `{now_is[each]}`"
    yield from changes(was["arguments"], now_is["arguments"])


def changes(was: Mapping[str, Any], now_is: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    """Yield each argument that is another, as it was and as it is."""
    for name in dict.fromkeys([*was, *now_is]):
        before, after = _shown(was, name), _shown(now_is, name)
        if before != after:
            yield f"`{name}` was {before}, is {after}"


def _shown(arguments: Mapping[str, Any], name: str) -> str:  # Any: JSON
    if name not in arguments:
        return "left out"
    text = canonical(arguments[name])
    return f"`{text}`"
