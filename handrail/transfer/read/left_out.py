"""What does not arrive as it is: dropped tables and columns, and values that `sql:` changes."""

from dataclasses import dataclass

from handrail.transfer.mapping.rules import MOST_RECORDED, Fault
from handrail.transfer.read.misfits import SHOWN, Misfit, found_in, sampled
from handrail.transfer.session.asking import Line, gathered, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.parts import ColumnPlan, DropPlan
from handrail.transfer.sql.plan import Plan, TablePlan


def check(session: Connection, plan: Plan) -> Line[list[Misfit]]:
    """Count all that is left behind on purpose, so that the purpose can be judged by it."""
    dropped = yield from _dropped(session, plan)
    changed = yield from gathered(
        _changed(session, table, column) for table in plan.tables for column in table.columns
    )
    return [*dropped, *changed]


def _dropped(session: Connection, plan: Plan) -> Line[list[Misfit]]:
    """Count the rows of dropped tables, and the values of dropped columns."""
    if not plan.drops:
        return []
    counts = (f"select {n}, {drop.counted} from {drop.rows}" for n, drop in enumerate(plan.drops))
    found = yield from rows(session, " union all ".join(counts))
    return [
        _told(plan.drops[number], values)
        for number, values in sorted(found)
        if values or plan.drops[number].column is None
    ]


def dropped_of(plan: Plan, table: TablePlan) -> list[str]:
    """Name the columns of a table's source that are left behind."""
    return [drop.column for drop in plan.drops if drop.table == table.source and drop.column]


def _told(drop: DropPlan, values: int) -> Misfit:
    what = f"the table is dropped: {drop.reason}"
    if drop.column is not None:
        what = f"values are dropped: {drop.reason}{_recorded(values)}"
    return Misfit(drop.table, drop.column or "", what, "noted", values, (), str(drop.place))


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
    lossy = (column.name, Fault.LOSSY) in {(fault.column, fault.fault) for fault in table.faults}
    named = (column.name,) if column.name in column.sources else column.sources
    if column.rule.sql is None or lossy or len(named) != 1:
        return None
    was, now = f"s.{quoted(named[0])}::text", f"({column.sql})::text"
    relation = table.relation(needs=column.needs | table.needs_of_kept)
    differ = f"{relation} where {table.kept()} and {was} is distinct from {now}"
    return Changed(named[0], was, now, differ)


def _changed(session: Connection, table: TablePlan, column: ColumnPlan) -> Line[list[Misfit]]:
    """Count the values that differ from the one source value they are made of."""
    found = changed_of(table, column)
    if found is None:
        return []
    differ = f"select {table.key_text} as key, {found.was} as was, {found.now} as now from "
    both = (f"left(coalesce({side}, 'NULL'), {SHOWN})" for side in ("was", "now"))
    query = sampled(differ + found.rows, f"concat_ws(' becomes ', {', '.join(both)})")
    (row,) = yield from rows(session, query)
    what = f"`sql:` makes another value of `{found.column}`{_recorded(row[0])}"
    return found_in(table, column, what, "noted", row)


def _recorded(number: int) -> str:
    """Say how much of it a load writes down, where that is not all."""
    return f"; a load records the first {MOST_RECORDED}" if number > MOST_RECORDED else ""
