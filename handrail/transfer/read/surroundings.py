"""What a load would meet besides its rules: rights, triggers, numbers, rows, large objects."""

from collections.abc import Iterator

from handrail.transfer.read import numbering, occupied
from handrail.transfer.read.bonds import TRIED
from handrail.transfer.read.misfits import Misfit, sampled
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.catalog import Column
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan

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
       pg_has_role(c.relowner, 'usage'), has_schema_privilege(n.oid, 'create'),
       not (c.relrowsecurity and row_security_active(w.oid)),
       not (c.relreplident = 'n' or c.relreplident = 'd' and not exists (
                select from pg_index x where x.indrelid = c.oid and x.indisprimary))
       or not exists (select from pg_publication p join pg_publication_tables t using (pubname)
                      where p.pubdelete and (t.schemaname, t.tablename) = (n.nspname, c.relname))
from {WANTED} join pg_class c on c.oid = w.oid join pg_namespace n on n.oid = c.relnamespace
"""
LACKING = (
    "the role may not read and insert rows",
    "the role does not own the table, so it cannot take keys and indexes down",
    (
        "the role may not create in its schema, where keys and indexes are put back: `grant create "
        "on schema SCHEMA to ROLE`"
    ),
    "row security would hide rows from the role",
    (
        "it is published, and without a replica identity no row of it can be taken away again, as "
        "following a source does: `alter table TABLE replica identity full`"
    ),
)


def check(plan: Plan, source: Connection, destination: Connection) -> Iterator[Misfit]:
    """Look around every table of a plan; rows are not read for it."""
    rightless = list(_rights(plan, destination))
    yield from rightless
    yield from _triggers(plan, destination)
    yield from numbering.check(plan, source, destination)
    for table in plan.tables:
        yield from _large_objects(plan, table, source)
    if not rightless:
        yield from occupied.check(plan, destination)


def _rights(plan: Plan, destination: Connection) -> Iterator[Misfit]:
    targets = {table.target: table for table in plan.tables}
    for target, *held in destination.execute(RIGHTS, [list(targets)]).fetchall():
        table = targets[target]
        for has, what in zip(held, LACKING, strict=True):
            if not has:
                yield Misfit(table.name, "", what, "refused", 0, (), str(table.place))


def _triggers(plan: Plan, destination: Connection) -> Iterator[Misfit]:
    """Name what a load would set off, and what nobody can try before it."""
    targets = {table.target: table for table in plan.tables}
    for query, said in ((TRIGGERS, _set_off), (DISABLED, _disabled), (APART, _apart)):
        for target, *row in destination.execute(query, [list(targets)]).fetchall():
            table = targets[target]
            yield Misfit(table.name, "", said(*row), "noted", 0, (), str(table.place))


def _set_off(name: str, on: str, when: str, by_row: bool, function: str, tried: bool) -> str:  # noqa: FBT001 - a row of TRIGGERS
    """Say what a trigger does to a load: it may well write to somebody."""
    each = "each row that is moved" if by_row else "each statement that moves rows"
    what = f"trigger `{name}` on {on} runs {function} {when} {each}"
    return what if tried else what + UNTRIED.format(on=on, name=quoted(name))


def _disabled(name: str, on: str) -> str:
    return f"trigger `{name}` on {on} is disabled: a verification fails until it is enabled"


def _apart(key: str, on: str, definition: str) -> str:
    return (
        f"`{key}` of the partition {on} alone was not tried: {definition}; where it refuses a row, "
        f"the load stops there, and goes on after `alter table {on} drop constraint {quoted(key)}`;"
        " add it again afterwards"
    )


def _large_objects(plan: Plan, table: TablePlan, source: Connection) -> Iterator[Misfit]:
    """Count rows that name a large object: its contents are in no column, and stay behind."""
    columns = plan.source.by_name[table.source].by_name
    for moved in table.columns:
        if moved.source in columns and _names_objects(columns[moved.source]):
            yield from _left_behind(table, moved, moved.source, source)


def _left_behind(
    table: TablePlan, moved: ColumnPlan, name: str, source: Connection
) -> Iterator[Misfit]:
    """Count the rows whose value of one column names a large object."""
    rows = f"{table.relation(needs=frozenset())} where exists (select 1 from "
    rows += f"pg_largeobject_metadata l where l.oid = s.{quoted(name)})"
    found = f"select {table.key_text} as key from {rows}"
    ((number, keys, _),) = source.execute(sampled(found, "null"))
    if number:
        what = "names a large object, whose contents do not travel"
        place = str(moved.rule.place)
        yield Misfit(table.name, name, what, "refused", number, tuple(keys), place)


def _names_objects(column: Column) -> bool:
    return column.type == "oid" or column.declared.endswith((".lo", '."lo"'))
