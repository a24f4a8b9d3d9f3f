"""What is asked of PostgreSQL's own catalogs about the tables of a database."""

# A table of another schema than its database's home is called by both names. What an extension made
# is not the application's, and `_migration` is ours.
OURS = """
c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_'
and n.nspname not in ('information_schema', '_migration')
and (n.nspname = %(home)s or not exists (
    select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid
    and e.deptype = 'e'))
"""
CALLED = (
    "case when {0}.nspname = %(home)s then {1}.relname else {0}.nspname || '.' || {1}.relname end"
)
HERE = "select getdatabaseencoding(), current_database()"
# Where an unqualified name leads the role: the first schema of its path that has a table.
HOME = """
with p as materialized (
    select set_config('search_path', %s, true), current_schemas(false) as names,
           set_config('search_path', 'pg_catalog', true)
)
select n.name from p, unnest(p.names) with ordinality n(name, place)
where exists (select 1 from pg_class c join pg_namespace s on s.oid = c.relnamespace
              where s.nspname = n.name and c.relkind in ('r', 'p'))
order by n.place limit 1
"""
TABLES = f"""
select {CALLED.format("n", "c")}, n.nspname, c.relname,
       c.relkind = 'r' and exists (select 1 from pg_inherits h where h.inhparent = c.oid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where {OURS} order by 1
"""
COLUMNS = f"""
select {CALLED.format("n", "c")}, a.attname, format_type(b.oid, -1),
       case when a.atttypmod > 4 and t.typname in ('varchar', 'bpchar') then a.atttypmod - 4
            when t.typname = 'name' then 63 end,
       not (a.attnotnull or t.typnotnull), a.attgenerated <> '', a.attidentity,
       coalesce(
           pg_get_serial_sequence(format('%%I.%%I', n.nspname, c.relname), a.attname),
           (select s.oid::regclass::text from pg_depend u
            join pg_class s on s.oid = u.refobjid and s.relkind = 'S'
            where u.classid = 'pg_attrdef'::regclass and u.objid = d.oid limit 1)),
       t.typtype::text, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
cross join lateral (
    with recursive base as (
        select t.oid, t.typbasetype
        union all select o.oid, o.typbasetype from base join pg_type o on o.oid = base.typbasetype
    ) select oid from base where typbasetype = 0
) b
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where {OURS}
order by 1, a.attnum
"""
# A key that refers to a partitioned table has a copy of itself for each partition.
CONSTRAINTS = f"""
select {CALLED.format("n", "c")}, k.conname, k.contype::text,
       array(select a.attname::text from unnest(k.conkey) with ordinality u(n, o)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by u.o),
       {CALLED.format("o", "f")},
       array(select a.attname::text from unnest(k.confkey) with ordinality u(n, o)
             join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by u.o),
       k.condeferrable, k.convalidated, pg_get_constraintdef(k.oid), i.relname
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_class f on f.oid = k.confrelid
left join pg_namespace o on o.oid = f.relnamespace
left join pg_class i on i.oid = k.conindid and k.contype in ('p', 'u', 'x')
where {OURS} and k.contype in ('p', 'u', 'f', 'c', 'x') and k.conparentid = 0
order by 1, k.conname
"""
INDEXES = f"""
select {CALLED.format("n", "c")}, i.relname, pg_get_indexdef(x.indexrelid), x.indisunique,
       x.indpred is null and x.indexprs is null,
       array(select a.attname::text from unnest(x.indkey::int[]) with ordinality u(n, o)
             join pg_attribute a on a.attrelid = x.indrelid and a.attnum = u.n
             where u.o <= x.indnkeyatts order by u.o)
from pg_index x
join pg_class c on c.oid = x.indrelid
join pg_class i on i.oid = x.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where {OURS}
order by 1, i.relname
"""
