"""Rows that are on the destination already: with a word they give way, without one nothing does."""

import itertools
from collections.abc import Iterator, Sequence

from handrail.transfer.read.misfits import SAMPLES, Misfit
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql import evidence
from handrail.transfer.sql.catalog import Constraint, Table
from handrail.transfer.sql.plan import Plan, TablePlan

LOADED = (
    "select distinct table_name from _migration.chunk where digest = %s and loaded_at is not null"
)


def check(plan: Plan, destination: Connection) -> Iterator[Misfit]:
    """Look for rows that are there, but for those that this plan's load has put there."""
    began = _begun(plan, destination)
    asked = [table for table in plan.tables if table.name not in began]
    for table in filled(destination, asked):
        yield from _replaced(plan, table, destination)


def filled(destination: Connection, tables: Sequence[TablePlan]) -> list[TablePlan]:
    """Return those of some tables that hold rows on the destination."""
    if not tables:
        return []
    listing = ", ".join(f"exists (select 1 from {table.target_rows})" for table in tables)
    return list(itertools.compress(tables, value(destination, f"select array[{listing}]")))


def _begun(plan: Plan, destination: Connection) -> set[str]:
    """Name the tables of which this plan's load has put rows there."""
    if not evidence.exists(destination):
        return set()
    return {name for (name,) in destination.execute(LOADED, [plan.digest])}


def _replaced(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Misfit]:
    """Name the rows of one table."""
    rows = value(destination, f"select count(*) from {table.target_rows}")
    primary = plan.destination.by_name[table.name].primary_key
    listing = ", ".join(f"{quoted(name)}::text" for name in primary) or "ctid::text"
    query = f"select concat_ws(',', {listing}) from {table.target_rows} limit {SAMPLES}"
    keys = tuple(row[0] for row in destination.execute(query))
    what, verdict = "rows are there that nobody declared: write `replace: <why>`", "refused"
    if table.replace is not None:
        yield from _referring(plan, table, destination)
        what, verdict = f"rows that are there give way: {table.replace}", "noted"
    yield Misfit(table.name, "", what, verdict, rows, keys, str(table.place))


def _referring(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Misfit]:
    """Name rows of tables nobody mapped that hold on to those that would give way."""
    for other in plan.destination.tables:
        for key in other.foreign_keys:
            if key.target == table.name and other.name not in plan.by_name:
                yield from _held(table, other, key, destination)


def _held(
    table: TablePlan, other: Table, key: Constraint, destination: Connection
) -> Iterator[Misfit]:
    filled = " and ".join(f"{quoted(name)} is not null" for name in key.columns)
    rows = value(destination, f"select count(*) from {other.rows} where {filled}")
    if rows:
        what = f"rows of `{other.name}` refer to those that would give way (`{key.name}`)"
        yield Misfit(table.name, "", what, "refused", rows, (), str(table.place))
