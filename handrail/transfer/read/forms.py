"""How texts are written: prefixes of password hashes, dates that read in two ways."""

from collections.abc import Iterator

from handrail.transfer.read.misfits import SAMPLES, Misfit
from handrail.transfer.session.asking import Line, gathered, only, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import first_of
from handrail.transfer.sql import casts
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan


def check(session: Connection, table: TablePlan) -> Line[list[Misfit]]:
    """Count password hashes by prefix, and dates that read differently day first."""
    return (yield from gathered(_lines(session, table)))


def _lines(session: Connection, table: TablePlan) -> Iterator[Line[list[Misfit]]]:
    for column in filter(_has_source, table.columns):
        if column.rule.pattern:
            yield _prefixes(session, table, column)
        if column.rule.cast == "date" and column.rule.order:
            yield _either_way(session, table, column)


def _has_source(column: ColumnPlan) -> bool:
    return column.rule.source is not None


def _prefixes(session: Connection, table: TablePlan, column: ColumnPlan) -> Line[list[Misfit]]:
    """Count the hashes of each kind."""
    rule = column.rule
    raw = column.raw
    odd = casts.is_malformed(raw, rule.pattern or "")
    form = f"case when {odd} then 'other' else left({raw}, 4) end"
    there = f"{table.relation()} where {raw} is not null"
    found = yield from rows(session, f"select {form}, count(*) from {there} group by 1 order by 1")
    place = str(rule.place)
    return [
        Misfit(table.name, column.name, f"form `{prefix}`", "noted", number, (), place)
        for prefix, number in found
    ]


def _either_way(session: Connection, table: TablePlan, column: ColumnPlan) -> Line[list[Misfit]]:
    """Find the dates that are others with day and month exchanged."""
    rule = column.rule
    other = "day_first" if rule.order == "month_first" else "month_first"
    there = casts.parse_date(column.raw, casts.ordered(rule.formats, other))
    ambiguous = f"from {table.relation()} where {column.sql} <> {there}"
    number = yield from only(session, f"select count(*) {ambiguous}")
    if not number:
        return []
    sample = first_of(f"select {table.key_text} {ambiguous}", SAMPLES)
    keys = tuple(key for (key,) in (yield from rows(session, sample)))
    words = [str(order).replace("_", " ") for order in (other, rule.order)]
    what = f"also reads as another date {words[0]}; read {words[1]}"
    return [Misfit(table.name, column.name, what, "noted", number, keys, str(rule.place))]
