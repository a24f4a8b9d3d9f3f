"""What moves the chunks that wait: small tables together, the others one by one or side by side."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from handrail.transfer.load.batches import Batches
from handrail.transfer.load.chunks import LoadFailed, Supply, move
from handrail.transfer.load.worker_pool import WorkerPool
from handrail.transfer.read import journal
from handrail.transfer.read.journal import Chunk, Moved
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan


def batches_of(plan: Plan, supply: Supply, session: Connection) -> Batches | None:
    """Return the small tables, unless the rows of a transaction are asked for, or are in files."""
    if not isinstance(supply, LiveSupply) or supply.chunk_rows is not None:
        return None
    return Batches(plan, supply, session)


@dataclass(frozen=True)
class Moving:
    """What moves the waiting chunks of some tables, and what is called before each is there."""

    plan: Plan
    supply: Supply
    session: Connection
    batches: Batches | None
    pool: WorkerPool | None
    before_commit: Callable[[Chunk], None] | None

    def gather(self) -> None:
        """Start the processes, so that they are ready when the first chunk is; if any is large."""
        if self.pool is not None and len(self.small) < len(self.plan.tables):
            self.pool.gather()

    @property
    def small(self) -> Mapping[str, int]:
        """Return the tables that are moved together, with their bytes."""
        return self.batches.small if self.batches is not None else {}

    def groups(self, mode: str) -> list[list[str]]:
        """List tables that need not wait for others: all, while no foreign key is in the way.

        Small ones go together all the same: within a transaction, a key is asked at its end.
        """
        names = [table.name for table in self.plan.tables]
        if mode == "bulk":
            return [names]
        small = self.small
        runs = itertools.groupby(names, lambda name: "" if name in small else name)
        return [list(run) for _, run in runs]

    def all(self, tables: list[str], filled: Callable[[str], None]) -> Iterator[Moved]:
        """Move the chunks that wait, and yield each as it is done.

        Args:
            tables: Whose chunks.
            filled: Called with a table when the last of its chunks is there.
        """
        waiting = journal.waiting(self.session, self.plan.digest, tables)
        left = Counter(chunk.table for chunk in waiting)
        for done in self._each(waiting, tables):
            left[done.chunk.table] -= 1
            if not left[done.chunk.table]:
                filled(done.chunk.table)
            yield done

    def _each(self, waiting: list[Chunk], tables: list[str]) -> Iterator[Moved]:
        """Move them, small tables first."""
        left = sorted(waiting, key=lambda chunk: (tables.index(chunk.table), chunk.number))
        for done in self._small(left):
            left.remove(done.chunk)
            yield done
        if self.pool and len(left) > 1:
            yield from self.pool.move(self.session, tables)
            return
        for each in left:
            yield move(
                self.supply, self.session, self.plan.table(each.table), each, self.plan.digest,
                before_commit=self.before_commit,
            )  # fmt: skip

    def _small(self, left: list[Chunk]) -> Iterator[Moved]:
        if self.batches is not None:
            small = [chunk for chunk in left if chunk.table in self.small]
            yield from self.batches.move(small, self.before_commit)


def hold_limits(session: Connection, plan: Plan, tables: Sequence[str]) -> None:
    """Stop when more rows were kept out than declared: the source may change after a preflight."""
    found = session.execute(
        "select table_name, coalesce(sum(quarantined), 0)::bigint, "
        "coalesce(sum(rows + quarantined), 0)::bigint "
        "from _migration.chunk where digest = %s and table_name = any(%s) group by 1 order by 1",
        [plan.digest, list(tables)],
    )
    for name, kept_out, rows in found:
        table = plan.table(name)
        if kept_out > table.limit.of(rows):
            raise LoadFailed(
                f"`{name}` is not loaded to its end",
                f"{kept_out} of {rows} rows were kept out, {table.limit} may be",
                f"look at `_migration.quarantine`; mend the rows or raise the limit at "
                f"{table.place}",
            )
