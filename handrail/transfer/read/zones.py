"""Clocks that are set forward or back: times of day that never were, and those that were twice."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator

from handrail.transfer.read.findings import SAMPLES, Finding
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan
from handrail.transfer.sql.types import NAIVE

DAY = dt.timedelta(days=1)
# By how much clocks are set; by two hours in double summer time, by 30 minutes on Lord Howe.
SHIFTS = ("30 minutes", "1 hour", "2 hours")


def check(session: Connection, table: TablePlan) -> Iterator[Finding]:
    """Find the rows whose clock showed such a time, as the zone of their column says."""
    for column in table.columns:
        zone = column.rule.zone
        naive = [name for name in _read(table, column) if zone and zone.upper() != "UTC"]
        for name in naive:
            if _is_set(session, table, name, str(zone)):
                yield from _look(session, table, column, name, str(zone))


def _read(table: TablePlan, column: ColumnPlan) -> list[str]:
    """Return the source columns without a zone that a column is made of."""
    return [name for name in column.sources if table.source_types.get(name) == NAIVE]


def _is_set(session: Connection, table: TablePlan, name: str, zone: str) -> bool:
    """Say whether clocks of the zone were set between the first and the last of the rows."""
    within = f"s.{quoted(name)} between '1900-01-01' and '2200-01-01'"
    row = session.execute(
        f"select min(s.{quoted(name)})::date, max(s.{quoted(name)})::date "
        f"from {table.source_rows} s where {within}"
    ).fetchone()
    if row is None or row[0] is None:
        return False
    place = zoneinfo.ZoneInfo(zone)
    day = dt.datetime.combine(row[0], dt.time(), dt.UTC) - DAY
    end = dt.datetime.combine(row[1], dt.time(), dt.UTC) + 2 * DAY
    first = day.astimezone(place).utcoffset()
    while day < end:
        day += DAY
        if day.astimezone(place).utcoffset() != first:
            return True
    return False


def _look(
    session: Connection, table: TablePlan, column: ColumnPlan, name: str, zone: str
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
            f"and ({condition})"
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
