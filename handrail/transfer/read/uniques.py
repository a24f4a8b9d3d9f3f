"""Rows that would be there twice: by a key that the destination wants unique, or nearly so."""

from collections.abc import Iterator, Sequence

from handrail.transfer.read.misfits import SAMPLES, Misfit
from handrail.transfer.session.asking import Line, gathered, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql import casts
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan

TEXTS = {"text", "character varying"}


def check(session: Connection, plan: Plan, table: TablePlan) -> Line[list[Misfit]]:
    """Find rows the destination's unique keys would not take, and near-duplicates it would."""
    guarded = {tuple(sorted(key)) for key in plan.source.by_name[table.source].uniques}
    return (yield from gathered(_lines(session, table, guarded)))


def _lines(
    session: Connection, table: TablePlan, guarded: set[tuple[str, ...]]
) -> Iterator[Line[list[Misfit]]]:
    for unique in table.uniques:
        if table.by_name.keys() >= {*unique}:
            key = [table.by_name[name] for name in unique]
            yield _twice(session, table, key, guarded)
            yield _nearly(session, table, key)


def _twice(
    session: Connection, table: TablePlan, key: list[ColumnPlan], guarded: set[tuple[str, ...]]
) -> Line[list[Misfit]]:
    """Find rows of one key, unless the source itself holds it unique."""
    if all(column.is_copied for column in key) and _origin(key) in guarded:
        return []
    what = "would be there twice, and the destination wants it unique"
    expressions = [column.sql for column in key]
    return (yield from _found(session, table, key, expressions, what, "refused"))


def _origin(key: list[ColumnPlan]) -> tuple[str, ...]:
    return tuple(sorted(column.source or "" for column in key))


def _nearly(session: Connection, table: TablePlan, key: list[ColumnPlan]) -> Line[list[Misfit]]:
    """Find rows whose key is another one to the destination, and the same to a person."""
    if TEXTS.isdisjoint(column.type for column in key):
        return []
    what = "differs from another row by case or blanks only"
    expressions = [casts.folded(c.sql) if c.type in TEXTS else c.sql for c in key]
    return (yield from _found(session, table, key, expressions, what, "noted"))


def _found(
    session: Connection,
    table: TablePlan,
    key: list[ColumnPlan],
    expressions: Sequence[str],
    what: str,
    verdict: str,
) -> Line[list[Misfit]]:
    number, keys = yield from _repeated(session, table, expressions)
    if not number:
        return []
    label, place = ", ".join(column.name for column in key), str(key[0].rule.place)
    return [Misfit(table.name, label, f"({label}) {what}", verdict, number, keys, place)]


def _repeated(
    session: Connection, table: TablePlan, expressions: Sequence[str]
) -> Line[tuple[int, tuple[str, ...]]]:
    listing = ", ".join(f"{sql} as c{number}" for number, sql in enumerate(expressions))
    names = ", ".join(f"c{number}" for number in range(len(expressions)))
    present = " and ".join(f"c{number} is not null" for number in range(len(expressions)))
    groups = (
        f"select count(*) as n, max(key) as key from (select {table.key_text} as key, {listing} "
        f"from {table.relation()} where {table.kept()}) m where {present} "
        f"group by {names} having count(*) > 1"
    )
    query = (
        f"select coalesce(sum(n - 1), 0)::bigint, (array_agg(key))[1:{SAMPLES}] from ({groups}) g"
    )
    ((number, keys),) = yield from rows(session, query)
    return number, tuple(keys or ())
