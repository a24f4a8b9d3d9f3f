"""Plain text for people: moments, durations, columns that line up."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from handrail.naming import phrase
from handrail.pages import one_line

_SHOWN = 4_000  # characters of one value; a person reads no more of it in a terminal
_SEALED_SHOWN = 12  # of 64 hex digits: enough to tell two apart, too few to look like the value


def moment(at: str | None) -> str:
    """Return a recorded time to the second, or nothing."""
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%SZ}" if at else ""


def clock(at: str) -> str:
    """Return the time of day of a recorded time, in UTC."""
    return f"{datetime.fromisoformat(at):%H:%M:%S}Z"


def rough(seconds: float) -> str:
    """Return a number of seconds as people say what they expect: `40 s`, `4 min`, `1 h 10 min`."""
    if seconds < 90:  # noqa: PLR2004  a minute and a half
        return f"{max(round(seconds), 1)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def lasted(seconds: float, no_time: str = "0 s") -> str:
    """Return how long something lasted; a word of its own where that is no time at all."""
    return duration(seconds) if seconds else no_time


def duration(seconds: float | None) -> str:
    """Return a number of seconds as people say it, or nothing."""
    if seconds is None:
        return ""
    if 0 <= seconds < 0.05:  # noqa: PLR2004  what would be shown as 0.0
        return "<0.1 s"
    if seconds < 60:  # noqa: PLR2004  a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def count(number: int, noun: str) -> str:
    """Return a number of things as people say it."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def value(found: object) -> str:
    """Return recorded data on one line; sealed values by the start of their names, bulk by size."""
    shown = abridged(found)
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}… ({len(text):,} characters; `handrail export` prints them)"
    return one_line(text)


def abridged(found: object) -> object:
    """Return recorded data with every sealed value named by the start of its name."""
    if isinstance(found, dict):
        if set(found) == {"sealed"}:
            return f"sealed:{str(found['sealed'])[:_SEALED_SHOWN]}…"
        if set(found) == {"kept", "size_bytes"}:
            return f"{found['size_bytes']:,} bytes, kept in the vault"
        return {key: abridged(each) for key, each in found.items()}
    if isinstance(found, list):
        return [abridged(each) for each in found]
    return found


def facts(found: object) -> str:
    """Return recorded figures as `name value`, comma-separated."""
    if not isinstance(found, dict):
        return value(found) if found else ""
    return ", ".join(f"{one_line(name)} {_figure(each)}" for name, each in found.items())


def _figure(found: object) -> str:
    """Return a fact; of a list of records how many there are, for the report has a table of it."""
    records = isinstance(found, list) and found and all(isinstance(each, dict) for each in found)
    return f"of {len(found)}" if records and isinstance(found, list) else value(found)


def columns(rows: Iterable[Sequence[object]], indent: int = 0) -> list[str]:
    """Return rows as lines whose columns line up, two spaces apart."""
    texts = [list(map(one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in texts)
    return [f"{' ' * indent}{line}".rstrip() for line in lines]


def owned(name: str, owner: str) -> str:
    """Return a call's sentence with who answers for it, where somebody is named."""
    return f"{name}{phrase(' ({})', owner)}"


def cut(text: str, room: int) -> str:
    """Return as much of a text as there is room for."""
    return text if len(text) <= room else f"{text[: room - 1]}…"
