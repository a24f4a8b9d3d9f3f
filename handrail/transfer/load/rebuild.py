"""Put back what a bulk load took down: keys and indexes, and what hung on them.

Whatever the rows do not fit keeps nothing else from being built, so that a load that fails leaves
a table without that one thing only; the next attempt tries it again.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from handrail.transfer.load.bulk import (
    CatalogChanged,
    Definition,
    compare,
    partitioned,
    pending,
)
from handrail.transfer.session.connection import Connection, connect, first_line, with_own_path
from handrail.transfer.session.quoting import qualified, quoted
from handrail.transfer.sql.plan import Plan

# Index builds sort in memory up to this; small servers have little.
BUILD_MEMORY = "256MB"


def put_back(destination: Connection, plan: Plan, url: str, builders: int) -> int:
    """Build everything again, gather statistics and compare the catalogs.

    What cannot be built keeps nothing else from it: a table is left without that one thing only,
    and the next attempt tries that again.

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
    tables = list(dict.fromkeys([item.table for item in down] + [t.name for t in plan.tables]))
    rebuilding = _Rebuilding(plan.destination.schema, plan.digest, down)
    _side_by_side(url, builders, rebuilding.build, tables)
    with destination.transaction():
        rebuilding.add_foreign_keys(destination)
    _side_by_side(url, builders, rebuilding.validate, tables)
    rebuilding.refuse_failed()
    compare(destination, plan)
    return len(down)


def put_back_empty(destination: Connection, schema: str, digest: str) -> None:
    """Build what another load took down of tables that were emptied: its rows give way.

    Raises:
        CatalogChanged: PostgreSQL did not take a definition.
    """
    down = pending(destination, digest)
    rebuilding = _Rebuilding(schema, digest, down)
    tables = dict.fromkeys(item.table for item in down)
    for table in tables:
        rebuilding.build(destination, table)
    rebuilding.add_foreign_keys(destination)
    for table in tables:
        rebuilding.validate(destination, table)
    rebuilding.refuse_failed()


class _Rebuilding:
    """One attempt to build what is down; `failed` grows with what PostgreSQL did not take."""

    def __init__(self, schema: str, digest: str, down: list[Definition]) -> None:
        self.schema = schema
        self.digest = digest
        self.down = down
        self.failed: list[CatalogChanged] = []

    def build(self, session: Connection, table: str) -> None:
        """Build keys and indexes of one table, each by itself, and gather its statistics."""
        for item in self.down:
            if item.table == table and item.kind != "f":
                with self.alone(session, item):
                    session.execute(_statement(self.schema, item))
                    self.finish(session, item)
        with self.own_path(session):
            session.execute(f"analyze {qualified(self.schema, table)}")

    def add_foreign_keys(self, session: Connection) -> None:
        """Add the keys that an earlier attempt did not, for new rows only: that takes no time.

        Each locks two tables, so they are added by one session; validated they can be by several.
        """
        there = "select 1 from pg_constraint where conrelid = to_regclass(%s) and conname = %s"
        later = not partitioned(session, self.schema)
        for item in (each for each in self.down if each.kind == "f"):
            table = qualified(self.schema, item.table)
            if session.execute(there, [table, item.name]).fetchone() is None:
                with self.alone(session, item):
                    session.execute(_statement(self.schema, item, later=later))

    def validate(self, session: Connection, table: str) -> None:
        """Hold the rows of one table against its foreign keys."""
        failed = {str(each) for each in self.failed}
        check = f"alter table {qualified(self.schema, table)} validate constraint"
        for item in self.down:
            if item.table == table and item.kind == "f" and not _told_of(item, failed):
                with self.alone(session, item):
                    if not item.definition.endswith("NOT VALID"):
                        session.execute(f"{check} {quoted(item.name)}")
                    self.finish(session, item)

    @contextmanager
    def alone(self, session: Connection, item: Definition) -> Iterator[None]:
        """Do something about one definition in a transaction of its own, or note that it failed."""
        try:
            with told(item), self.own_path(session):
                if item.tablespace is not None:
                    session.execute(f"set local default_tablespace = {quoted(item.tablespace)}")
                yield
        except CatalogChanged as error:
            if session.broken:
                raise
            self.failed.append(error)

    @contextmanager
    def own_path(self, session: Connection) -> Iterator[None]:
        """Give a transaction the names that the functions of indexes and keys are used to."""
        with session.transaction():
            session.execute(with_own_path(session))
            yield

    def finish(self, session: Connection, item: Definition) -> None:
        """Put back what hangs on one, and write that it is back, in the transaction that did so."""
        for statement in item.attached:
            session.execute(statement)
        session.execute(
            "update _migration.definition set rebuilt_at = now() "
            "where digest = %s and kind = %s and table_name = %s and name = %s",
            [self.digest, item.kind, item.table, item.name],
        )

    def refuse_failed(self) -> None:
        """Raise the first failure, with the number of the others."""
        if self.failed:
            first, *others = self.failed
            more = f"; {len(others)} more could not, for reasons of their own" if others else ""
            raise CatalogChanged(first.what, first.why + more, first.fix) from first


def _told_of(item: Definition, failed: set[str]) -> bool:
    return any(text.startswith(f"`{item.name}` on `{item.table}` ") for text in failed)


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


def _statement(schema: str, item: Definition, *, later: bool = False) -> str:
    """Return what makes a definition; `later`, rows are held against it by another statement."""
    if item.kind == "i":
        return item.definition
    table = qualified(schema, item.table)
    suffix = " not valid" if later and not item.definition.endswith("NOT VALID") else ""
    return f"alter table {table} add constraint {quoted(item.name)} {item.definition}{suffix}"
