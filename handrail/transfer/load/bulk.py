"""Take keys and indexes down for a load, and put back exactly these.

Loading into live foreign keys costs seven times as much, into live indexes four times. The
definitions are recorded in the transaction that drops them, so a kill at any moment leaves them to
be put back.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg.errors import DependentObjectsStillExist

from handrail.clients.errors import ClientError
from handrail.transfer.read.journal import Chunk
from handrail.transfer.session.connection import Connection, connect, first_line
from handrail.transfer.session.quoting import qualified, quoted
from handrail.transfer.sql import catalog as catalogs
from handrail.transfer.sql.plan import Plan

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
    schema = plan.destination.schema

    def build(session: Connection, table: str) -> None:
        with session.transaction():
            for item in down:
                if item.table == table and item.kind != "f":
                    with told(item):
                        session.execute(_statement(schema, item))
                    _record(session, plan, item)
        session.execute(f"analyze {qualified(schema, table)}")

    def validate(session: Connection, table: str) -> None:
        for item in down:
            if item.table == table and item.kind == "f":
                check = f"alter table {qualified(schema, table)} validate constraint"
                with session.transaction():
                    if not item.definition.endswith("NOT VALID"):
                        with told(item):
                            session.execute(f"{check} {quoted(item.name)}")
                    _record(session, plan, item)

    tables = list(dict.fromkeys([item.table for item in down] + [t.name for t in plan.tables]))
    _side_by_side(url, builders, build, tables)
    _add_foreign_keys(destination, schema, [item for item in down if item.kind == "f"])
    _side_by_side(url, builders, validate, tables)
    compare(destination, plan)
    return len(down)


def _side_by_side(
    url: str, number: int, work: Callable[[Connection, str], None], tables: list[str]
) -> None:
    """Do something for every table, in several sessions."""
    left = iter(tables)

    def take() -> None:
        with connect(url, name="destination") as session:
            session.execute(f"set maintenance_work_mem = '{BUILD_MEMORY}'")
            if number > 1:  # these are the parallel workers already
                session.execute("set max_parallel_maintenance_workers = 0")
            for table in left:
                work(session, table)

    with ThreadPoolExecutor(number) as pool:
        for done in [pool.submit(take) for _ in range(number)]:
            done.result()


def _add_foreign_keys(destination: Connection, schema: str, keys: list[Definition]) -> None:
    """Add the keys that an earlier attempt did not, for new rows only: that takes no time.

    Each locks two tables, so they are added by one session; validated they can be by several.
    """
    there = "select 1 from pg_constraint where conrelid = to_regclass(%s) and conname = %s"
    with destination.transaction():
        for item in keys:
            table = qualified(schema, item.table)
            if destination.execute(there, [table, item.name]).fetchone() is None:
                with told(item):
                    destination.execute(_statement(schema, item))


@contextmanager
def told(item: Definition) -> Iterator[None]:
    """Turn a definition that the rows do not fit into a refusal.

    Raises:
        CatalogChanged: PostgreSQL did not take it.
    """
    try:
        yield
    except psycopg.Error as error:
        raise CatalogChanged(
            f"`{item.name}` on `{item.table}` could not be put back",
            first_line(error),
            "run the preflight: it names the rows; mend them, then run the same command again",
        ) from error


def _record(session: Connection, plan: Plan, item: Definition) -> None:
    """Write that one is back, in the transaction that put it there."""
    session.execute(
        "update _migration.definition set rebuilt_at = now() "
        "where digest = %s and kind = %s and table_name = %s and name = %s",
        [plan.digest, item.kind, item.table, item.name],
    )


def _statement(schema: str, item: Definition) -> str:
    """Return what makes a definition; a foreign key is not held against the rows by it."""
    if item.kind == "i":
        return item.definition
    later = item.kind == "f" and not item.definition.endswith("NOT VALID")
    table = qualified(schema, item.table)
    suffix = " not valid" if later else ""
    return f"alter table {table} add constraint {quoted(item.name)} {item.definition}{suffix}"


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
