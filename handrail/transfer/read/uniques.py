"""Rows that would be there twice: by a key that the destination wants unique, or nearly so."""

from collections.abc import Sequence

from handrail.transfer.read.misfits import SAMPLES, Misfit
from handrail.transfer.session.asking import Line, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql import casts
from handrail.transfer.sql.plan import Plan, TablePlan


def check(session: Connection, plan: Plan, table: TablePlan) -> Line[list[Misfit]]:
    """Find rows the destination's unique keys would not take, and near-duplicates it would."""
    by_name = {column.name: column for column in table.columns}
    guarded = {tuple(sorted(key)) for key in plan.source.by_name[table.source].uniques}
    findings: list[Misfit] = []
    for unique in table.uniques:
        if not set(unique) <= set(by_name):
            continue
        columns = [by_name[name] for name in unique]
        plain = all(column.exact and not column.rule.when for column in columns)
        place = str(columns[0].rule.place)
        label = ", ".join(unique)
        if not (plain and tuple(sorted(c.source or "" for c in columns)) in guarded):
            number, keys = yield from _repeated(session, table, [column.sql for column in columns])
            if number:
                what = f"({label}) would be there twice, and the destination wants it unique"
                findings.append(Misfit(table.name, label, what, "refused", number, keys, place))
        if any(column.type in {"text", "character varying"} for column in columns):
            folded = [
                casts.folded(c.sql) if c.type in {"text", "character varying"} else c.sql
                for c in columns
            ]
            number, keys = yield from _repeated(session, table, folded)
            if number:
                what = f"({label}) differs from another row by case or blanks only"
                findings.append(Misfit(table.name, label, what, "noted", number, keys, place))
    return findings


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
