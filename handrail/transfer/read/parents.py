"""Rows that would refer to a row that is not there, whatever the source's own keys declare."""

from handrail.transfer.mapping.rules import Fault
from handrail.transfer.read.misfits import SAMPLES, Misfit
from handrail.transfer.session.asking import Line, rows, side_by_side
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.catalog import Constraint
from handrail.transfer.sql.plan import Plan, TablePlan


def check(session: Connection, plan: Plan, table: TablePlan) -> Line[list[Misfit]]:
    """Hold every foreign key of a destination table against the rows that will be there.

    Keys of one column whose orphans a rule deals with are counted with the rules; all others are
    looked at here: of several columns, in a circle, to the table itself, or trusted by the rules
    because the source declares them valid.
    """
    counted = {fault.column for fault in table.faults if fault.fault is Fault.ORPHAN}
    planned = {column.name for column in table.columns}
    lines = []
    for key in plan.destination.by_name[table.name].foreign_keys:
        alone = len(key.columns) == 1 and key.columns[0] in counted and key.target != table.name
        if alone or not set(key.columns) <= planned:
            continue
        lines.append(_look(session, plan, table, key))
    found = yield from side_by_side(lines)
    return [each for some in found for each in some]


def _look(session: Connection, plan: Plan, table: TablePlan, key: Constraint) -> Line[list[Misfit]]:
    children = table.moved([*key.columns])
    some = " or ".join(f"c.c{n} is null" for n, _ in enumerate(key.columns))
    none = " and ".join(f"c.c{n} is null" for n, _ in enumerate(key.columns))
    parent = next((each for each in plan.tables if each.name == key.target), None)
    if parent is not None and set(key.target_columns) <= {c.name for c in parent.columns}:
        equal = " and ".join(f"p.c{n} = c.c{n}" for n, _ in enumerate(key.columns))
        there = f"select 1 from ({parent.moved([*key.target_columns])}) p where {equal}"
        missing = f"not ({some}) and not exists ({there})"
        what = f"refers to a row of `{key.target}` that is not moved"
    else:
        missing = f"not ({some})"
        what = f"refers to `{key.target}`, whose rows the mapping does not give"
    if "MATCH FULL" in key.definition:
        missing = f"({missing}) or (({some}) and not ({none}))"
    # what is found is kept first: with a limit right behind it, the planner would read the
    # parents once for each row
    ((number, keys),) = yield from rows(
        session,
        f"with c as materialized ({children}), "
        f"found as materialized (select c.key from c where {missing}) "
        f"select count(*), (select array_agg(key) from (select key from found limit {SAMPLES}) s) "
        "from found",
    )
    if number:
        place = next(c.rule.place for c in table.columns if c.name == key.columns[0])
        label = ", ".join(key.columns)
        return [Misfit(table.name, label, what, "refused", number, tuple(keys), str(place))]
    return []
