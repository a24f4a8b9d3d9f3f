"""Take keys and indexes down for a load, and put back exactly these.

Loading into live foreign keys costs seven times as much, into live indexes four times. The
definitions are recorded in the transaction that drops them, so a kill at any moment leaves them to
be put back.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg.errors import DependentObjectsStillExist

from operations.clients.errors import ClientError
from operations.transfer import catalog as catalogs
from operations.transfer.journal import Chunk
from operations.transfer.plan import Plan
from operations.transfer.quoting import qualified, quoted
from operations.transfer.session import Connection, connect, first_line

# Index builds sort in memory up to this; small servers have little.
BUILD_MEMORY = "256MB"
FEW = 40  # chunks of a table


class CatalogChanged(ClientError):
    """The destination's tables are not bound as they were before the load."""


@dataclass(frozen=True)
class Definition:
    """One constraint or index as PostgreSQL spells it; `kind` is `f`, `p`, `u`, `x` or `i`."""

    kind: str
    table: str
    name: str
    definition: str


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


def take_down(destination: Connection, plan: Plan, chunks: Sequence[Chunk]) -> None:
    """Record and drop them in one transaction; what other objects depend on stays.

    So does the primary key of a table in many chunks: without it, each costs a look at all rows
    that are there already.
    """
    many = {name for name, number in Counter(c.table for c in chunks).items() if number > FEW}
    schema = plan.destination.schema
    with destination.transaction():
        for position, item in enumerate(definitions(plan)):
            if item.kind == "p" and item.table in many:
                continue
            if item.kind == "i":
                drop = f"drop index {qualified(schema, item.name)}"
            else:
                table = qualified(schema, item.table)
                drop = f"alter table {table} drop constraint {quoted(item.name)}"
            with suppress(DependentObjectsStillExist), destination.transaction():
                destination.execute(drop)
                destination.execute(
                    "insert into _migration.definition values (%s, %s, %s, %s, %s, %s)",
                    [plan.digest, position, item.kind, item.table, item.name, item.definition],
                )


def pending(destination: Connection, digest: str) -> list[Definition]:
    """List what is still down, in the order of putting back: of large tables first."""
    rows = destination.execute(
        "select kind, table_name, name, definition from _migration.definition d "
        "where digest = %s and rebuilt_at is null order by (select sum(c.rows) from "
        "_migration.chunk c where c.digest = d.digest and c.table_name = d.table_name) desc, "
        "position desc",
        [digest],
    )
    return [Definition(*row) for row in rows]


def put_back(destination: Connection, plan: Plan, url: str, builders: int) -> int:
    """Build everything again, gather statistics and compare the catalogs.

    Args:
        destination: Session on the destination.
        plan: The compiled mapping.
        url: The same destination's, for more sessions.
        builders: Tables that are worked on side by side.

    Returns:
        How many were built.

    Raises:
        CatalogChanged: a key does not hold over the loaded rows, or something else changed.
    """
    down = pending(destination, plan.digest)
    first = list(dict.fromkeys([item.table for item in down] + [t.name for t in plan.tables]))
    tables = iter(first)

    def build() -> None:
        """Finish one table after the other, while there are any that nobody took."""
        with connect(url, name="destination") as session:
            session.execute(f"set maintenance_work_mem = '{BUILD_MEMORY}'")
            for name in tables:
                with session.transaction():
                    for item in down:
                        if item.table == name and item.kind != "f":
                            _put_one_back(session, plan, item)
                session.execute(f"analyze {qualified(plan.destination.schema, name)}")

    with ThreadPoolExecutor(builders) as pool:
        for builder in [pool.submit(build) for _ in range(builders)]:
            builder.result()
    # Two foreign keys lock four tables, each pair in its own order: one after the other.
    for item in down:
        if item.kind == "f":
            with destination.transaction():
                _put_one_back(destination, plan, item)
    compare(destination, plan)
    return len(down)


def _put_one_back(session: Connection, plan: Plan, item: Definition) -> None:
    try:
        _build(session, plan.destination.schema, item)
        session.execute(
            "update _migration.definition set rebuilt_at = now() "
            "where digest = %s and kind = %s and table_name = %s and name = %s",
            [plan.digest, item.kind, item.table, item.name],
        )
    except psycopg.Error as error:
        raise CatalogChanged(
            f"`{item.name}` on `{item.table}` could not be put back",
            first_line(error),
            "run the preflight: it names the rows; mend them, then run the same command again",
        ) from error


def _build(destination: Connection, schema: str, item: Definition) -> None:
    if item.kind == "i":
        destination.execute(item.definition)
        return
    table, name = qualified(schema, item.table), quoted(item.name)
    later = item.kind == "f" and not item.definition.endswith("NOT VALID")
    # validated on its own: one pass over the table instead of one look-up a row
    suffix = " not valid" if later else ""
    destination.execute(f"alter table {table} add constraint {name} {item.definition}{suffix}")
    if later:
        destination.execute(f"alter table {table} validate constraint {name}")


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
