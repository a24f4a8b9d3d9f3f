"""Put back what a bulk load took down: keys and indexes, and what hung on them.

Whatever the rows do not fit keeps nothing else from being built, so that a load that fails leaves
a table without that one thing only; the next attempt tries it again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Self

from handrail.transfer.load.attempts import Attempt, attempt
from handrail.transfer.load.builders import Builders
from handrail.transfer.load.bulk import (
    CatalogChanged,
    Definition,
    compare,
    partitioned,
    pending,
)
from handrail.transfer.session.connection import Connection, with_own_path
from handrail.transfer.session.pieces import pieces
from handrail.transfer.session.quoting import literal, qualified, quoted
from handrail.transfer.sql.plan import Plan

FEW_ROWS = 20_000  # of a table that is built together with others, in one round trip
FEW_TABLES = 100
THERE = """
select k.t, k.n from unnest(%s::text[], %s::text[]) k(t, n)
join pg_constraint c on c.conrelid = to_regclass(k.t) and c.conname = k.n
"""


class Rebuild:
    """Everything that a load took down, put back as its tables are filled; for a `with` block.

    What cannot be built keeps nothing else from it: a table is left without that one thing only,
    and the next attempt tries that again.

    Args:
        destination: Session on the destination, once everything is down.
        plan: The compiled mapping.
        url: The same destination's, for more sessions.
        builders: Tables that are worked on side by side.
    """

    def __init__(self, destination: Connection, plan: Plan, url: str, builders: int) -> None:
        down = pending(destination, plan.digest)
        self._destination = destination
        self._plan = plan
        self._work = _Rebuilding(plan.destination.schema, plan.digest, down)
        self._groups = _groups(down, [table.name for table in plan.tables])
        self._left = list(self._groups)
        self._builders = Builders(destination, url, min(builders, len(self._groups)))

    def __enter__(self) -> Self:
        """Build nothing yet."""
        return self

    def __exit__(self, *about: object) -> None:
        """Let what is being built come to its end."""
        self._builders.__exit__(*about)

    def filled(self, table: str) -> None:
        """Begin to build keys and indexes of a table of many rows, while others are moved."""
        if self._builders.several and [table] in self._left:
            self._left.remove([table])
            self._builders.begin(self._work.build, [table])

    def finish(self, meanwhile: Callable[[], None]) -> None:
        """Build everything else, gather statistics and compare the catalogs.

        Args:
            meanwhile: Called while other sessions build, where there are several. It may not touch
                the tables: a transaction that reads many would wait for builders, and they for it.

        Raises:
            CatalogChanged: a key does not hold over the loaded rows, or something else changed.
        """
        for tables in self._left:
            self._builders.begin(self._work.build, tables)
        meanwhile()
        self._builders.wait()
        self._work.add_foreign_keys(self._destination)
        for tables in self._groups:
            self._builders.begin(self._work.validate, tables)
        self._builders.wait()
        self._work.refuse_failed()
        compare(self._destination, self._plan)


def _groups(down: list[Definition], tables: list[str]) -> list[list[str]]:
    """Return tables that are worked on in one go: one with many rows alone, the others together."""
    rows = {item.table: item.rows for item in down}
    large = [name for name, number in rows.items() if number > FEW_ROWS]
    small = [name for name in tables if name not in large]
    return [*([name] for name in large), *pieces(small, FEW_TABLES)]


def put_back_empty(destination: Connection, schema: str, digest: str) -> None:
    """Build what another load took down of tables that were emptied: its rows give way.

    Raises:
        CatalogChanged: PostgreSQL did not take a definition.
    """
    down = pending(destination, digest)
    rebuilding = _Rebuilding(schema, digest, down)
    tables = list(dict.fromkeys(item.table for item in down))
    rebuilding.build(destination, tables)
    rebuilding.add_foreign_keys(destination)
    rebuilding.validate(destination, tables)
    rebuilding.refuse_failed()


class _Rebuilding:
    """One attempt to build what is down; `failed` grows with what PostgreSQL did not take."""

    def __init__(self, schema: str, digest: str, down: list[Definition]) -> None:
        self.schema = schema
        self.digest = digest
        self.down = down
        self.failed: list[CatalogChanged] = []

    @property
    def keys(self) -> list[Definition]:
        """Return the foreign keys that are down."""
        return [item for item in self.down if item.kind == "f"]

    def build(self, session: Connection, tables: list[str]) -> None:
        """Build keys and indexes of some tables, each by itself, and gather statistics."""
        items = [item for item in self.down if item.table in tables and item.kind != "f"]
        self._attempt(session, [(item, (_statement(self.schema, item),)) for item in items])
        self._analyze(session, tables)

    def _analyze(self, session: Connection, tables: list[str]) -> None:
        if tables:
            listing = ", ".join(qualified(self.schema, table) for table in tables)
            session.execute(f"{with_own_path(session)}; analyze {listing}")

    def add_foreign_keys(self, session: Connection) -> None:
        """Add the keys that an earlier attempt did not, for new rows only: that takes no time.

        Each locks two tables, so they are added by one session; validated they can be by several.
        """
        keys = self.keys
        if not keys:
            return
        tables = [qualified(self.schema, item.table) for item in keys]
        names = [item.name for item in keys]
        there = session.execute(THERE, [tables, names]).fetchall()
        later = not partitioned(session, self.schema)
        missing = [
            (item, (_statement(self.schema, item, later=later),))
            for item, table in zip(keys, tables, strict=True)
            if (table, item.name) not in there
        ]
        self._attempt(session, missing, done=False)

    def validate(self, session: Connection, tables: list[str]) -> None:
        """Hold the rows of some tables against their foreign keys."""
        failed = {str(each) for each in self.failed}
        of_tables = (item for item in self.keys if item.table in tables)
        added = (item for item in of_tables if not _told_of(item, failed))
        self._attempt(session, [(item, self._validating(item)) for item in added])

    def _validating(self, item: Definition) -> tuple[str, ...]:
        """Return what holds all rows against a key, unless it was one of new rows only."""
        if item.definition.endswith("NOT VALID"):
            return ()
        table = qualified(self.schema, item.table)
        return (f"alter table {table} validate constraint {quoted(item.name)}",)

    def _attempt(
        self,
        session: Connection,
        items: Sequence[tuple[Definition, tuple[str, ...]]],
        *,
        done: bool = True,
    ) -> None:
        """Do something about some definitions, each alone, and note which failed.

        Args:
            session: On the destination.
            items: Each with its statements. One of many rows has a transaction to itself.
            done: They are back then, with what hangs on them, in the same transaction.
        """
        attempts = [(item, self._attempted(item, own, done=done)) for item, own in items]
        for some in _runs(attempts) if done else [attempts]:
            for failure in attempt(session, [each for _, each in some]):
                self.failed.append(_failed(some[failure.place][0], failure.said))

    def _attempted(self, item: Definition, own: tuple[str, ...], *, done: bool) -> Attempt:
        return Attempt((*own, *(self._finish(item) if done else ())), item.tablespace)

    def _finish(self, item: Definition) -> Iterator[str]:
        """Put back what hangs on one, and write that it is back."""
        yield from item.attached
        key = ("kind", item.kind), ("table_name", item.table), ("name", item.name)
        where = " and ".join(f"{column} = {literal(text)}" for column, text in key)
        yield (
            "update _migration.definition set rebuilt_at = now() "
            f"where digest = {literal(self.digest)} and {where}"
        )

    def refuse_failed(self) -> None:
        """Raise the first failure, with the number of the others."""
        if self.failed:
            first, *others = self.failed
            more = f"; {len(others)} more could not, for reasons of their own" if others else ""
            raise CatalogChanged(first.what, first.why + more, first.fix) from first


def _runs(attempts: list[tuple[Definition, Attempt]]) -> list[list[tuple[Definition, Attempt]]]:
    """Return what is attempted in one transaction each: of many rows alone, all others together."""
    alone = [[each] for each in attempts if each[0].rows > FEW_ROWS]
    return [*alone, [each for each in attempts if each[0].rows <= FEW_ROWS]]


def _told_of(item: Definition, failed: set[str]) -> bool:
    return any(text.startswith(f"`{item.name}` on `{item.table}` ") for text in failed)


def _failed(item: Definition, said: str) -> CatalogChanged:
    return CatalogChanged(
        f"`{item.name}` on `{item.table}` could not be put back",
        said,
        "run the preflight: it names the rows; mend them, then run the same command again",
    )


def _statement(schema: str, item: Definition, *, later: bool = False) -> str:
    """Return what makes a definition; `later`, rows are held against it by another statement."""
    if item.kind == "i":
        return item.definition
    table = qualified(schema, item.table)
    suffix = " not valid" if later and not item.definition.endswith("NOT VALID") else ""
    return f"alter table {table} add constraint {quoted(item.name)} {item.definition}{suffix}"
