"""Follow a source that is still written to, so that the last step after a freeze is short."""

import time
from dataclasses import dataclass

from operations.transfer.admission import alone, finished
from operations.transfer.chunks import LiveSupply, LoadFailed
from operations.transfer.load import hold_limit, refresh, set_sequences
from operations.transfer.plan import Plan
from operations.transfer.session import connect, reading, value

ROUNDS = 20


@dataclass(frozen=True)
class CaughtUp:
    """What following came to; `lag_seconds` is the age of the snapshot when its round ended."""

    rounds: int
    chunks_moved: int
    lag_seconds: float
    seconds: float


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
        for number in range(1, rounds + 1):
            round_began = time.monotonic()
            with reading(source) as ours:
                snapshot = str(value(ours, "select pg_export_snapshot()"))
                supply = LiveSupply(ours, snapshot, text=plan.text_hashes, chunk_rows=None)
                with session.transaction():
                    moved += refresh(session, plan, supply)
                    for table in plan.tables:
                        hold_limit(session, plan, table)
                set_sequences(session, plan, supply)
            lag = time.monotonic() - round_began
            if lag <= bound_seconds:
                return CaughtUp(number, moved, round(lag, 3), round(time.monotonic() - began, 3))
    raise LoadFailed(
        "the load was not brought up to date",
        f"after {rounds} rounds one still takes {lag:.1f} s, more than {bound_seconds:g} s",
        "raise the bound, or freeze the source first and accept a longer pause",
    )
