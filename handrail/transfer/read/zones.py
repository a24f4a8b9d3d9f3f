"""Clocks that are set forward or back: times of day that never were, and those that were twice."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator

from handrail.transfer.read.findings import SAMPLES, SHOWN, Finding
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.columns import ONLY_CAST
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL

# How a text ends that says which zone its clock was in.
ZONED = r"(?:z|(?![ap]m)[a-z]{2,5}|[a-z]+/[a-z_]+|[+-][0-9]{1,2}(?::?[0-9]{2})?)\s*$"
DAY = dt.timedelta(days=1)
# By how much clocks are set; by two hours in double summer time, by 30 minutes on Lord Howe.
SHIFTS = ("30 minutes", "1 hour", "2 hours")


def check(session: Connection, table: TablePlan) -> Iterator[Finding]:
    """Find the rows whose clock showed such a time, as the zone of their column says."""
    for column in table.columns:
        zone = column.rule.zone
        naive = [name for name in _read(table, column) if zone and zone.upper() != "UTC"]
        for name in naive:
            days = _days(session, table, name, str(zone))
            if days:
                yield from _look(session, table, column, name, str(zone), days)
        if column.type == AWARE and (text := _cast_text(table, column)) is not None:
            yield from _unzoned(session, table, column, text)


def _read(table: TablePlan, column: ColumnPlan) -> list[str]:
    """Return the source columns without a zone that a column is made of."""
    return [name for name in column.sources if table.source_types.get(name) == NAIVE]


def _cast_text(table: TablePlan, column: ColumnPlan) -> str | None:
    """Return the text column that `sql:` does nothing with but cast it to a moment."""
    found = ONLY_CAST.fullmatch((column.rule.sql or "").strip())
    name = found.group(1) if found else ""
    return name if table.source_types.get(name) in TEXTUAL else None


def _unzoned(
    session: Connection, table: TablePlan, column: ColumnPlan, name: str
) -> Iterator[Finding]:
    """Find texts that name no zone: the cast would take them for moments in UTC, silently."""
    text = f"s.{quoted(name)}"
    bare = f"{text} ~ '[0-9]:[0-9]' and {text} !~* {literal(ZONED)}"
    row = session.execute(
        f"with found as materialized (select {table.key_text} as key, left({text}, {SHOWN}) as "
        f"shown from {table.relation(needs=table.needs_of_kept)} where {table.kept()} and {bare}) "
        f"select count(*), array(select key from found limit {SAMPLES}), "
        f"array(select shown from found limit {SAMPLES}) from found"
    ).fetchone() or (0, [], [])
    if row[0]:
        what = (
            "shows a clock without a zone: write `({…}::timestamp at time zone 'UTC')`, or its own"
        )
        shown = () if column.secret else tuple(row[2])
        yield Finding(
            table.name, column.name, what, "refused", row[0], tuple(row[1]),
            str(column.rule.place), shown,
        )  # fmt: skip


def _days(session: Connection, table: TablePlan, name: str, zone: str) -> list[dt.date]:
    """Return the days around which clocks of the zone were set, from the first row to the last."""
    within = f"s.{quoted(name)} between '1900-01-01' and '2200-01-01'"
    row = session.execute(
        f"select min(s.{quoted(name)})::date, max(s.{quoted(name)})::date "
        f"from {table.source_rows} s where {within}"
    ).fetchone()
    if row is None or row[0] is None:
        return []
    place = zoneinfo.ZoneInfo(zone)
    noon = dt.datetime.combine(row[0], dt.time(12), dt.UTC) - 2 * DAY
    days: list[dt.date] = []
    while noon.date() <= row[1] + DAY:
        if noon.astimezone(place).utcoffset() != (noon + DAY).astimezone(place).utcoffset():
            days += [noon.date() + n * DAY for n in range(-1, 4)]
        noon += DAY
    return days


def _look(
    session: Connection,
    table: TablePlan,
    column: ColumnPlan,
    name: str,
    zone: str,
    days: list[dt.date],
) -> Iterator[Finding]:
    clock, place = f"s.{quoted(name)}", literal(zone)
    moment = f"({clock} at time zone {place})"
    finite = f"isfinite({clock})"
    gap = f"{finite} and ({moment} at time zone {place}) <> {clock}"
    other = " or ".join(
        f"(({moment} {sign} interval '{shift}') at time zone {place}) = {clock}"
        for shift in SHIFTS
        for sign in "+-"
    )
    twice = f"{finite} and ({other})"
    never = f"its clock in {zone} never showed this time: it was set forward then"
    both = f"its clock in {zone} showed this time twice; it is read as after it was set back"
    for condition, what, verdict in ((gap, never, "refused"), (twice, both, "noted")):
        found = (
            f"select {table.key_text} as key, {clock}::text as shown "
            f"from {table.relation(needs=table.needs_of_kept)} where {table.kept()} "
            f"and {clock}::date = any('{{{', '.join(map(str, days))}}}') and ({condition})"
        )
        row = session.execute(
            f"with found as materialized ({found}) select count(*), "
            f"array(select key from found limit {SAMPLES}), "
            f"array(select shown from found limit {SAMPLES}) from found"
        ).fetchone() or (0, [], [])
        if row[0]:
            shown = () if column.secret else tuple(row[2])
            yield Finding(
                table.name, column.name, what, verdict, row[0], tuple(row[1]),
                str(column.rule.place), shown,
            )  # fmt: skip
