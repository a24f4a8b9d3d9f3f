"""Rows that would be there twice: by a key that the destination wants unique, or nearly so."""

from collections.abc import Iterator, Sequence

from handrail.transfer.read.findings import SAMPLES, Finding
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql import casts
from handrail.transfer.sql.plan import Plan, TablePlan


def check(session: Connection, plan: Plan, table: TablePlan) -> Iterator[Finding]:
    """Find rows the destination's unique keys would not take, and near-duplicates it would."""
    by_name = {column.name: column for column in table.columns}
    guarded = {tuple(sorted(key)) for key in plan.source.by_name[table.source].uniques}
    for unique in table.uniques:
        if not set(unique) <= set(by_name):
            continue
        columns = [by_name[name] for name in unique]
        plain = all(column.exact and not column.rule.when for column in columns)
        place = str(columns[0].rule.place)
        label = ", ".join(unique)
        if not (plain and tuple(sorted(c.source or "" for c in columns)) in guarded):
            rows, keys = _repeated(session, table, [column.sql for column in columns])
            if rows:
                what = f"({label}) would be there twice, and the destination wants it unique"
                yield Finding(table.name, label, what, "refused", rows, keys, place)
        if any(column.type in {"text", "character varying"} for column in columns):
            folded = [
                casts.folded(c.sql) if c.type in {"text", "character varying"} else c.sql
                for c in columns
            ]
            rows, keys = _repeated(session, table, folded)
            if rows:
                what = f"({label}) differs from another row by case or blanks only"
                yield Finding(table.name, label, what, "noted", rows, keys, place)


def _repeated(
    session: Connection, table: TablePlan, expressions: Sequence[str]
) -> tuple[int, tuple[str, ...]]:
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
    row = session.execute(query).fetchone() or (0, [])
    return row[0], tuple(row[1] or ())
