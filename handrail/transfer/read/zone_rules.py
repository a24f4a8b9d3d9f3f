"""Where a server knows a zone's history otherwise than the time zone database of this machine.

Governments set clocks at short notice, and a server that was not updated since reads them by the
rule of before: `America/Mexico_City` of 2023 by summer time, an hour off, silently.
Source: https://www.iana.org/time-zones
"""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from handrail.transfer.session.asking import Line, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal

DAY = dt.timedelta(days=1)
NOON = dt.time(12)
Days = tuple[dt.date, dt.date]  # the first and the last


def differing(session: Connection, first: dt.date, last: dt.date, zone: str) -> Line[list[Days]]:
    """Return the times at which the server has other clocks in a zone than this machine.

    Args:
        session: On the server.
        first: The first day to look at.
        last: The last one.
        zone: By its name in the IANA database.
    """
    noon = f"(d + time '12:00') at time zone {literal(zone)}"
    found = yield from rows(
        session,
        "select day, seconds from (select d::date as day, seconds, lag(seconds) over (order by d) "
        f"as before from generate_series({literal(str(first))}::timestamp, {literal(str(last))}, "
        f"interval '1 day') d, lateral (select extract(epoch from d + time '12:00' - {noon} at "
        "time zone 'UTC')::int as seconds) o) c where seconds is distinct from before order by 1",
    )
    there = {day: dt.timedelta(seconds=seconds) for day, seconds in found}
    return list(_spans(_other_days(there, first, last, ZoneInfo(zone))))


def _other_days(
    there: dict[dt.date, dt.timedelta], day: dt.date, last: dt.date, zone: ZoneInfo
) -> Iterator[dt.date]:
    """Yield the days on which the clocks differ at noon; `there` says since when they are so."""
    offset = dt.timedelta()
    while day <= last:
        offset = there.get(day, offset)
        if dt.datetime.combine(day, NOON, zone).utcoffset() != offset:
            yield day
        day += DAY


def _spans(days: Iterator[dt.date]) -> Iterator[Days]:
    """Yield days in a row as their first and last."""
    first = last = next(days, None)
    for day in days:
        if last is not None and first is not None and day != last + DAY:
            yield first, last
            first = day
        last = day
    if first is not None and last is not None:
        yield first, last
