"""Foreign keys of which an exchange of a parent's rows would be refused, or reach its children.

A chunk that is moved again is deleted and inserted anew. A key that is not deferrable refuses that
at once, and one that cascades would take rows of other tables along, unseen.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from handrail.transfer.load.attached import Attached, dropping
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import qualified, quoted

KEYS = """
select n.nspname::text, t.relname::text, c.conname::text, pg_get_constraintdef(c.oid)
from pg_constraint c join pg_class t on t.oid = c.conrelid
     join pg_namespace n on n.oid = t.relnamespace join pg_class p on p.oid = c.confrelid
     join pg_namespace m on m.oid = p.relnamespace
where c.contype = 'f' and c.conparentid = 0 and m.nspname = %s and p.relname = any(%s)
      and (not c.condeferrable or c.confdeltype <> 'a' or c.confupdtype <> 'a')
order by 1, 2, 3
"""


@contextmanager
def keys_aside(session: Connection, schema: str, parents: set[str]) -> Iterator[None]:
    """Do without such keys for the length of a block, which is in a transaction.

    Args:
        session: On the destination, in a transaction: whoever else looks sees the keys all along.
        schema: Of the parents.
        parents: Tables whose rows are exchanged.
    """
    keys = session.execute(KEYS, [schema, sorted(parents)]).fetchall()
    hanging = {each[0]: Attached(session, each[0]) for each in keys}
    for own_schema, table, name, _ in keys:
        session.execute(dropping(own_schema, "f", table, name))
    yield
    for own_schema, table, name, definition in keys:
        where = qualified(own_schema, table)
        session.execute(f"alter table {where} add constraint {quoted(name)} {definition}")
        for statement in hanging[own_schema].statements(table, name):
            session.execute(statement)
