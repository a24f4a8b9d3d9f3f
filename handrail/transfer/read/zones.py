"""Clocks that are set forward or back: times of day that never were, and those that were twice."""

import datetime as dt
import itertools
from collections.abc import Iterator

from handrail.transfer.mapping import zones
from handrail.transfer.read.misfits import SAMPLES, SHOWN, Misfit, found_in, sampled
from handrail.transfer.session.asking import Line, Question, gathered, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.named import only_cast, zones_in, zones_read_in
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
    looks = (_looks(session, table, column) for column in table.columns)
    return (yield from gathered(itertools.chain.from_iterable(looks)))


def _looks(
    session: Connection, table: TablePlan, column: ColumnPlan
) -> Iterator[Line[list[Misfit]]]:
    """Yield what looks for them: in each clock, and in each text that says a moment or a zone."""
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
    name = only_cast(column.rule.sql)
    return name if table.source_types.get(name or "") in TEXTUAL else None


def _unzoned(
    session: Connection, table: TablePlan, column: ColumnPlan, name: str
) -> Line[list[Misfit]]:
    """Find texts that name no zone: the cast would take them for moments in UTC, silently."""
    text = f"s.{quoted(name)}"
    bare = f"{text} ~ '[0-9]:[0-9]' and {text} !~* {literal(ZONED)}"
    found = (
        f"select {table.key_text} as key, left({text}, {SHOWN}) as shown "
        f"from {table.relation(needs=table.needs_of_kept)} where {table.kept()} and {bare}"
    )
    (row,) = yield from rows(session, sampled(found))
    what = "shows a clock without a zone: write `({…}::timestamp at time zone 'UTC')`, or its own"
    return found_in(table, column, what, "refused", row)


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
    clock = f"s.{quoted(name)}"
    found = (
        f"select {table.key_text} as key, {clock}::text as shown "
        f"from {table.relation(needs=table.needs_of_kept)} where {table.kept()} "
        f"and {clock}::date = any('{{{', '.join(map(str, days))}}}') and isfinite({clock}) and "
    )
    conditions = (_is_skipped(clock, zone), _is_twofold(clock, zone))
    (gaps,), (twice,) = yield [Question(session, sampled(found + each)) for each in conditions]
    never = f"its clock in {zone} never showed this time: it was set forward then"
    both = f"its clock in {zone} showed this time twice; it is read as after it was set back"
    return [
        *found_in(table, column, never, "refused", gaps),
        *found_in(table, column, both, "noted", twice),
    ]


def _is_skipped(clock: str, zone: str) -> str:
    """Return a condition: clocks of the zone never showed this time."""
    place = literal(zone)
    return f"(({clock} at time zone {place}) at time zone {place}) <> {clock}"


def _is_twofold(clock: str, zone: str) -> str:
    """Return a condition: clocks of the zone showed this time twice."""
    place = literal(zone)
    others = (
        f"((({clock} at time zone {place}) {sign} interval '{shift}') at time zone {place}) "
        f"= {clock}"
        for shift in SHIFTS
        for sign in "+-"
    )
    return f"({' or '.join(others)})"
