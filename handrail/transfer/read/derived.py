"""Relations beside the tables: rows that no mapping moves, and those that a load leaves behind.

A materialized view holds what was made of rows, a foreign table what lies somewhere else.
"""

from collections.abc import Iterator

from handrail.transfer.read.misfits import Misfit
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan

OUTSIDE = """
select format('%I.%I', n.nspname, c.relname), c.relkind::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('m', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 1
"""
# Through views, and other materialized views, to the tables that are loaded.
STALE = """
with recursive reads(view, relation) as (
    select distinct r.ev_class, d.refobjid from pg_rewrite r
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
), made(view, relation) as (
    select view, relation from reads
    union select r.view, m.relation from reads r join made m on m.view = r.relation
)
select format('%%I.%%I', n.nspname, c.relname), array_agg(distinct w.name)
from (select n as name, n::regclass::oid as oid from unnest(%s::text[]) n) w
join made m on m.relation = w.oid or m.relation in (select relid from pg_partition_tree(w.oid))
join pg_class c on c.oid = m.view and c.relkind = 'm'
join pg_namespace n on n.oid = c.relnamespace
group by 1 order by 1
"""
KINDS = {
    "m": "a materialized view: what it holds is made of rows, and is not moved",
    "f": "a foreign table: its rows lie on another server, and are not moved",
}


def check(plan: Plan, source: Connection, destination: Connection) -> Iterator[Misfit]:
    """Name the relations of the source that are not moved, and those there to be made anew."""
    for name, kind in source.execute(OUTSIDE).fetchall():
        yield Misfit(name, "", f"is {KINDS[kind]}", "noted", 0, (), plan.file)
    targets = {table.target: table for table in plan.tables}
    for view, named in destination.execute(STALE, [list(targets)]).fetchall():
        table = targets[named[0]]
        what = f"`{view}` there is made of it, and stays as it is: `refresh materialized view "
        what += f"{view}` after the load"
        yield Misfit(table.name, "", what, "noted", 0, (), str(table.place))
