"""Clocks that are set forward or back: times of day that never were, and those that were twice."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from handrail.transfer.mapping import zones
from handrail.transfer.read import zone_rules
from handrail.transfer.read.misfits import SAMPLES, SHOWN, Misfit, found_in, sampled
from handrail.transfer.session.asking import Line, Question, gathered, rows, side_by_side
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.named import clocks_read_in, only_cast, zones_in, zones_read_in
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan
from handrail.transfer.sql.types import AWARE, NAIVE, TEXTUAL

# How a text ends that says which zone its clock was in.
ZONED = r"(?:z|(?![ap]m)[a-z]{2,5}|[a-z]+/[a-z_]+|[+-][0-9]{1,2}(?::?[0-9]{2})?)\s*$"
# A text that is surely read as a clock; what is not is named where it is computed.
CLOCK = (
    r"^\s*(?:19|20|21)\d\d-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|"
    r"(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
    r"[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?\s*$"
)
DAY = dt.timedelta(days=1)
Asked = tuple[str, str, str]  # a condition, what a row is told as that fulfils it, and the verdict
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
    for name, clock in _clocks(table, column) if zone.upper() != "UTC" else ():
        yield _look(session, table, column, (name, clock), zone)
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


def _clocks(table: TablePlan, column: ColumnPlan) -> Iterator[tuple[str, str]]:
    """Yield the source columns that a column reads as clocks, with what each shows."""
    texts = clocks_read_in(column.rule.sql)
    for name in column.sources:
        read = f"s.{quoted(name)}"
        if table.source_types.get(name) == NAIVE:
            yield name, read
        elif name in texts and table.source_types.get(name) == "date":
            yield name, f"{read}::timestamp"  # clocks of some places are set forward at midnight
        elif name in texts and table.source_types.get(name) in TEXTUAL:
            yield name, f"(case when {read} ~ {literal(CLOCK)} then {read}::timestamp end)"


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


def _range(
    session: Connection, table: TablePlan, clock: str
) -> Line[tuple[dt.date, dt.date] | None]:
    """Return the first and the last day that a column shows; None where it shows none."""
    ((first, last),) = yield from rows(
        session,
        f"select min({clock})::date, max({clock})::date from {table.source_rows} s "
        f"where {clock} between '1900-01-01' and '2200-01-01'",
    )
    return (first, last) if first is not None else None


def _days(session: Connection, first: dt.date, last: dt.date, zone: str) -> Line[list[dt.date]]:
    """Return the days around which clocks of the zone were set, from the first row to the last.

    The server is asked, which reads the clocks: others may know a zone's history otherwise.
    """
    place = literal(zone)
    found = yield from rows(
        session,
        f"select d::date from generate_series({literal(str(first - 2 * DAY))}::timestamp, "
        f"{literal(str(last + DAY))}, interval '1 day') d "
        f"where (d + interval '1 day') at time zone {place} - d at time zone {place} "
        "<> interval '1 day'",
    )
    return [day + n * DAY for (day,) in found for n in range(-1, 4)]


def _look(
    session: Connection, table: TablePlan, column: ColumnPlan, read: tuple[str, str], zone: str
) -> Line[list[Misfit]]:
    """Look for odd times in one column, which is read by its name and shows a clock."""
    name, clock = read
    between = yield from _range(session, table, clock)
    if between is None:
        return []
    lines: list[Line[list[Any]]] = [  # Any: days, and times between two days
        _days(session, *between, zone),
        zone_rules.differing(session, *between, zone),
    ]
    days, apart = yield from side_by_side(lines)
    looks = [*_when_set(clock, zone, days), *_when_apart(clock, zone, apart)]
    found = (
        f"select {table.key_text} as key, s.{quoted(name)}::text as shown "
        f"from {table.relation(needs=table.needs_of_kept)} where {table.kept()} and "
    )
    told = yield [Question(session, sampled(f"{found}({condition})")) for condition, *_ in looks]
    return [
        each
        for (row,), (_, what, verdict) in zip(told, looks, strict=True)
        for each in found_in(table, column, what, verdict, row)
    ]


def _when_set(clock: str, zone: str, days: Sequence[dt.date]) -> Iterator[Asked]:
    """Ask for times that the clock left out, and for those that it showed twice."""
    if not days:
        return
    then = f"{clock}::date = any('{{{', '.join(map(str, days))}}}') and isfinite({clock}) and "
    never = f"its clock in {zone} never showed this time: it was set forward then"
    yield then + _is_skipped(clock, zone), never, "refused"
    both = f"its clock in {zone} showed this time twice; it is read as after it was set back"
    yield then + _is_twofold(clock, zone), both, "noted"


def _when_apart(clock: str, zone: str, times: Sequence[zone_rules.Days]) -> Iterator[Asked]:
    """Ask for times at which the server has other clocks than everybody else may have."""
    what = (
        f"the server's clocks in {zone} are not those of this machine's time zone database at this "
        "time: see which of the two is out of date"
    )
    if times:
        then = (f"{clock}::date between '{first}' and '{last}'" for first, last in times)
        yield " or ".join(then), what, "noted"


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
