"""The chunks of a load as the destination records them: what waits, what was moved.

A row of `_migration.chunk` is written in the transaction that moves its chunk; its lock is what
keeps two workers from the same chunk, wherever they run.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from handrail.transfer.session.asking import Line, rows
from handrail.transfer.session.connection import Connection

KEY = "table_name, number, lower, upper, size"
CAME_TO = "rows, hash_sum, quarantined, adjusted"


@dataclass(frozen=True)
class Chunk:
    """The rows of one table whose key is in `[lower, upper)`, open at an end that is None.

    `size` is about how many rows of the source these are.
    """

    table: str
    number: int
    lower: str | None
    upper: str | None
    size: int


@dataclass(frozen=True)
class Sums:
    """What a range of rows comes to, on either side: count and order-free hash sum."""

    rows: int
    hash_sum: str


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


def plan_chunks(session: Connection, digest: str, chunks: Sequence[Chunk]) -> None:
    """Write down what is to be moved."""
    with session.cursor() as cursor:
        cursor.executemany(
            f"insert into _migration.chunk (digest, {KEY}) values (%s, %s, %s, %s, %s, %s)",
            [(digest, *astuple(each)) for each in chunks],
        )


def waiting(session: Connection, digest: str, tables: Sequence[str]) -> list[Chunk]:
    """List the chunks of some tables that were not moved yet."""
    found = session.execute(
        f"select {KEY} from _migration.chunk where digest = %s and table_name = any(%s) "
        "and loaded_at is null order by table_name, number",
        [digest, list(tables)],
    )
    return [Chunk(*row) for row in found]


def claim(session: Connection, digest: str, tables: Sequence[str]) -> Line[Chunk | None]:
    """Take the largest waiting chunk that nobody else holds; its transaction holds it then.

    The largest first: so no worker ends long after the others.
    """
    found = yield from rows(
        session,
        f"select {KEY} from _migration.chunk where digest = %s and table_name = any(%s) "
        "and loaded_at is null order by size desc, table_name, number "
        "limit 1 for update skip locked",
        digest, list(tables),
    )  # fmt: skip
    return Chunk(*found[0]) if found else None


def moved(session: Connection, digest: str, tables: Sequence[str]) -> list[Moved]:
    """List the chunks of some tables that were moved, with what they came to."""
    found = session.execute(
        f"select {KEY}, {CAME_TO} from _migration.chunk where digest = %s "
        "and table_name = any(%s) and loaded_at is not null order by table_name, number",
        [digest, list(tables)],
    )
    return [Moved(Chunk(*row[:5]), Expected(Sums(*row[5:7]), *row[7:])) for row in found]


def record(session: Connection, done: Moved, digest: str, snapshot: str) -> Line[None]:
    """Write what a chunk came to, in the transaction that moves its rows."""
    chunk, expected = done.chunk, done.expected
    yield from rows(
        session,
        f"update _migration.chunk set snapshot = %s, loaded_at = now(), ({CAME_TO}) = "
        "(%s, %s, %s, %s) where digest = %s and table_name = %s and number = %s",
        snapshot, expected.sums.rows, expected.sums.hash_sum, expected.quarantined,
        expected.adjusted, digest, chunk.table, chunk.number,
    )  # fmt: skip
