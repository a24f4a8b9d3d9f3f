"""What hangs on an index or a constraint beside its definition, and goes when that is dropped."""

from handrail.transfer.session.asking import Question, answers
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import qualified, quoted

# By index: the statement that a new one needs afterwards.
OF_INDEXES = """
with x as (
    select i.oid, i.relname, t.relname as owner, n.nspname, x.indisreplident, x.indisclustered,
           i.reloptions, exists (select 1 from pg_constraint c where c.conindid = i.oid
                                 and c.contype in ('p', 'u', 'x')) as behind
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
         join pg_namespace n on n.oid = i.relnamespace
    where n.nspname = %s
)
select relname::text, format('alter index %%I.%%I set (%%s)', nspname, relname,
                             array_to_string(reloptions, ', '))
from x where behind and reloptions is not null
union all
select relname, format('alter index %%I.%%I alter column %%s set statistics %%s', nspname,
                       relname, a.attnum, a.attstattarget)
from x join pg_attribute a on a.attrelid = x.oid where a.attstattarget >= 0
union all
select relname, format('comment on index %%I.%%I is %%L', nspname, relname, d)
from x, obj_description(x.oid, 'pg_class') d where d is not null
union all
select relname, format('alter table %%I.%%I replica identity using index %%I', nspname, owner,
                       relname)
from x where indisreplident
union all
select relname, format('alter table %%I.%%I cluster on %%I', nspname, owner, relname)
from x where indisclustered
union all
select relname, format('alter index %%I.%%I depends on extension %%I', nspname, relname, e.extname)
from x join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = x.oid
     and d.deptype = 'x' join pg_extension e on e.oid = d.refobjid
"""
OF_CONSTRAINTS = """
select t.relname::text, c.conname::text,
       format('comment on constraint %%I on %%I.%%I is %%L', c.conname, n.nspname, t.relname, d)
from pg_constraint c join pg_class t on t.oid = c.conrelid
     join pg_namespace n on n.oid = t.relnamespace, obj_description(c.oid, 'pg_constraint') d
where n.nspname = %s and d is not null
"""
TABLESPACES = """
select i.relname::text, s.spcname::text from pg_class i
join pg_namespace n on n.oid = i.relnamespace join pg_tablespace s on s.oid = i.reltablespace
where n.nspname = %s and i.relkind in ('i', 'I')
"""


class Attached:
    """What hangs on the indexes and constraints of a schema, read before anything is dropped.

    Args:
        session: On the database.
        schema: Whose.
    """

    def __init__(self, session: Connection, schema: str) -> None:
        of_indexes, of_constraints, tablespaces = answers(
            [
                Question(session, query, [schema])
                for query in (OF_INDEXES, OF_CONSTRAINTS, TABLESPACES)
            ]
        )
        self._of_index: dict[str, list[str]] = {}
        for index, statement in of_indexes:
            self._of_index.setdefault(index, []).append(statement)
        self._of_constraint: dict[tuple[str, str], list[str]] = {}
        for table, name, statement in of_constraints:
            self._of_constraint.setdefault((table, name), []).append(statement)
        self._tablespaces: dict[str, str] = dict(tablespaces)

    def statements(self, table: str, name: str) -> list[str]:
        """Return what a constraint or index of that name needs once it is built again."""
        return [*self._of_index.get(name, ()), *self._of_constraint.get((table, name), ())]

    def tablespace(self, name: str) -> str | None:
        """Return where an index lies, unless where the database's do."""
        return self._tablespaces.get(name)


def dropping(schema: str, kind: str, table: str, name: str) -> str:
    """Return the statement that drops an index, or a constraint of a table."""
    if kind == "i":
        return f"drop index {qualified(schema, name)}"
    return f"alter table {qualified(schema, table)} drop constraint {quoted(name)}"
