"""Places in JSON data: what lies at one, and what is filled into one."""

from collections.abc import Mapping
from itertools import islice
from typing import Any


def found(body: object, place: str) -> Any:  # Any: JSON
    """Return what lies at a dotted place of JSON data; numbers count in lists; None where nothing.

    The empty place is the data itself.
    """
    for name in place.split(".") if place else ():
        body = _inside(body, name)
    return body


def _inside(body: object, name: str) -> Any:  # Any: JSON
    if isinstance(body, dict):
        return body.get(name)
    if isinstance(body, list) and name.isdigit():
        return next(islice(body, int(name), None), None)
    return None


def is_there(body: object, place: str) -> bool:
    """Tell whether data has a place, be it null: the last page of a list has no next one."""
    parent, _, name = place.rpartition(".")
    within = found(body, parent)
    return name in within if isinstance(within, dict) else found(body, place) is not None


def holds_all(wanted: object, there: object) -> bool:
    """Tell whether data holds all that is wanted, in objects of objects, too; it may hold more."""
    if isinstance(wanted, Mapping):
        fields = there if isinstance(there, Mapping) else {}
        return all(
            name in fields and holds_all(each, fields[name]) for name, each in wanted.items()
        )
    return wanted == there


def filled(data: Any, values: Mapping[str, object]) -> Any:  # Any: JSON
    """Return JSON data with `{name}` in its texts filled in; a text of one name takes its type."""
    if isinstance(data, Mapping):
        return {key: filled(each, values) for key, each in data.items()}
    if isinstance(data, list):
        return [filled(each, values) for each in data]
    return _filled_text(data, values) if isinstance(data, str) else data


def _filled_text(text: str, values: Mapping[str, object]) -> object:
    places = {f"{{{name}}}": value for name, value in values.items()}
    if text in places:
        return places[text]
    for place, value in places.items():
        text = text.replace(place, str(value))
    return text
