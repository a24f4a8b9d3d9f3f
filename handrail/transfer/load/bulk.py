"""Take keys and indexes down for a load; `rebuild` puts back exactly these.

Loading into live foreign keys costs seven times as much, into live indexes four times. The
definitions are recorded in the transaction that drops them, so a kill at any moment leaves them to
be put back.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handrail.clients.errors import ClientError
from handrail.transfer.load.attached import Attached, dropping
from handrail.transfer.load.attempts import Attempt, attempt
from handrail.transfer.load.chunks import LoadFailed
from handrail.transfer.read.journal import Chunk
from handrail.transfer.session.asking import Line, answered
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal
from handrail.transfer.sql import catalog as catalogs
from handrail.transfer.sql.catalog import Table
from handrail.transfer.sql.plan import Plan

FEW = 40  # chunks of a table
PARTITIONED = """
select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind = 'p'
"""
DEPENDED_ON = "2BP01"  # dependent_objects_still_exist


class CatalogChanged(ClientError):
    """The destination's tables are not bound as they were before the load."""


@dataclass(frozen=True)
class Definition:
    """One constraint or index as PostgreSQL spells it; `kind` is `f`, `p`, `u`, `x` or `i`.

    `attached` are statements for what hangs on it, as comments; `tablespace` is where it lies;
    `rows` is about how many the load puts into its table.
    """

    kind: str
    table: str
    name: str
    definition: str
    attached: tuple[str, ...] = ()
    tablespace: str | None = None
    rows: int = 0


def definitions(plan: Plan) -> list[Definition]:
    """List what a bulk load takes down, in the order of dropping: foreign keys first."""
    tables = [plan.destination.by_name[table.name] for table in plan.tables]
    keys = list(itertools.chain.from_iterable(map(_constraints, tables)))
    foreign = [key for key in keys if key.kind == "f"]
    others = [key for key in keys if key.kind in "pux"]
    return [*foreign, *others, *itertools.chain.from_iterable(map(_indexes, tables))]


def _constraints(table: Table) -> Iterator[Definition]:
    for key in table.constraints:
        yield Definition(key.kind, table.name, key.name, key.definition)


def _indexes(table: Table) -> Iterator[Definition]:
    """Yield the indexes that are behind no constraint."""
    backing = {key.index for key in table.constraints}
    for index in table.indexes:
        if index.name not in backing:
            yield Definition("i", table.name, index.name, index.definition)


def partitioned(destination: Connection, schema: str) -> frozenset[str]:
    """Return the tables whose rows lie in partitions, each with indexes of its own beneath theirs.

    One definition does not tell all of these, so they stay. Foreign keys from and to such a table
    are held against the rows as they are added: validated later, they would be in part only.
    """
    return frozenset(name for (name,) in destination.execute(PARTITIONED, [schema]))


def take_down(destination: Connection, plan: Plan, chunks: Sequence[Chunk], mode: str) -> None:
    """Record and drop them in one transaction; what other objects depend on stays.

    A stream does without the foreign keys only of tables that refer to each other in a circle.
    """
    schema = plan.destination.schema
    with destination.transaction():
        hanging, parted = Attached(destination, schema), partitioned(destination, schema)
        down = [
            Definition(
                item.kind, item.table, item.name, item.definition,
                tuple(hanging.statements(item.table, item.name)), hanging.tablespace(item.name),
            )
            for item in (_in_the_way(plan, chunks, parted) if mode == "bulk" else _circular(plan))
        ]  # fmt: skip
        drops = [
            Attempt((dropping(schema, item.kind, item.table, item.name), _noting(plan, n, item)))
            for n, item in enumerate(down)
        ]
        for failed in attempt(destination, drops):
            if failed.state != DEPENDED_ON:
                raise LoadFailed(
                    f"`{down[failed.place].name}` was not taken down for the load",
                    failed.said,
                    "mend that, then run the same command again; nothing was taken down",
                )


def _in_the_way(
    plan: Plan, chunks: Sequence[Chunk], parted: frozenset[str]
) -> Iterator[Definition]:
    """Yield what makes a load slow.

    The primary key of a table in many chunks stays: without it, each costs a look at all rows that
    are there already. So do indexes over partitions.
    """
    counted = Counter(chunk.table for chunk in chunks)
    for item in definitions(plan):
        stays = item.table in parted or (item.kind == "p" and counted[item.table] > FEW)
        if item.kind == "f" or not stays:
            yield item


def _circular(plan: Plan) -> Iterator[Definition]:
    """Yield the foreign keys for which no order of the tables is right."""
    return (item for item in definitions(plan) if item.kind == "f" and item.table in plan.cyclic)


def _noting(plan: Plan, position: int, item: Definition) -> str:
    """Return the statement that records what is taken down."""
    also = ", ".join(map(literal, item.attached))
    texts = (item.kind, item.table, item.name, item.definition)
    space = "null" if item.tablespace is None else literal(item.tablespace)
    return (
        "insert into _migration.definition (digest, position, kind, table_name, name, definition, "
        f"attached, tablespace) values ({literal(plan.digest)}, {position}, "
        f"{', '.join(map(literal, texts))}, array[{also}]::text[], {space})"
    )


def pending(destination: Connection, digest: str) -> list[Definition]:
    """List what is still down, in the order of putting back: of large tables first."""
    found = destination.execute(
        "select kind, table_name, name, definition, attached, tablespace, "
        "coalesce((select sum(c.size) from _migration.chunk c "
        "where c.digest = d.digest and c.table_name = d.table_name), 0)::bigint "
        "from _migration.definition d where digest = %s and rebuilt_at is null "
        "order by 7 desc, position desc",
        [digest],
    )
    return [
        Definition(kind, table, name, definition, tuple(also), space, rows)
        for kind, table, name, definition, also, space, rows in found
    ]


def compare(destination: Connection, plan: Plan) -> None:
    """Hold the destination's tables against those the plan was compiled for.

    Raises:
        CatalogChanged: naming the tables that differ.
    """
    changed = answered(changed_tables(destination, plan))
    if changed:
        raise CatalogChanged(
            "the destination's tables are not as the plan knows them",
            f"different columns, keys or indexes on {', '.join(changed)}",
            "compare them with `\\d` and the project's migrations, then compile and load again",
        )


def changed_tables(destination: Connection, plan: Plan) -> Line[list[str]]:
    """Find the tables of a plan that are not as it was compiled for."""
    live = yield from catalogs.reading(destination, plan.destination.schema)
    return [
        table.name
        for table in plan.tables
        if live.by_name.get(table.name) != plan.destination.by_name[table.name]
    ]
