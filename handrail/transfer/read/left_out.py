"""What does not arrive as it is: dropped tables and columns, and values that `sql:` changes."""

from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.mapping.rules import MOST_RECORDED, Fault
from handrail.transfer.read.findings import SAMPLES, SHOWN, Finding
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan


def check(session: Connection, plan: Plan) -> Iterator[Finding]:
    """Count all that is left behind on purpose, so that the purpose can be judged by it."""
    counts = [
        f"select {n}, {f'count({quoted(drop.column)})' if drop.column else 'count(*)'} "
        f"from {drop.rows}"
        for n, drop in enumerate(plan.drops)
    ]
    found = session.execute(" union all ".join(counts)).fetchall() if counts else []
    for number, rows in sorted(found):
        drop = plan.drops[number]
        what = f"values are dropped: {drop.reason}{_recorded(rows)}"
        if drop.column is None:
            what = f"the table is dropped: {drop.reason}"
        if rows or drop.column is None:
            place = str(drop.place)
            yield Finding(drop.table, drop.column or "", what, "noted", rows, (), place)
    for table in plan.tables:
        for column in table.columns:
            yield from _changed(session, table, column)


@dataclass(frozen=True)
class Changed:
    """What `sql:` makes of the value of a source `column`, of the `rows` for which that differs."""

    column: str
    was: str
    now: str
    rows: str


def changed_of(table: TablePlan, column: ColumnPlan) -> Changed | None:
    """Return what `sql:` changes of the one source value it reads; None where that is no question.

    Digits that a mere cast loses are a fault of their own.
    """
    lossy = any(f.column == column.name and f.fault is Fault.LOSSY for f in table.faults)
    named = [name for name in column.sources if name == column.name] or column.sources
    if column.rule.sql is None or lossy or len(named) != 1:
        return None
    was, now = f"s.{quoted(named[0])}::text", f"({column.sql})::text"
    relation = table.relation(needs=column.needs | table.needs_of_kept)
    rows = f"{relation} where {table.kept()} and {was} is distinct from {now}"
    return Changed(named[0], was, now, rows)


def _changed(session: Connection, table: TablePlan, column: ColumnPlan) -> Iterator[Finding]:
    """Count the values that differ from the one source value they are made of."""
    found = changed_of(table, column)
    if found is None:
        return
    row = session.execute(
        f"with found as materialized (select {table.key_text} as key, {found.was} as was, "
        f"{found.now} as now from {found.rows})"
        f" select count(*), array(select key from found limit {SAMPLES}), "
        f"array(select concat_ws(' becomes ', left(coalesce(was, 'NULL'), {SHOWN}), "
        f"left(coalesce(now, 'NULL'), {SHOWN})) "
        f"from found limit {SAMPLES}) from found"
    ).fetchone() or (0, [], [])
    if row[0]:
        shown = () if column.secret else tuple(row[2])
        what = f"`sql:` makes another value of `{found.column}`{_recorded(row[0])}"
        yield Finding(
            table.name, column.name, what, "noted", row[0], tuple(row[1]),
            str(column.rule.place), shown,
        )  # fmt: skip


def _recorded(rows: int) -> str:
    """Say how much of it a load writes down, where that is not all."""
    return f"; a load records the first {MOST_RECORDED}" if rows > MOST_RECORDED else ""
