"""Clocks that are set forward or back: times of day that never were, and those that were twice."""

import datetime as dt
from collections.abc import Iterator

from handrail.transfer.mapping import zones
from handrail.transfer.read.misfits import SAMPLES, SHOWN, Misfit
from handrail.transfer.session.asking import Line, Question, rows, side_by_side
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.named import ONLY_CAST, name_of, zones_in, zones_read_in
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL

# How a text ends that says which zone its clock was in.
ZONED = r"(?:z|(?![ap]m)[a-z]{2,5}|[a-z]+/[a-z_]+|[+-][0-9]{1,2}(?::?[0-9]{2})?)\s*$"
DAY = dt.timedelta(days=1)
# By how much clocks are set; by two hours in double summer time, by 30 minutes on Lord Howe.
SHIFTS = ("30 minutes", "1 hour", "2 hours")


def check(session: Connection, table: TablePlan) -> Line[list[Misfit]]:
    """Find the rows whose clock showed such a time, as the zone of their column says."""
    found = yield from side_by_side(_looks(session, table))
    return [each for some in found for each in some]


def _looks(session: Connection, table: TablePlan) -> Iterator[Line[list[Misfit]]]:
    """Yield what looks for them: in each clock, and in each text that says a moment or a zone."""
    for column in table.columns:
        zone = _zone_of(column)
        for name in _read(table, column) if zone.upper() != "UTC" else ():
            yield _look(session, table, column, name, zone)
        if column.type == AWARE and (text := _cast_text(table, column)) is not None:
            yield _unzoned(session, table, column, text)
        for name in sorted(zones_read_in(column.rule.sql) & {*column.sources}):
            yield _misnamed(session, table, column, name)


def _zone_of(column: ColumnPlan) -> str:
    """Return the one zone in which a rule reads clocks."""
    named = {column.rule.zone} - {None} or set(zones_in(column.rule.sql))
    return str(named.pop()) if len(named) == 1 else "UTC"


def _misnamed(
    session: Connection, table: TablePlan, column: ColumnPlan, name: str
) -> Line[list[Misfit]]:
    """Find what a column calls a zone and is none: PostgreSQL takes much for one."""
    text = f"s.{quoted(name)}::text"
    found = yield from rows(
        session,
        f"select {text}, count(*), (array_agg({table.key_text}))[1:{SAMPLES}] "
        f"from {table.relation(needs=table.needs_of_kept)} where {table.kept()} "
        f"and {text} is not null group by 1 order by 1",
    )
    place = str(column.rule.place)
    return [
        Misfit(
            table.name, column.name, f"`{name}` names no time zone: {advice}", "refused",
            number, tuple(keys), place, () if column.secret else (text,) * len(keys),
        )
        for text, number, keys in found
        if (advice := zones.advice(text)) is not None
    ]  # fmt: skip


def _read(table: TablePlan, column: ColumnPlan) -> list[str]:
    """Return the source columns without a zone that a column is made of."""
    return [name for name in column.sources if table.source_types.get(name) == NAIVE]


def _cast_text(table: TablePlan, column: ColumnPlan) -> str | None:
    """Return the text column that `sql:` does nothing with but cast it to a moment."""
    found = ONLY_CAST.fullmatch((column.rule.sql or "").strip())
    name = name_of(found) if found else None
    return name if name and table.source_types.get(name) in TEXTUAL else None


def _unzoned(
    session: Connection, table: TablePlan, column: ColumnPlan, name: str
) -> Line[list[Misfit]]:
    """Find texts that name no zone: the cast would take them for moments in UTC, silently."""
    text = f"s.{quoted(name)}"
    bare = f"{text} ~ '[0-9]:[0-9]' and {text} !~* {literal(ZONED)}"
    ((number, keys, texts),) = yield from rows(
        session,
        f"with found as materialized (select {table.key_text} as key, left({text}, {SHOWN}) as "
        f"shown from {table.relation(needs=table.needs_of_kept)} where {table.kept()} and {bare}) "
        f"select count(*), array(select key from found limit {SAMPLES}), "
        f"array(select shown from found limit {SAMPLES}) from found",
    )
    if not number:
        return []
    what = "shows a clock without a zone: write `({…}::timestamp at time zone 'UTC')`, or its own"
    shown, place = () if column.secret else tuple(texts), str(column.rule.place)
    return [Misfit(table.name, column.name, what, "refused", number, tuple(keys), place, shown)]


def _days(session: Connection, table: TablePlan, name: str, zone: str) -> Line[list[dt.date]]:
    """Return the days around which clocks of the zone were set, from the first row to the last.

    The server is asked, which reads the clocks: others may know a zone's history otherwise.
    """
    clock, place = f"s.{quoted(name)}", literal(zone)
    found = yield from rows(
        session,
        f"select d::date from (select min({clock})::date as first, max({clock})::date as last "
        f"from {table.source_rows} s where {clock} between '1900-01-01' and '2200-01-01') b, "
        "generate_series((b.first - 2)::timestamp, b.last + 1, interval '1 day') d "
        f"where (d + interval '1 day') at time zone {place} - d at time zone {place} "
        "<> interval '1 day'",
    )
    return [day + n * DAY for (day,) in found for n in range(-1, 4)]


def _look(
    session: Connection, table: TablePlan, column: ColumnPlan, name: str, zone: str
) -> Line[list[Misfit]]:
    days = yield from _days(session, table, name, zone)
    if not days:
        return []
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
    asked = []
    for condition in (gap, twice):
        found = (
            f"select {table.key_text} as key, {clock}::text as shown "
            f"from {table.relation(needs=table.needs_of_kept)} where {table.kept()} "
            f"and {clock}::date = any('{{{', '.join(map(str, days))}}}') and ({condition})"
        )
        query = (
            f"with found as materialized ({found}) select count(*), "
            f"array(select key from found limit {SAMPLES}), "
            f"array(select shown from found limit {SAMPLES}) from found"
        )
        asked.append(Question(session, query))
    told = yield asked
    findings = []
    for (row,), what, verdict in zip(told, (never, both), ("refused", "noted"), strict=True):
        if row[0]:
            shown = () if column.secret else tuple(row[2])
            findings.append(
                Misfit(
                    table.name, column.name, what, verdict, row[0], tuple(row[1]),
                    str(column.rule.place), shown,
                )
            )  # fmt: skip
    return findings
