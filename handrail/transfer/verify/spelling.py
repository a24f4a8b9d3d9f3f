"""How a value is spelled in a format, so that it can be held against the text it was read from."""

from handrail.transfer.session.quoting import literal
from handrail.transfer.sql import casts


def _plain(text: str) -> str:
    """Return an expression: a text in lower case without leading zeros, blanks and dots."""
    zeros = f"regexp_replace({casts.folded(text)}, '(^|[^0-9])0+([0-9])', '\\1\\2', 'g')"
    september = f"regexp_replace({zeros}, 'sept([^e])', 'sep\\1')"
    return f"translate({september}, ' .', '')"


def spelled(form: str, now: str) -> list[str]:
    """Return expressions: the value written in a format, in each spelling of the month's name."""
    whole = form.rstrip("*")
    spellings = [whole]
    if "Mon" in whole:
        bare = whole.replace("Month", "Mon")
        spellings = [bare.replace("Mon", "FMMonth"), bare]
    stamp = (
        f"({now}::text)::timestamp"
        if "YYYY" in form
        else f"('2000-01-01 ' || {now}::text)::timestamp"
    )
    return [f"to_char({stamp}, {literal(_escaped(item))})" for item in spellings]


def _escaped(form: str) -> str:
    """Quote the letters of a format that mean themselves, as the T of an ISO date-time."""
    kept = {"YYYY", "Mon", "MM", "DD", "HH24", "HH12", "MI", "SS", "AM"}

    def written(part: str) -> str:
        if part == "\0":
            return "FMMonth"
        return part if part in kept or not part.isalpha() else f'"{part}"'

    return "".join(map(written, casts.TOKENS.findall(form.replace("FMMonth", "\0"))))


def like(spellings: list[str], raw: str, form: str) -> str:
    """Return a condition: a text says one of the spellings; `*` in its format is anything."""
    text = _plain(raw)
    if form.endswith("*"):
        return " or ".join(f"starts_with({text}, {_plain(item)})" for item in spellings)
    return " or ".join(f"{text} = {_plain(item)}" for item in spellings)
