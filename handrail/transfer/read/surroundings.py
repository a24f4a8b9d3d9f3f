"""What a load would meet on the destination besides its rules: rows, triggers, rights."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.read.bonds import TRIED
from handrail.transfer.read.misfits import SAMPLES, Misfit
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql import evidence
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import INTEGERS

# All tables at once: at a distance, each question takes as long as its way there and back.
WANTED = "(select n as name, n::regclass::oid as oid from unnest(%s::text[]) n) w"
# Of the table, and of its partitions, each of which may have some of its own.
TRIGGERS = f"""
select w.name, t.tgname, t.tgrelid::regclass::text,
       case when t.tgtype & 2 > 0 then 'before' else 'after' end,
       t.tgtype & 1 > 0, p.oid::regprocedure::text, t.tgrelid = w.oid and {TRIED}
from {WANTED}
cross join lateral (select relid from pg_partition_tree(w.oid) union select w.oid) r(oid)
join pg_trigger t on t.tgrelid = r.oid
join pg_proc p on p.oid = t.tgfoid
join pg_language l on l.oid = p.prolang
where not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype & 4 > 0 and t.tgparentid = 0
order by t.tgrelid, t.tgname
"""
DISABLED = f"""
select w.name, t.tgname, t.tgrelid::regclass::text
from {WANTED} join pg_trigger t on t.tgrelid = w.oid where t.tgenabled = 'D' order by 3, 2
"""
# Exclusions and foreign keys that a partition has for itself.
APART = f"""
select w.name, k.conname, k.conrelid::regclass::text, pg_get_constraintdef(k.oid)
from {WANTED} join pg_partition_tree(w.oid) r on r.relid <> w.oid
join pg_constraint k on k.conrelid = r.relid and k.contype in ('x', 'f') and k.conparentid = 0
order by 3, 2
"""
UNTRIED = (
    "; it was not tried: where it refuses a row, the load stops there, and goes on after "
    "`alter table {on} disable trigger {name}`; enable it again afterwards"
)
RIGHTS = f"""
select w.name, has_table_privilege(w.oid, 'insert') and has_table_privilege(w.oid, 'select'),
       pg_has_role(c.relowner, 'usage'), not (c.relrowsecurity and row_security_active(w.oid)),
       not (c.relreplident = 'n' or c.relreplident = 'd' and not exists (
                select from pg_index x where x.indrelid = c.oid and x.indisprimary))
       or not exists (select from pg_publication p join pg_publication_tables t using (pubname)
                      where p.pubdelete and (t.schemaname, t.tablename) = (n.nspname, c.relname))
from {WANTED} join pg_class c on c.oid = w.oid join pg_namespace n on n.oid = c.relnamespace
"""
LACKING = (
    "the role may not read and insert rows",
    "the role does not own the table, so it cannot take keys and indexes down",
    "row security would hide rows from the role",
    (
        "it is published, and without a replica identity no row of it can be taken away again, as "
        "following a source does: `alter table TABLE replica identity full`"
    ),
)
ENDS = (
    "select n, seqmax from unnest(%s::text[]) n join pg_sequence on seqrelid = n::regclass "
    "where seqincrement > 0"
)
# PostgreSQL shows a function with its schema, unless it is one of its own.
OWN_FUNCTION = re.compile(r"(?:\w+|\"[^\"]+\")\.(?:\w+|\"[^\"]+\")\(")
LOADED = (
    "select distinct table_name from _migration.chunk where digest = %s and loaded_at is not null"
)


def check(plan: Plan, source: Connection, destination: Connection) -> Iterator[Misfit]:
    """Look around every table of a plan; rows are not read for it."""
    rightless = list(_rights(plan, destination))
    yield from rightless
    yield from _triggers(plan, destination)
    yield from _sequences(plan, source, destination)
    yield from _unfathomed(plan)
    for table in plan.tables:
        yield from _large_objects(plan, table, source)
    if not rightless:
        yield from _there(plan, destination)


def _rights(plan: Plan, destination: Connection) -> Iterator[Misfit]:
    targets = {table.target: table for table in plan.tables}
    for target, *held in destination.execute(RIGHTS, [list(targets)]).fetchall():
        table = targets[target]
        for has, what in zip(held, LACKING, strict=True):
            if not has:
                yield Misfit(table.name, "", what, "refused", 0, (), str(table.place))


def _triggers(plan: Plan, destination: Connection) -> Iterator[Misfit]:
    """Name what a load would set off: a trigger may well write to somebody."""
    targets = {table.target: table for table in plan.tables}
    found = destination.execute(TRIGGERS, [list(targets)]).fetchall()
    for target, name, on, when, by_row, function, tried in found:
        table = targets[target]
        each = "each row that is moved" if by_row else "each statement that moves rows"
        what = f"trigger `{name}` on {on} runs {function} {when} {each}"
        untried = "" if tried else UNTRIED.format(on=on, name=quoted(name))
        yield Misfit(table.name, "", f"{what}{untried}", "noted", 0, (), str(table.place))
    for target, name, on in destination.execute(DISABLED, [list(targets)]).fetchall():
        table = targets[target]
        what = f"trigger `{name}` on {on} is disabled: a verification fails until it is enabled"
        yield Misfit(table.name, "", what, "noted", 0, (), str(table.place))
    for target, key, on, definition in destination.execute(APART, [list(targets)]).fetchall():
        table = targets[target]
        what = (
            f"`{key}` of the partition {on} alone was not tried: {definition}; where it refuses a "
            f"row, the load stops there, and goes on after `alter table {on} drop constraint "
            f"{quoted(key)}`; add it again afterwards"
        )
        yield Misfit(table.name, "", what, "noted", 0, (), str(table.place))


def _there(plan: Plan, destination: Connection) -> Iterator[Misfit]:
    """Look for rows that are there already, but for those that this plan's load has put there."""
    began: set[str] = set()
    if evidence.exists(destination):
        began = {name for (name,) in destination.execute(LOADED, [plan.digest]).fetchall()}
    asked = [table for table in plan.tables if table.name not in began]
    if not asked:
        return
    listing = ", ".join(f"exists (select 1 from {table.target_rows})" for table in asked)
    for table, there in zip(asked, value(destination, f"select array[{listing}]"), strict=True):
        if there:
            yield from _replaced(plan, table, destination)


def _large_objects(plan: Plan, table: TablePlan, source: Connection) -> Iterator[Misfit]:
    """Count rows that name a large object: its contents are in no column, and stay behind."""
    for name, column in plan.source.by_name[table.source].by_name.items():
        moved = any(each.source == name for each in table.columns)
        if not moved or not (column.type == "oid" or column.declared.endswith((".lo", '."lo"'))):
            continue
        rows = f"{table.relation(needs=frozenset())} where exists (select 1 from "
        rows += f"pg_largeobject_metadata l where l.oid = s.{quoted(name)})"
        found = f"with found as materialized (select {table.key_text} as key from {rows})"
        row = source.execute(
            f"{found} select count(*), array(select key from found limit {SAMPLES}) from found"
        ).fetchone() or (0, ())
        if row[0]:
            what = "names a large object, whose contents do not travel"
            place = next(c.rule.place for c in table.columns if c.source == name)
            yield Misfit(table.name, name, what, "refused", row[0], tuple(row[1]), str(place))


def _replaced(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Misfit]:
    """Name the rows that are there already: with a word they give way, without one nothing does."""
    rows = value(destination, f"select count(*) from {table.target_rows}")
    if not rows:
        return
    primary = plan.destination.by_name[table.name].primary_key
    listing = ", ".join(f"{quoted(name)}::text" for name in primary) or "ctid::text"
    query = f"select concat_ws(',', {listing}) from {table.target_rows} limit {SAMPLES}"
    keys = tuple(row[0] for row in destination.execute(query))
    if table.replace is not None:
        yield from _referring(plan, table, destination)
    if table.replace is None:
        what, verdict = "rows are there that nobody declared: write `replace: <why>`", "refused"
    else:
        what, verdict = f"rows that are there give way: {table.replace}", "noted"
    yield Misfit(table.name, "", what, verdict, rows, keys, str(table.place))


def _referring(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Misfit]:
    """Name rows of tables nobody mapped that hold on to those that would give way."""
    mapped = {each.name for each in plan.tables}
    for other in plan.destination.tables:
        for key in other.foreign_keys if other.name not in mapped else ():
            filled = " and ".join(f"{quoted(name)} is not null" for name in key.columns)
            query = f"select count(*) from {other.rows} where {filled}"
            if key.target == table.name and (rows := value(destination, query)):
                what = f"rows of `{other.name}` refer to those that would give way (`{key.name}`)"
                yield Misfit(table.name, "", what, "refused", rows, (), str(table.place))


@dataclass(frozen=True)
class _Use:
    """A mapped column whose numbers a sequence of the destination goes on from."""

    sequence: str
    table: TablePlan
    column: ColumnPlan

    @property
    def highest(self) -> str:
        """Return an expression: the highest number that the source has for it, kept out or not."""
        if self.column.exact and self.column.source:
            return f"(select max({quoted(self.column.source)}) from {self.table.source_rows})"
        return f"(select max(k) from ({self.table.keys(self.column.name)}) m)"


def _uses(plan: Plan) -> list[_Use]:
    mapped = {(t.name, column.name): (t, column) for t in plan.tables for column in t.columns}
    return [
        _Use(sequence, *mapped[table.name, column.name])
        for sequence, members in plan.destination.sequences().items()
        for table, column in members
        if column.type in INTEGERS and (table.name, column.name) in mapped
        if not mapped[table.name, column.name][1].may_fail
    ]


def _sequences(plan: Plan, source: Connection, destination: Connection) -> Iterator[Misfit]:
    """Look for numbers beyond the end of the sequence that would go on from them."""
    uses = _uses(plan)
    if not uses:
        return
    found = destination.execute(ENDS, [[use.sequence for use in uses]])
    ends: dict[str, int] = {row[0]: row[1] for row in found}
    listing = ", ".join(f"{use.highest}::numeric" for use in uses)
    highest = value(source, f"select array[{listing}]")
    for use, number in zip(uses, highest, strict=True):
        last = ends.get(use.sequence)
        if last is not None and number is not None and number >= last:
            what = f"its sequence `{use.sequence}` ends at {last}, the rows at {number}"
            verdict = "refused" if number > last else "noted"
            place = str(use.column.rule.place)
            yield Misfit(use.table.name, use.column.name, what, verdict, 0, (), place)


def _unfathomed(plan: Plan) -> Iterator[Misfit]:
    """Name the keys that a function of the destination gives: nobody can tell from where."""
    for table in plan.tables:
        target = plan.destination.by_name[table.name]
        keys = {name for unique in target.uniques for name in unique}
        for column in table.columns:
            there = target.by_name[column.name]
            called = OWN_FUNCTION.search(there.default or "")
            if called and column.name in keys and there.type != "uuid" and not there.is_numbered:
                what = (
                    f"new rows get it from `{called[0]}…)`: whether that goes on beyond the rows "
                    "nobody can tell; try it after the load"
                )
                place = str(column.rule.place)
                yield Misfit(table.name, column.name, what, "noted", 0, (), place)
