"""Follow a source that is still written to, so that the last step after a freeze is short."""

import time
from dataclasses import dataclass

from operations.transfer.admission import alone, finished
from operations.transfer.chunks import LiveSupply, LoadFailed, move
from operations.transfer.load import hold_limit, set_sequences
from operations.transfer.plan import Plan
from operations.transfer.session import Connection, connect, reading, value
from operations.transfer.stale import stale_chunks

ROUNDS = 20
ROUND = """
create table if not exists _migration.round (
    digest text not null, snapshot_at timestamptz not null, ended_at timestamptz not null,
    chunks_moved int not null
)
"""


@dataclass(frozen=True)
class CaughtUp:
    """What following came to; `lag_seconds` is the age of the snapshot when its round ended."""

    rounds: int
    chunks_moved: int
    lag_seconds: float
    seconds: float


@dataclass(frozen=True)
class Behind:
    """How far a destination is behind its source.

    `tables` are those in which something differs; `lag_seconds` is the age of the newest snapshot
    that was followed: 0 where nothing differs, None where none was ever followed.
    """

    tables: tuple[str, ...]
    lag_seconds: float | None


def catch_up(
    plan: Plan, source: str, destination: str, *, bound_seconds: float, rounds: int = ROUNDS
) -> CaughtUp:
    """Bring a finished load up to date, again and again, until one round takes little time.

    Each round reads a new snapshot, compares every chunk by its hashes, and moves those that
    differ in one transaction. What is written during a round is for the next one; after a freeze
    of the source one more round leaves nothing behind.

    Args:
        plan: The compiled mapping of the load.
        source: URL of the legacy database; only read.
        destination: URL of the database that the load filled; nobody else may write there.
        bound_seconds: A round that takes no longer is the last.
        rounds: Rounds after which it gives up.

    Raises:
        LoadFailed: nothing was loaded before, a chunk could not be moved, or the source is
            written faster than it can be followed.
    """
    began = time.monotonic()
    moved = 0
    with connect(destination, name="destination") as session, alone(session):
        if not finished(session, plan.digest):
            raise LoadFailed(
                "the load was not brought up to date",
                "no load of this mapping was carried to its end there",
                "load first; the same command resumes a load",
            )
        session.execute(ROUND)
        for number in range(1, rounds + 1):
            round_began = time.monotonic()
            moved += _round(session, plan, source)
            lag = time.monotonic() - round_began
            if lag <= bound_seconds:
                return CaughtUp(number, moved, round(lag, 3), round(time.monotonic() - began, 3))
    raise LoadFailed(
        "the load was not brought up to date",
        f"after {rounds} rounds one still takes {lag:.1f} s, more than {bound_seconds:g} s",
        "raise the bound, or freeze the source first and accept a longer pause",
    )


def _round(session: Connection, plan: Plan, source: str) -> int:
    """Follow one snapshot and record it; return how many chunks were moved."""
    snapshot_at = value(session, "select clock_timestamp()")
    with reading(source) as ours:
        snapshot = str(value(ours, "select pg_export_snapshot()"))
        supply = LiveSupply(ours, snapshot, text=plan.text_hashes, chunk_rows=None)
        # In one transaction: a row gone from a parent and from its children is gone from both at
        # once.
        with session.transaction():
            stale = stale_chunks(session, plan, supply)
            for table, chunk in stale:
                move(supply, session, table, chunk, plan.digest)
            for table in plan.tables:
                hold_limit(session, plan, table)
            set_sequences(session, plan, supply)
            session.execute(
                "insert into _migration.round values (%s, %s, clock_timestamp(), %s)",
                [plan.digest, snapshot_at, len(stale)],
            )
    return len(stale)


def behind(plan: Plan, source: str, destination: str) -> Behind:
    """Tell how far the destination is behind; both databases are only read.

    Args:
        plan: The compiled mapping of the load.
        source: URL of the legacy database.
        destination: URL of the database that the load filled.

    Raises:
        LoadFailed: nothing was loaded there.
    """
    with reading(destination, name="destination") as theirs, reading(source) as ours:
        if not finished(theirs, plan.digest):
            raise LoadFailed(
                "the lag was not measured",
                "no load of this mapping was carried to its end there",
                "load first; the same command resumes a load",
            )
        supply = LiveSupply(ours, "", text=plan.text_hashes, chunk_rows=None)
        age = None
        if value(theirs, "select to_regclass('_migration.round') is not null"):
            # Now is when the source's rows are those that are looked at: before the long look.
            query = "select extract(epoch from clock_timestamp() - max(snapshot_at))::float8 "
            age = value(theirs, f"{query} from _migration.round where digest = %s", plan.digest)
        tables = dict.fromkeys(table.name for table, _ in stale_chunks(theirs, plan, supply))
    if not tables:
        return Behind((), 0.0 if age is not None else None)
    return Behind(tuple(tables), round(age, 1) if age is not None else None)
