"""Take keys and indexes down for a load; `rebuild` puts back exactly these.

Loading into live foreign keys costs seven times as much, into live indexes four times. The
definitions are recorded in the transaction that drops them, so a kill at any moment leaves them to
be put back.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from psycopg.errors import DependentObjectsStillExist

from handrail.clients.errors import ClientError
from handrail.transfer.load.attached import Attached, dropping
from handrail.transfer.read.journal import Chunk
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql import catalog as catalogs
from handrail.transfer.sql.plan import Plan

FEW = 40  # chunks of a table
PARTITIONED = """
select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind = 'p'
"""


class CatalogChanged(ClientError):
    """The destination's tables are not bound as they were before the load."""


@dataclass(frozen=True)
class Definition:
    """One constraint or index as PostgreSQL spells it; `kind` is `f`, `p`, `u`, `x` or `i`.

    `attached` are statements for what hangs on it, as comments; `tablespace` is where it lies.
    """

    kind: str
    table: str
    name: str
    definition: str
    attached: tuple[str, ...] = ()
    tablespace: str | None = None


def definitions(plan: Plan) -> list[Definition]:
    """List what a bulk load takes down, in the order of dropping: foreign keys first."""
    found: list[Definition] = []
    tables = [plan.destination.by_name[table.name] for table in plan.tables]
    for kinds in ("f", "pux"):
        for table in tables:
            found += [
                Definition(key.kind, table.name, key.name, key.definition)
                for key in table.constraints
                if key.kind in kinds
            ]
    for table in tables:
        backing = {key.index for key in table.constraints if key.index}
        found += [
            Definition("i", table.name, index.name, index.definition)
            for index in table.indexes
            if index.name not in backing
        ]
    return found


def partitioned(destination: Connection, schema: str) -> frozenset[str]:
    """Return the tables whose rows lie in partitions, each with indexes of its own beneath theirs.

    One definition does not tell all of these, so they stay. Foreign keys from and to such a table
    are held against the rows as they are added: validated later, they would be in part only.
    """
    return frozenset(name for (name,) in destination.execute(PARTITIONED, [schema]))


def take_down(destination: Connection, plan: Plan, chunks: Sequence[Chunk]) -> None:
    """Record and drop them in one transaction; what other objects depend on stays.

    So does the primary key of a table in many chunks: without it, each costs a look at all rows
    that are there already. So do indexes over partitions.
    """
    many = {name for name, number in Counter(c.table for c in chunks).items() if number > FEW}
    schema = plan.destination.schema
    with destination.transaction():
        hanging, parted = Attached(destination, schema), partitioned(destination, schema)
        for position, item in enumerate(definitions(plan)):
            if item.kind != "f" and item.table in parted:
                continue
            if item.kind == "p" and item.table in many:
                continue
            also = hanging.statements(item.table, item.name)
            with suppress(DependentObjectsStillExist), destination.transaction():
                destination.execute(dropping(schema, item.kind, item.table, item.name))
                destination.execute(
                    "insert into _migration.definition (digest, position, kind, table_name, name, "
                    "definition, attached, tablespace) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                    [plan.digest, position, item.kind, item.table, item.name, item.definition,
                     also, hanging.tablespace(item.name)],
                )  # fmt: skip


def pending(destination: Connection, digest: str) -> list[Definition]:
    """List what is still down, in the order of putting back: of large tables first."""
    rows = destination.execute(
        "select kind, table_name, name, definition, attached, tablespace "
        "from _migration.definition d where digest = %s and rebuilt_at is null "
        "order by (select sum(c.rows) from _migration.chunk c "
        "where c.digest = d.digest and c.table_name = d.table_name) desc, position desc",
        [digest],
    )
    return [
        Definition(kind, table, name, definition, tuple(also), space)
        for kind, table, name, definition, also, space in rows
    ]


def compare(destination: Connection, plan: Plan) -> None:
    """Hold the destination's tables against those the plan was compiled for.

    Raises:
        CatalogChanged: naming the tables that differ.
    """
    live = catalogs.read(destination, plan.destination.schema)
    changed = [
        table.name
        for table in plan.tables
        if live.by_name.get(table.name) != plan.destination.by_name[table.name]
    ]
    if changed:
        raise CatalogChanged(
            "the destination's tables are not as the plan knows them",
            f"different columns, keys or indexes on {', '.join(changed)}",
            "compare them with `\\d` and the project's migrations, then compile and load again",
        )
