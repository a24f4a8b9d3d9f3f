"""Small tables together: one transaction of the destination, a few round trips for all of them.

Each is still hashed on both sides and recorded in the transaction that moves it. What the
destination does not take like this is left to be moved alone, which tells of it by name.
"""

from collections.abc import Callable, Iterator, Sequence

import psycopg

from handrail.transfer.load.chunks import preparing, target_sums
from handrail.transfer.read import journal
from handrail.transfer.read.journal import Chunk, Moved
from handrail.transfer.read.live import LiveSupply, Read
from handrail.transfer.read.sizes import small_tables
from handrail.transfer.session.asking import Line, Rows, rows, side_by_side, together
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan

BATCH_BYTES = 4 * 1024 * 1024
QUARANTINE = ("text", "int", "text", "text", "text", "jsonb")
ADJUSTED = ("text", "int", *["text"] * 6)


class NotTogether(Exception):
    """Some rows are not there as they were read: each chunk is moved alone."""


class Batches:
    """The small tables of a load.

    Args:
        plan: The compiled mapping.
        supply: A snapshot of the source.
        destination: Session on the destination.
    """

    def __init__(self, plan: Plan, supply: LiveSupply, destination: Connection) -> None:
        self._plan = plan
        self._supply = supply
        self._destination = destination
        self.small = small_tables(plan, supply.session)  # by name, their bytes

    def move(
        self, chunks: Sequence[Chunk], before_commit: Callable[[Chunk], None] | None
    ) -> Iterator[Moved]:
        """Move chunks of small tables, in their order, and yield those that were moved."""
        batch: list[Chunk] = []
        for chunk in chunks:
            if sum(self.small[each.table] for each in [*batch, chunk]) > BATCH_BYTES:
                yield from self._move(batch, before_commit)
                batch = []
            batch.append(chunk)
        yield from self._move(batch, before_commit)

    def _move(
        self, chunks: list[Chunk], before_commit: Callable[[Chunk], None] | None
    ) -> list[Moved]:
        """Move them all, or none."""
        if not chunks:
            return []
        try:
            with self._supply.session.transaction():
                found = together([self._read(chunk) for chunk in chunks])
            return self._put(found, before_commit)
        except (psycopg.Error, NotTogether):
            if self._destination.broken or self._supply.session.broken:
                raise
            return []

    def _read(self, chunk: Chunk) -> Line[Read]:
        return self._supply.read(self._plan.table(chunk.table), chunk)

    def _put(self, found: list[Read], before_commit: Callable[[Chunk], None] | None) -> list[Moved]:
        destination = self._destination
        with destination.transaction():
            together([*preparing(destination), *(self._arriving(each) for each in found)])
            if before_commit is not None:
                for each in found:
                    before_commit(each.chunk)
        return [Moved(each.chunk, each.expected) for each in found]

    def _arriving(self, read: Read) -> Line[None]:
        """Insert the rows of one chunk, see that they are there, and record it.

        Raises:
            NotTogether: other rows are there than were read.
        """
        table = self._plan.table(read.chunk.table)
        there = self._plan.destination.by_name[table.name].by_name
        columns = [there[column.name] for column in table.columns]
        types = [
            known.type if known.type == column.type else known.declared
            for known, column in zip(columns, table.columns, strict=True)
        ]
        target = f"{table.target} ({table.names}) overriding system value"
        text = self._supply.text_hashes
        _, found = yield from side_by_side(
            [
                inserting(self._destination, target, types, read.rows),
                target_sums(self._destination, table, read.chunk, text=text),
            ]
        )
        if found != read.expected.sums:
            raise NotTogether
        done = Moved(read.chunk, read.expected)
        yield from side_by_side(
            [
                inserting(self._destination, "_migration.quarantine", QUARANTINE, read.kept_out),
                inserting(self._destination, "_migration.adjusted", ADJUSTED, read.adjusted),
                journal.record(self._destination, done, self._plan.digest, self._supply.name),
            ]
        )


def inserting(
    destination: Connection, target: str, types: Sequence[str], found: Rows
) -> Line[Rows]:
    """Insert rows of texts, each read by the type of its column as COPY reads it."""
    if not found:
        return []
    names = [f"c{number}" for number, _ in enumerate(types)]
    values = ", ".join(f"r.{name}::{kind}" for name, kind in zip(names, types, strict=True))
    insert = f"insert into {target} select {values}".replace("%", "%%")
    marks = ", ".join(["%s::text[]"] * len(types))
    query = f"{insert} from unnest({marks}) r({', '.join(names)})"
    columns = [list(column) for column in zip(*found, strict=True)]
    return (yield from rows(destination, query, *columns))
