"""What binds the rows of a destination table, and which of it needs no trial.

A bond is proven where the source already holds the same, or the preflight looks at it there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import HASHED, TEXTUAL

# A page of an index holds at least three entries; a text of so many characters always fits.
ALWAYS_FITS = 600
# Types whose values are of one small size, whatever they say.
SMALL = (HASHED - TEXTUAL - {"bytea", "numeric", "jsonb"}) | {"macaddr", "macaddr8", "money"}

# A check may ask a function that reads other rows, which are not there while rows are tried.
ASKS = r"""
exists (
    select from pg_depend d join pg_proc p on p.oid = d.refobjid
    join pg_class r on r.relkind in ('r', 'p', 'v', 'm')
    where d.classid = 'pg_constraint'::regclass and d.objid = k.oid
    and d.refclassid = 'pg_proc'::regclass and r.relnamespace <> 'pg_catalog'::regnamespace
    and (p.prosrc ~* ('\m(from|join)\s+(only\s+)?("?\w+"?\.)?"?'
                      || regexp_replace(r.relname, '(\W)', '\\\1', 'g') || '"?(\W|$)')
         or exists (select from pg_depend b where b.classid = 'pg_proc'::regclass
                    and b.objid = p.oid and b.refclassid = 'pg_class'::regclass
                    and b.refobjid = r.oid)))
"""
CHECKS = f"""
select case when {ASKS} then 'a' else 'c' end, k.conname, pg_get_constraintdef(k.oid), true,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = k.conrelid and a.attnum = any(k.conkey))
from pg_constraint k where k.conrelid = w.oid and k.contype = 'c'
"""
# An exclusion is defined as a constraint, an index as one of the trial's own table.
INDEXES = """
select case when k.contype = 'x' then 'x' when x.indisunique then 'u' else 'i' end, i.relname,
       case when k.contype = 'x' then pg_get_constraintdef(k.oid)
            else replace(replace(pg_get_indexdef(i.oid), ' ON ONLY ', ' ON '),
                 format(' ON %%I.%%I USING ', n.nspname, c.relname), ' ON {trial} USING ') end,
       x.indexprs is null and x.indpred is null
       and not coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false)
       and not exists (select 1 from unnest(x.indcollation) o join pg_collation l on l.oid = o
                       where not l.collisdeterministic),
       array(select distinct a.attname::text from pg_attribute a
             where a.attrelid = x.indrelid and a.attnum > 0 and not a.attisdropped
             and (a.attnum = any(x.indkey) or exists (
                 select 1 from pg_depend d
                 where d.refclassid = 'pg_class'::regclass and d.refobjid = x.indrelid
                 and d.refobjsubid = a.attnum
                 and (d.classid, d.objid) in (('pg_class'::regclass, i.oid),
                                              ('pg_constraint'::regclass, k.oid)))))
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_class c on c.oid = x.indrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_constraint k on k.conindid = i.oid and k.contype in ('p', 'u', 'x')
where x.indrelid = w.oid
"""
# A partition's own: an index over the trial's rows that would go there.
OF_PARTITIONS = """
select 'u', i.relname,
       left(d.whole, length(d.whole) - length(d.filter)) || ' WHERE ' || concat_ws(' AND ',
           substr(d.filter, 8), coalesce(pg_get_partition_constraintdef(c.oid), 'true')),
       false,
       array(select distinct a.attname::text from pg_attribute a
             where a.attrelid = x.indrelid and a.attnum > 0 and not a.attisdropped
             and (a.attnum = any(x.indkey) or exists (
                 select 1 from pg_depend d
                 where d.classid = 'pg_class'::regclass and d.objid = i.oid
                 and d.refclassid = 'pg_class'::regclass and d.refobjid = x.indrelid
                 and d.refobjsubid = a.attnum)))
from pg_partition_tree(w.oid) l
join pg_class c on c.oid = l.relid
join pg_namespace n on n.oid = c.relnamespace
join pg_index x on x.indrelid = c.oid and x.indisunique
join pg_class i on i.oid = x.indexrelid and not i.relispartition
cross join lateral (
    select replace(pg_get_indexdef(i.oid), format(' ON %%I.%%I USING ', n.nspname, c.relname),
                   ' ON {trial} USING '),
           coalesce(' WHERE ' || pg_get_expr(x.indpred, x.indrelid), '')
) d(whole, filter)
where l.relid <> w.oid and l.isleaf
"""
COMPUTED = """
select 'g', a.attname, pg_get_expr(f.adbin, f.adrelid), false,
       array(select distinct o.attname::text from pg_depend d join pg_attribute o
             on o.attrelid = d.refobjid and o.attnum = d.refobjsubid
             where d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
             and d.refobjid = a.attrelid and o.attnum <> a.attnum)
from pg_attribute a join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
where a.attrelid = w.oid and a.attgenerated <> '' and not a.attisdropped
"""
PARTITIONED = """
select 'p', c.relname, pg_get_partkeydef(c.oid), false,
       array(select o.attname::text from pg_attribute o
             where o.attrelid = c.oid and o.attnum > 0 and not o.attisdropped
             and (o.attname in (select a.attname from pg_partition_tree(c.oid) l
                                join pg_partitioned_table q on q.partrelid = l.relid
                                join pg_attribute a on a.attrelid = l.relid and a.attnum > 0
                                     and (q.partexprs is not null or a.attnum = any(q.partattrs)))
                  or o.attname in (select a.attname from pg_partition_tree(c.oid) l
                                   join pg_constraint k on k.conrelid = l.relid
                                        and k.contype = 'c' and k.conislocal and l.isleaf
                                   join pg_attribute a on a.attrelid = l.relid
                                        and a.attnum = any(k.conkey))
                  or not o.attnotnull and exists (
                      select 1 from pg_partition_tree(c.oid) l join pg_attribute a
                      on a.attrelid = l.relid and a.attname = o.attname and a.attnotnull)))
from pg_class c where c.oid = w.oid and c.relkind = 'p'
"""
# A function that only looks at its row, and alters or refuses it, can be asked without consequence;
# so can one that refuses whatever comes. What it says in quotes, or of itself, does nothing.
TRIED = r"""
(t.tgtype & 4 = 4 and l.lanname = 'plpgsql'
 and regexp_replace(p.prosrc, '--[^\n]*|''[^'']*''', '', 'g') !~* '\m('
    'insert|update|delete|merge|truncate|perform|execute|call|copy|do|create|drop|alter|lock|'
    'select|nextval|setval|pg_notify|tg_relid|tg_table_name|tg_table_schema|tg_argv)\M')
"""
BY_TRIGGER = f"""
select 'b', t.tgname, replace(pg_get_triggerdef(t.oid),
           format(' ON %%I.%%I ', n.nspname, c.relname), ' ON {{trial}} '), false,
       array(select o.attname::text from pg_attribute o
             where o.attrelid = t.tgrelid and o.attnum > 0 and not o.attisdropped)
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_proc p on p.oid = t.tgfoid
join pg_language l on l.oid = p.prolang
where t.tgrelid = w.oid and not t.tgisinternal and t.tgenabled in ('O', 'A') and {TRIED}
"""
# All tables at once: at a distance, each question takes as long as its way there and back.
EVERYTHING = f"""
select w.name, b.* from (select n as name, n::regclass::oid as oid from unnest(%s::text[]) n) w
cross join lateral (
    {CHECKS} union all {INDEXES} union all {OF_PARTITIONS} union all {COMPUTED}
    union all {PARTITIONED} union all {BY_TRIGGER}
) b(kind, bond, definition, plain, columns)
order by 1, 2, 3
"""


@dataclass(frozen=True)
class Bond:
    """One thing that a row must satisfy.

    `kind` is `c` (check), `a` (check that asks other rows, and cannot be tried), `u` (unique), `i`
    (index), `x` (exclusion), `g` (computed column), `p` (partitions), `b` (trigger by row) or `t`
    (type of a column). `plain` says that its columns alone tell, compared as the source compares
    them.
    """

    kind: str
    name: str
    definition: str
    plain: bool
    columns: tuple[str, ...]

    def asks(self) -> bool:
        """Say whether it asks other rows than the one that it binds."""
        return self.kind == "a"


def unproven(plan: Plan, session: Connection, trial: str) -> dict[str, list[Bond]]:
    """List, table by table, what only the destination can tell about its rows.

    Args:
        plan: The compiled mapping.
        session: Session on the destination, its `search_path` pinned.
        trial: Name of the table on which indexes are to be defined.
    """
    read: dict[str, list[Bond]] = {}
    targets = [table.target for table in plan.tables]
    for target, kind, name, definition, plain, columns in session.execute(EVERYTHING, [targets]):
        here = definition.replace("{trial}", trial)
        read.setdefault(target, []).append(Bond(kind, name, here, plain, tuple(columns)))
    return {table.name: _unproven(plan, table, read.get(table.target, [])) for table in plan.tables}


def _unproven(plan: Plan, table: TablePlan, read: list[Bond]) -> list[Bond]:
    source = plan.source.by_name[table.source]
    target = plan.destination.by_name[table.name]
    filled = _filled(table, target)
    held = [*_types(table, source, target), *(bond for bond in read if _may_bind(bond, filled))]
    return [bond for bond in held if not _proven(bond, table.by_name, source, target)]


def _filled(table: TablePlan, target: Table) -> set[str]:
    """Name the columns that hold something after a load."""
    by_itself = (column.name for column in target.columns if column.generated or column.default)
    return {*table.by_name, *by_itself}


def _may_bind(bond: Bond, filled: set[str]) -> bool:
    """Say whether rows may break it; where nothing is filled in, NULLs break few things."""
    told_of_nulls = bond.kind in {"a", "c"} or (bond.kind == "u" and not bond.plain)
    return told_of_nulls or bool(set(bond.columns) & filled)


def _types(table: TablePlan, source: Table, target: Table) -> Iterator[Bond]:
    """Yield the columns whose type may refuse or alter a value that is assigned to it."""
    for column in table.columns:
        there, here = target.by_name[column.name], source.by_name.get(column.source or "")
        if there.kind != "b" or not _is_kept_whole(column, here, there):
            yield Bond("t", column.name, there.declared, False, (column.name,))  # noqa: FBT003


def _is_kept_whole(column: ColumnPlan, here: Column | None, there: Column) -> bool:
    """Say whether a type has no precision, or the source's values have the same already."""
    if there.declared == column.type or there.length is not None:  # lengths: counted there
        return True
    return column.exact and here is not None and here.declared == there.declared


def _proven(bond: Bond, planned: dict[str, ColumnPlan], source: Table, target: Table) -> bool:
    if bond.kind == "c":
        return _checked_there(bond, planned, source, target)
    told = bond.plain and bond.kind in {"u", "i"} and planned.keys() >= set(bond.columns)
    return told and all(_is_indexed(bond, planned[name], source, target) for name in bond.columns)


def _is_indexed(bond: Bond, column: ColumnPlan, source: Table, target: Table) -> bool:
    """Say whether an index takes all values of a column, and differs as the source's texts do."""
    differs = bond.kind == "i" or target.by_name[column.name].kind == "b"
    return differs and _fits(column, source, target)


def _checked_there(
    bond: Bond, planned: dict[str, ColumnPlan], source: Table, target: Table
) -> bool:
    """Say whether the source's own check, over the same columns unchanged, holds it."""
    checks = {(key.kind, key.validated, key.definition) for key in source.constraints}
    same = ("c", True, bond.definition) in checks
    return same and all(_copied(planned.get(name), source, target) for name in bond.columns)


def _copied(column: ColumnPlan | None, source: Table, target: Table) -> bool:
    if column is None or not column.is_same:
        return False
    same_type = source.by_name[column.name].type == target.by_name[column.name].type
    return column.source == column.name and same_type


def _fits(column: ColumnPlan, source: Table, target: Table) -> bool:
    """Say whether every value of a column fits an entry of an index."""
    there = target.by_name[column.name]
    limited = there.length is not None and there.length <= ALWAYS_FITS
    indexed = column.exact and any((column.source,) == index.columns for index in source.indexes)
    return there.type in SMALL or limited or indexed
