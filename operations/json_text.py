"""A JSON text edited in place: what is not named keeps its bytes, tabs and line ends among them."""

import json
import re
from dataclasses import dataclass

DECODER = json.JSONDecoder(strict=False)
SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Member:
    """A member of an object: its key, and where key and value lie in the text."""

    key: str
    start: int
    value_start: int
    end: int


def members(text: str, start: int) -> list[Member]:
    """Return the members of the object that begins at a place; the text is known to be JSON."""
    found, place = [], _skip(text, start + 1)
    while text[place] != "}":
        key, after = DECODER.raw_decode(text, place)
        value_start = _skip(text, _skip(text, after) + 1)
        _, end = DECODER.raw_decode(text, value_start)
        found.append(Member(key, place, value_start, end))
        place = _skip(text, end)
        place = _skip(text, place + 1) if text[place] == "," else place
    return found


def member(text: str, start: int, key: str) -> Member | None:
    """Return the member of that key which counts, the last one; None where there is none."""
    return next((each for each in reversed(members(text, start)) if each.key == key), None)


def without(text: str, start: int, key: str) -> str:
    """Return the text with a member taken out of the object that begins at a place."""
    while (found := _placed(text, start, key)) is not None:
        before, each, after = found
        if after:
            text = text[: each.start] + text[after.start :]
        elif before:
            text = text[: before.end] + text[each.end :]
        else:
            text = text[: start + 1] + text[_skip(text, each.end) :]
    return text


def _placed(text: str, start: int, key: str) -> tuple[Member | None, Member, Member | None] | None:
    """Return the last member of a key, with those before and after it; None where there is none."""
    found = [None, *members(text, start), None]
    for before, each, after in reversed(list(zip(found, found[1:], found[2:], strict=False))):
        if each and each.key == key:
            return before, each, after
    return None


def with_member(text: str, start: int, key: str, value: object) -> str:
    """Return the text with a member of the object that begins at a place set to a value.

    A value that is so already keeps its bytes. A new member comes last, laid out as its
    neighbours are.
    """
    there = member(text, start, key)
    if there is None:
        return _appended(text, start, key, value)
    if DECODER.raw_decode(text, there.value_start)[0] == value:
        return text
    return text[: there.value_start] + _dumped(value) + text[there.end :]


def _appended(text: str, start: int, key: str, value: object) -> str:
    found = members(text, start)
    if found:
        last = found[-1]
        # What stands between the comma, or the brace, and the last key: a line end and its margin.
        ahead = _skip(text, found[-2].end) if len(found) > 1 else start
        gap = text[ahead + 1 : last.start]
        colon = text[DECODER.raw_decode(text, last.start)[1] : last.value_start]
        fresh = f",{gap}{_dumped(key)}{colon}{_dumped(value)}"
        return text[: last.end] + fresh + text[last.end :]
    end, unit = _layout(text)
    close = _skip(text, start + 1)
    line = text.rfind("\n", 0, start) + 1
    outer = SPACE.match(text, line)
    margin = outer[0] if outer else ""
    inside = f"{end}{margin}{unit}{_dumped(key)}: {_dumped(value)}{end}{margin}"
    return text[: start + 1] + inside + text[close:]


def _layout(text: str) -> tuple[str, str]:
    """Return the line end and the indentation of one level."""
    end = "\r\n" if "\r\n" in text else "\n"
    found = re.search(r"\{\r?\n([ \t]+)\"", text)
    return end, found[1] if found else "  "


def _skip(text: str, place: int) -> int:
    found = SPACE.match(text, place)
    return found.end() if found else place


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
