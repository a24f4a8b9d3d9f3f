"""What a load would meet on the destination besides its rules: rows, triggers, rights."""

from collections.abc import Iterator

from handrail.transfer.read.findings import SAMPLES, Finding
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql import evidence
from handrail.transfer.sql.plan import Plan, TablePlan

TRIGGERS = """
select t.tgname, case when t.tgtype & 2 > 0 then 'before' else 'after' end,
       t.tgtype & 1 > 0, p.oid::regprocedure::text
from pg_trigger t join pg_proc p on p.oid = t.tgfoid
where t.tgrelid = {table}::regclass and not t.tgisinternal and t.tgenabled in ('O', 'A')
      and t.tgtype & 4 > 0
order by t.tgname
"""
RIGHTS = """
select has_table_privilege({table}, 'insert'), has_table_privilege({table}, 'select'),
       pg_has_role((select relowner from pg_class where oid = {table}::regclass), 'usage'),
       (select count(*) > 0 from pg_class where oid = {table}::regclass and relrowsecurity)
       and row_security_active({table}::regclass)
"""
LOADED = """
select exists (select 1 from _migration.chunk
               where digest = {digest} and table_name = {name} and loaded_at is not null)
"""


def check(plan: Plan, source: Connection, destination: Connection) -> Iterator[Finding]:
    """Look around every table of a plan; rows are not read for it."""
    began = evidence.exists(destination)
    if not value(destination, "select has_database_privilege(current_database(), 'create')"):
        what = "the role may not create the schema `_migration`, where a load keeps its record"
        yield Finding(plan.tables[0].name, "", what, "refused", 0, (), plan.file)
    for table in plan.tables:
        yield from _rights(table, destination)
        yield from _triggers(table, destination)
        yield from _large_objects(plan, table, source)
        yield from _sequences(plan, table, source, destination)
        if not (began and _is_begun(plan, table, destination)):
            yield from _replaced(plan, table, destination)


def _is_begun(plan: Plan, table: TablePlan, destination: Connection) -> bool:
    query = LOADED.format(digest=literal(plan.digest), name=literal(table.name))
    return bool(value(destination, query))


def _rights(table: TablePlan, destination: Connection) -> Iterator[Finding]:
    query = RIGHTS.format(table=literal(table.target))
    insert, select, owned, hidden = destination.execute(query).fetchone() or ()
    for held, what in (
        (insert and select, "the role may not read and insert rows"),
        (owned, "the role does not own the table, so it cannot take keys and indexes down"),
        (not hidden, "row security would hide rows from the role"),
    ):
        if not held:
            yield Finding(table.name, "", what, "refused", 0, (), str(table.place))


def _triggers(table: TablePlan, destination: Connection) -> Iterator[Finding]:
    """Name what a load would set off: a trigger may well write to somebody."""
    query = TRIGGERS.format(table=literal(table.target))
    for name, when, by_row, function in destination.execute(query).fetchall():
        each = "each row" if by_row else "each chunk"
        what = f"trigger `{name}` runs {function} {when} {each} that is moved"
        yield Finding(table.name, "", what, "noted", 0, (), str(table.place))


def _large_objects(plan: Plan, table: TablePlan, source: Connection) -> Iterator[Finding]:
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
            yield Finding(table.name, name, what, "refused", row[0], tuple(row[1]), str(place))


def _replaced(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Finding]:
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
    yield Finding(table.name, "", what, verdict, rows, keys, str(table.place))


def _referring(plan: Plan, table: TablePlan, destination: Connection) -> Iterator[Finding]:
    """Name rows of tables nobody mapped that hold on to those that would give way."""
    mapped = {each.name for each in plan.tables}
    for other in plan.destination.tables:
        for key in other.foreign_keys if other.name not in mapped else ():
            filled = " and ".join(f"{quoted(name)} is not null" for name in key.columns)
            query = f"select count(*) from {other.rows} where {filled}"
            if key.target == table.name and (rows := value(destination, query)):
                what = f"rows of `{other.name}` refer to those that would give way (`{key.name}`)"
                yield Finding(table.name, "", what, "refused", rows, (), str(table.place))


def _sequences(
    plan: Plan, table: TablePlan, source: Connection, destination: Connection
) -> Iterator[Finding]:
    """Look for numbers beyond the end of the sequence that would go on from them."""
    copied = {column.name: column for column in table.columns if column.exact and column.source}
    for column in plan.destination.by_name[table.name].columns:
        if column.sequence is None or column.name not in copied:
            continue
        query = f"select seqmax from pg_sequence where seqrelid = {literal(column.sequence)}"
        last = value(destination, f"{query}::regclass and seqincrement > 0 union all select null")
        name = quoted(copied[column.name].source or "")
        highest = value(source, f"select max({name}) from {table.source_rows}")
        if last is not None and highest is not None and highest > last:
            what = f"its sequence `{column.sequence}` ends at {last}, the rows at {highest}"
            place = str(copied[column.name].rule.place)
            yield Finding(table.name, column.name, what, "refused", 0, (), place)
