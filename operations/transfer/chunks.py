"""Cut tables into ranges of their key, and move one range in one transaction of the destination."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import psycopg

from operations.clients.errors import ClientError
from operations.transfer.plan import TablePlan
from operations.transfer.quoting import literal, quoted
from operations.transfer.session import Connection, first_line
from operations.transfer.stream import copy_rows

CHUNK_ROWS = 100_000
# A join over the whole table is paid once per chunk, so such tables get larger ones.
JOINED_CHUNK_ROWS = 1_000_000


@dataclass(frozen=True)
class Chunk:
    """The rows of one table whose key is in `[lower, upper)`, open at an end that is None."""

    table: str
    number: int
    lower: str | None
    upper: str | None


@dataclass(frozen=True)
class Sums:
    """What a range of rows comes to, on either side: count and two order-free hash sums."""

    rows: int
    hash_0: str
    hash_1: str


@dataclass(frozen=True)
class Expected:
    """What a supply holds for one chunk: rows to move, and how many were kept out or changed."""

    sums: Sums
    quarantined: int
    adjusted: int


@dataclass(frozen=True)
class Moved:
    """One chunk that is now on the destination."""

    chunk: Chunk
    expected: Expected


class Supply(Protocol):
    """Where rows come from: the live source, or the files of an export."""

    name: str
    text_hashes: bool

    def cut(self, table: TablePlan) -> list[Chunk]:
        """Cut a table into chunks."""

    def expected(self, table: TablePlan, chunk: Chunk) -> Expected:
        """Say what the chunk comes to."""

    def rows(self, destination: Connection, table: TablePlan, chunk: Chunk) -> None:
        """Copy the chunk's rows into the destination table."""

    def evidence(
        self, destination: Connection, table: TablePlan, chunk: Chunk, expected: Expected
    ) -> None:
        """Copy what was kept out and changed into `_migration`."""

    def highest(self, table: TablePlan, column: str) -> int | None:
        """Return the highest number this column ever held on the source, kept out or not."""


class LoadFailed(ClientError):
    """A chunk could not be moved; the destination is as it was before that chunk."""


class LiveSupply:
    """Rows from a session inside one snapshot of the source."""

    def __init__(
        self, session: Connection, snapshot: str, *, text: bool, chunk_rows: int | None
    ) -> None:
        self.session = session
        self.name = snapshot
        self.text_hashes = text
        self.chunk_rows = chunk_rows

    def cut(self, table: TablePlan) -> list[Chunk]:
        """Cut a table into chunks of about as many rows; one without a usable key is one chunk."""
        if table.key_source is None:
            return [Chunk(table.name, 0, None, None)]
        size = self.chunk_rows or (JOINED_CHUNK_ROWS if table.joins else CHUNK_ROWS)
        key = quoted(table.key_source)
        source = f"{quoted(table.source_schema)}.{quoted(table.source)}"
        numbered = f"select {key} as k, row_number() over (order by {key}) as n from {source}"
        found = self.session.execute(
            f"select k::text from ({numbered}) t where n > 1 and (n - 1) % {size} = 0 order by n"
        )
        edges = [None, *(row[0] for row in found), None]
        pairs = itertools.pairwise(edges)
        return [
            Chunk(table.name, number, lower, upper) for number, (lower, upper) in enumerate(pairs)
        ]

    def expected(self, table: TablePlan, chunk: Chunk) -> Expected:
        """Count and hash the chunk's mapped rows."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        row = self.session.execute(table.source_sums(where, text=self.text_hashes)).fetchone() or ()
        return Expected(Sums(*row[:3]), row[3], row[4])

    def rows(self, destination: Connection, table: TablePlan, chunk: Chunk) -> None:
        """Stream the chunk's mapped rows."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        copy_rows(self.session, destination, table.rows(where), f"{table.target} ({table.names})")

    def evidence(
        self, destination: Connection, table: TablePlan, chunk: Chunk, expected: Expected
    ) -> None:
        """Stream the rows kept out and the values changed."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        label = f"{literal(table.name)}, {chunk.number}"
        if expected.quarantined:
            listing = (
                f"select {label}, {literal(table.source)}, q.key, q.reason, q.row_data "
                f"from ({table.quarantined(where)}) q"
            )
            copy_rows(self.session, destination, listing, "_migration.quarantine", form="text")
        if expected.adjusted:
            listing = f"select {label}, a.* from ({table.adjusted(where)}) a"
            copy_rows(self.session, destination, listing, "_migration.adjusted", form="text")

    def highest(self, table: TablePlan, column: str) -> int | None:
        """Ask the source for the highest value of the column it is copied from."""
        found = next(item for item in table.columns if item.name == column)
        if found.source is None or not found.exact:
            return None
        source = f"{quoted(table.source_schema)}.{quoted(table.source)}"
        row = self.session.execute(f"select max({quoted(found.source)}) from {source}").fetchone()
        return row[0] if row else None


def target_sums(session: Connection, table: TablePlan, chunk: Chunk, *, text: bool) -> Sums:
    """Return what the chunk's rows on the destination come to."""
    where = table.span(chunk.lower, chunk.upper, source=False)
    return Sums(*(session.execute(table.target_sums(where, text=text)).fetchone() or ()))


def move(
    supply: Supply,
    destination: Connection,
    table: TablePlan,
    chunk: Chunk,
    digest: str,
    *,
    before_commit: Callable[[Chunk], None] | None = None,
) -> Moved:
    """Replace the chunk's rows on the destination by the supply's, and record it, all or nothing.

    Args:
        supply: Where the rows come from.
        destination: Session; the work is one transaction of it, or part of the one it is in.
        table: Plan of the chunk's table.
        chunk: Range to move.
        digest: Digest of the plan, under which the chunk is recorded.
        before_commit: Called with everything done and nothing committed.

    Raises:
        LoadFailed: the destination refused a row, or holds other rows than were read.
    """
    try:
        with destination.transaction():
            expected = supply.expected(table, chunk)
            destination.execute("set constraints all deferred")
            _clear(destination, table, chunk)
            supply.rows(destination, table, chunk)
            found = target_sums(destination, table, chunk, text=supply.text_hashes)
            if found != expected.sums:
                raise LoadFailed(
                    f"chunk {chunk.number} of `{table.name}` was not moved",
                    f"{expected.sums.rows} rows read, {found.rows} there, or some arrived changed",
                    "look there for triggers and rounding types, then run the same command again",
                )
            supply.evidence(destination, table, chunk, expected)
            moved = Moved(chunk, expected)
            _record(destination, moved, digest, supply.name)
            if before_commit is not None:
                before_commit(chunk)
    except psycopg.Error as error:
        raise LoadFailed(
            f"chunk {chunk.number} of `{table.name}` was not moved",
            first_line(error),
            "run the preflight, mend what it names, then the same command: it resumes here",
        ) from error
    return moved


def _clear(destination: Connection, table: TablePlan, chunk: Chunk) -> None:
    """Take away what the chunk's range holds, and what an earlier attempt recorded of it."""
    where = table.span(chunk.lower, chunk.upper, source=False)
    destination.execute(f"delete from {table.target} where {where}")
    for evidence in ("quarantine", "adjusted"):
        destination.execute(
            f"delete from _migration.{evidence} where table_name = %s and chunk = %s",
            [table.name, chunk.number],
        )


def _record(destination: Connection, moved: Moved, digest: str, snapshot: str) -> None:
    """Write the chunk's row, in the transaction that moves its rows."""
    chunk, expected = moved.chunk, moved.expected
    destination.execute(
        "update _migration.chunk set snapshot = %s, rows = %s, quarantined = %s, adjusted = %s, "
        "hash_0 = %s, hash_1 = %s, loaded_at = now() "
        "where digest = %s and table_name = %s and number = %s",
        [snapshot, expected.sums.rows, expected.quarantined, expected.adjusted,
         expected.sums.hash_0, expected.sums.hash_1, digest, chunk.table, chunk.number],
    )  # fmt: skip
