"""Whether a value reaches its column by what its rule declares."""

import itertools

from handrail.transfer.mapping.rules import ColumnRule
from handrail.transfer.sql import casts
from handrail.transfer.sql.built import Raw
from handrail.transfer.sql.catalog import Column
from handrail.transfer.sql.types import AWARE, NAIVE, OBJECTS, TEXTUAL, TIME, WIDENINGS

CAST_TARGETS = {
    "boolean": {"boolean"},
    "date": {"date", AWARE},
    "time": {TIME},
    "json": {"json", "jsonb"},
    "integer": {"smallint", "integer", "bigint"},
    "text": TEXTUAL,
}
# From one type to another without a word in the rule, but for the zone of a clock.
REACHED = WIDENINGS | {(NAIVE, AWARE), *itertools.product(("uuid", "date"), TEXTUAL)}
READS_TEXT = {"date", "time", "json"}


def wrong_cast(rule: ColumnRule, column: Column, raw: Raw, wire: str) -> tuple[str, str] | None:
    """Say what keeps a declared cast from working, and the fix."""
    if rule.write and wire not in TEXTUAL:
        return f"`write` gives a text, the destination is {column.declared}", "remove `write`"
    if not rule.cast:
        return None if rule.values else _unfit(rule, column, raw, wire)
    if wire not in CAST_TARGETS[rule.cast]:
        return f"`cast: {rule.cast}` does not give {column.declared}", "choose another cast"
    return _unread(rule, rule.cast, raw)


def _unread(rule: ColumnRule, cast: str, raw: Raw) -> tuple[str, str] | None:
    """Say why a cast reads nothing from a value, and the fix."""
    for form in rule.formats:
        if not casts.well_formed(form, cast):
            return f"format `{form}` is not complete", "name YYYY, MM, DD or HH24, MI"
    if cast in READS_TEXT and raw.type not in TEXTUAL:
        return f"`cast: {cast}` reads text, the source is {raw.type}", "remove the cast"
    return None


def _unfit(rule: ColumnRule, column: Column, raw: Raw, wire: str) -> tuple[str, str] | None:
    """Say why a value does not fit its column without a cast, and the fix."""
    if wire in OBJECTS:
        return f"a {wire} names an object of its own database", "leave it out, with its reason"
    return _wrong_zone(rule, raw, wire) or _wrong_type(rule, column, raw, wire)


def _wrong_zone(rule: ColumnRule, raw: Raw, wire: str) -> tuple[str, str] | None:
    """Say where a clock needs a zone, or has one that is of no use."""
    if (raw.type, wire) == (NAIVE, AWARE):
        fix = "add `zone: UTC`, or the zone its clock showed"
        return None if rule.zone else ("a timestamp without zone needs one", fix)
    if rule.zone is None or (rule.sql and wire == AWARE):
        return None
    return f"`zone` does not apply from {raw.type} to {wire}", "remove `zone`"


def _wrong_type(rule: ColumnRule, column: Column, raw: Raw, wire: str) -> tuple[str, str] | None:
    """Say where nothing leads from one type to the other."""
    ways = (
        raw.type == column.type,
        raw.type == wire and column.is_builtin,
        (raw.type, wire) in REACHED,
        raw.type in TEXTUAL and column.is_text,
        rule.sql is not None and not column.is_builtin,  # read there, from the text it gives
    )
    if any(ways):
        return None
    what = f"the source is {raw.type}, the destination {column.declared}"
    return what, "declare `cast:`, `values:` or `sql:`"
