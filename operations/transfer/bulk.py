"""Take foreign keys and secondary indexes down for a load, and put back exactly these.

Loading into live keys costs seven times as much, into live indexes four times. The definitions are
recorded in the transaction that drops them, so a kill at any moment leaves them to be put back.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from operations.clients.errors import ClientError
from operations.transfer import catalog as catalogs
from operations.transfer.plan import Plan
from operations.transfer.quoting import qualified, quoted
from operations.transfer.session import Connection, connect, first_line

# Index builds sort in memory up to this; small servers have little.
BUILD_MEMORY = "256MB"


class CatalogChanged(ClientError):
    """The destination's tables are not bound as they were before the load."""


@dataclass(frozen=True)
class Definition:
    """One constraint or index as PostgreSQL spells it; `kind` is `f`, `u`, `x` or `i`."""

    kind: str
    table: str
    name: str
    definition: str


def definitions(plan: Plan) -> list[Definition]:
    """List what a bulk load takes down, in the order of dropping: foreign keys first."""
    found: list[Definition] = []
    tables = [plan.destination.by_name[table.name] for table in plan.tables]
    for kinds in ("f", "ux"):
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


def take_down(destination: Connection, plan: Plan) -> int:
    """Record and drop them in one transaction; return how many."""
    found = definitions(plan)
    schema = plan.destination.schema
    with destination.transaction():
        for position, item in enumerate(found):
            destination.execute(
                "insert into _migration.definition values (%s, %s, %s, %s, %s, %s)",
                [plan.digest, position, item.kind, item.table, item.name, item.definition],
            )
            if item.kind == "i":
                destination.execute(f"drop index {qualified(schema, item.name)}")
            else:
                table = qualified(schema, item.table)
                destination.execute(f"alter table {table} drop constraint {quoted(item.name)}")
    return len(found)


def pending(destination: Connection, digest: str) -> list[Definition]:
    """List what is still down, in the order of putting back: foreign keys last."""
    rows = destination.execute(
        "select kind, table_name, name, definition from _migration.definition "
        "where digest = %s and rebuilt_at is null order by position desc",
        [digest],
    )
    return [Definition(*row) for row in rows]


def put_back(destination: Connection, plan: Plan, url: str, builders: int) -> int:
    """Build each again, one transaction each, gather statistics and compare the catalogs.

    Args:
        destination: Session on the destination.
        plan: The compiled mapping.
        url: The same destination's, for more sessions.
        builders: Indexes that are built side by side.

    Returns:
        How many were built.

    Raises:
        CatalogChanged: a key does not hold over the loaded rows, or something else changed.
    """
    down = pending(destination, plan.digest)
    with ThreadPoolExecutor(builders) as pool:
        list(pool.map(lambda item: _rebuild(url, plan, item), [i for i in down if i.kind != "f"]))
        # Two foreign keys lock four tables, each pair in its own order: one after the other.
        statistics = pool.submit(_analyze, url, plan) if builders > 1 else None
        for item in down:
            if item.kind == "f":
                _rebuild(url, plan, item)
        if statistics is None:
            _analyze(url, plan)
        else:
            statistics.result()
    compare(destination, plan)
    return len(down)


def _analyze(url: str, plan: Plan) -> None:
    with connect(url, name="destination") as session:
        session.execute(f"analyze {', '.join(table.target for table in plan.tables)}")


def _rebuild(url: str, plan: Plan, item: Definition) -> None:
    try:
        with connect(url, name="destination") as session:
            session.execute(f"set maintenance_work_mem = '{BUILD_MEMORY}'")
            with session.transaction():
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
