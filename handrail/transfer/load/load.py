"""Move all rows of a plan to the destination; killed at any moment, the same call resumes.

Each chunk is one transaction of the destination that holds its rows and the record of it, so the
two agree after a kill of the client, of the server or of the line between them.
"""

import dataclasses
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from handrail.transfer.load import altered, bulk, rebuild
from handrail.transfer.load.admission import LoadRefused, admit, alone, finished
from handrail.transfer.load.chunks import LoadFailed, Supply, told
from handrail.transfer.load.moving import Moving, batches_of, hold_limits
from handrail.transfer.load.sequences import set_sequences
from handrail.transfer.load.stale import refresh
from handrail.transfer.load.worker_pool import WorkerInput, WorkerPool
from handrail.transfer.load.workers import Workers
from handrail.transfer.read import journal, preflight
from handrail.transfer.read.journal import Chunk, Moved
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.connection import Connection, at, connect, reading, value
from handrail.transfer.session.quoting import literal
from handrail.transfer.sql import evidence
from handrail.transfer.sql.plan import Plan


@dataclass(frozen=True)
class TableLoad:
    """What one table came to."""

    table: str
    rows: int
    quarantined: int
    adjusted: int


@dataclass(frozen=True)
class Loaded:
    """What a load did, and what is there now; `snapshot` is None when nothing was moved."""

    digest: str
    mode: str
    snapshot: str | None
    chunks_moved: int
    chunks_unchanged: int
    tables: tuple[TableLoad, ...]
    seconds: float

    @property
    def changed(self) -> bool:
        """Say whether this call moved anything."""
        return self.chunks_moved > 0

    @property
    def rows(self) -> int:
        """Count the rows on the destination that a load put there."""
        return sum(table.rows for table in self.tables)


def is_loaded(destination: str | Connection, digest: str) -> bool:
    """Say whether this plan's load was carried to its end on this destination."""
    with at(destination, name="destination") as session:
        return finished(session, digest)


def is_begun(destination: str) -> bool:
    """Say whether any load was ever begun on this destination."""
    with connect(destination, name="destination") as session:
        return evidence.exists(session)


def mark_of(destination: str | Connection, digest: str) -> str | None:
    """Return the freeze of the source that a load was made of; None where it was not frozen."""
    with at(destination, name="destination") as session:
        # by name, for a load that was made before marks were recorded has no such column
        query = "select to_jsonb(r) ->> 'mark' from _migration.run r where digest = %s"
        row = session.execute(query, [digest]).fetchone()
    return row[0] if row else None


def note_mark(destination: str, digest: str, mark: str | None) -> None:
    """Record that a finished load is now of another freeze of its source."""
    with connect(destination, name="destination") as session:
        evidence.create(session)
        session.execute("update _migration.run set mark = %s where digest = %s", [mark, digest])


def load(
    plan: Plan,
    source: str,
    destination: str,
    *,
    mode: str = "stream",
    chunk_rows: int | None = None,
    preflighted: bool = False,
    record: Path | None = None,
    supersede: bool = False,
    workers: Workers | None = None,
    on_chunk: Callable[[Moved], None] | None = None,
    before_commit: Callable[[Chunk], None] | None = None,
) -> Loaded:
    """Stream every row from the source, from one snapshot.

    Args:
        plan: The compiled mapping.
        source: URL of the legacy database; only read.
        destination: URL of the new database, migrated and empty.
        mode: `stream` into live keys, but for those that go round in a circle; or `bulk` with keys
            and indexes taken down meanwhile.
        chunk_rows: Rows of one transaction; default 100,000.
        preflighted: The caller holds a good preflight of the same rows, so it is not run again.
        record: File of a preflight that may stand, and where else a new one goes.
        supersede: An unfinished load of another mapping gives way, and its rows are taken away.
        workers: Processes that move chunks side by side, as `workers.local(2)`; without
            them chunks are
            moved here, one after the other.
        on_chunk: Called after each chunk is committed.
        before_commit: Called before each chunk is committed here.

    Raises:
        LoadRefused: nothing was written, and why.
        LoadFailed: a chunk could not be moved; what came before stays, and the call resumes.
        PreflightFailed: rows of the source do not fit.
    """
    with told("the load stopped"), reading(source) as session:
        snapshot = value(session, "select pg_export_snapshot()")
        supply = LiveSupply(session, snapshot, text=plan.text_hashes, chunk_rows=chunk_rows)

        def preflight_first() -> None:
            if not preflighted:
                preflight.require(plan, source, destination, within=session, record=record)

        given = WorkerInput(plan, source, destination, snapshot)
        with WorkerPool(workers, given) if workers else nullcontext() as pool:
            return carry(
                plan, supply, destination, mode=mode, supersede=supersede, first=preflight_first,
                pool=pool, on_chunk=on_chunk, before_commit=before_commit,
            )  # fmt: skip


def load_export(
    plan: Plan, directory: str | Path, destination: str, *, mode: str = "stream"
) -> Loaded:
    """Load the files of an export, checked first; the same records and comparisons as `load`.

    Raises:
        LoadRefused: the export is of another plan, or as for `load`.
        ExportDamaged: a file is missing, changed or not the manifest's.
    """
    from handrail.transfer.read.file_supply import FileSupply  # noqa: PLC0415 - files know chunks, not the reverse

    supply = FileSupply.open(plan, Path(directory))
    began = dataclasses.replace(plan, moment=supply.moment or plan.moment)
    with told("the load stopped"):
        return carry(began, supply, destination, mode=mode)


def carry(
    plan: Plan,
    supply: Supply,
    destination: str,
    *,
    mode: str = "stream",
    supersede: bool = False,
    first: Callable[[], None] | None = None,
    pool: WorkerPool | None = None,
    on_chunk: Callable[[Moved], None] | None = None,
    before_commit: Callable[[Chunk], None] | None = None,
) -> Loaded:
    """Carry a load to its end from any supply; see `load`."""
    began = time.monotonic()
    with connect(destination, name="destination") as session, alone(session):
        if finished(session, plan.digest):
            return _result(session, plan, mode, None, 0, began)
        admit(session, plan, mode, supersede=supersede)
        batches = batches_of(plan, supply, session)
        moving = Moving(plan, supply, session, batches, pool, before_commit)
        moving.gather()
        if first is not None:
            first()
        _begin(session, plan, supply, mode)
        moved = len(refresh(session, plan, supply))
        builders = pool.number if pool else 1
        with rebuild.Rebuild(session, plan, destination, builders) as rebuilding:
            for tables in moving.groups(mode):
                for done in moving.all(tables, rebuilding.filled):
                    moved += 1
                    if on_chunk is not None:
                        on_chunk(done)
                hold_limits(session, plan, tables)
            rebuilding.finish(partial(_record_changes, session, plan, supply))
        set_sequences(session, plan, supply)  # it reads many tables, so no longer beside builders
        session.execute(
            "update _migration.run set finished_at = now(), mark = %s, rows = (select sum(rows) "
            "from _migration.chunk where digest = run.digest) where digest = %s",
            [supply.mark, plan.digest],
        )
        return _result(session, plan, mode, supply.name, moved, began)


def _begin(session: Connection, plan: Plan, supply: Supply, mode: str) -> None:
    """Write the plan of the load down once; take keys and indexes down for a bulk load."""
    evidence.create(session)
    with session.transaction():
        begun = session.execute(
            "insert into _migration.run "
            "(digest, started_at, mode, snapshot, source_version, catalog) "
            "values (%s, %s, %s, %s, %s, %s) on conflict (digest) do nothing returning 1",
            [plan.digest, plan.moment, mode, supply.name, plan.source.server_version,
             evidence.write_catalog(plan.destination)],
        ).fetchone()  # fmt: skip
        if begun is None:
            return
        chunks = supply.cut(*plan.tables)
        journal.plan_chunks(session, plan.digest, chunks)
        _replace(session, plan)
        bulk.take_down(session, plan, chunks, mode)


def _record_changes(session: Connection, plan: Plan, supply: Supply) -> None:
    """Write down what the mapping changes; of the destination it touches no table of the plan."""
    if isinstance(supply, LiveSupply):  # the files of an export hold what is moved only
        altered.record(session, plan, supply.session)


def _replace(session: Connection, plan: Plan) -> None:
    """Set aside, all at once, the rows that are declared to give way: any may clash with any."""
    for table in plan.tables:
        if table.replace is not None:
            label = f"{literal(table.name)}, {literal(table.replace)}"
            session.execute(
                f"with gone as (delete from {table.target_rows} t "
                "returning to_jsonb(t) as row_data) "
                f"insert into _migration.replaced select {label}, row_data from gone"
            )


def _result(
    session: Connection, plan: Plan, mode: str, snapshot: str | None, moved: int, began: float
) -> Loaded:
    rows = session.execute(
        "select table_name, sum(rows)::bigint, sum(quarantined)::bigint, sum(adjusted)::bigint, "
        "count(*) "
        "from _migration.chunk where digest = %s group by 1",
        [plan.digest],
    )
    found = {row[0]: row for row in rows}
    tables = tuple(TableLoad(*found[table.name][:4]) for table in plan.tables)
    total = sum(row[4] for row in found.values())
    return Loaded(
        plan.digest, mode, snapshot, moved, total - moved, tables, time.monotonic() - began
    )


__all__ = ["LoadFailed", "LoadRefused", "Loaded", "TableLoad", "is_loaded", "load", "load_export"]
