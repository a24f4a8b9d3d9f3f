"""Follow a source that is still written to, so that the last step after a freeze is short."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from functools import partial

from handrail.transfer.load import altered, unfit
from handrail.transfer.load.admission import alone, finished
from handrail.transfer.load.chunks import LoadFailed, target_sums, told
from handrail.transfer.load.moving import hold_limits
from handrail.transfer.load.sequences import set_sequences
from handrail.transfer.load.stale import moved_of, refresh, stale_chunks
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.asking import enter, together
from handrail.transfer.session.connection import Connection, at, connect, reading, value
from handrail.transfer.sql.plan import Plan

ROUNDS = 20
FOLLOWED = """
create table if not exists _migration.followed (
    digest text not null, label text not null, at timestamptz not null, rounds int not null,
    chunks_moved int not null, lag_seconds float8 not null, seconds float8 not null
);
alter table _migration.followed add column if not exists mark text
"""
RECORDED = "select to_regclass('_migration.followed') is not null"


@dataclass(frozen=True)
class CaughtUp:
    """What following came to; `lag_seconds` is the age of the snapshot when its round ended.

    `mark` names the freeze that the last snapshot lies in, if it does.
    """

    rounds: int
    chunks_moved: int
    lag_seconds: float
    seconds: float
    mark: str | None


def catch_up(
    plan: Plan, source: str, destination: str, *, bound_seconds: float, rounds: int = ROUNDS
) -> CaughtUp:
    """Bring a finished load up to date with its source; see `following`."""
    with following(
        plan, source, destination, bound_seconds=bound_seconds, rounds=rounds
    ) as followed:
        return followed.done


@dataclass(frozen=True)
class Followed:
    """What following came to, and the session on the destination, where nobody else loads."""

    done: CaughtUp
    session: Connection


@contextmanager
def following(
    plan: Plan, source: str, destination: str, *, bound_seconds: float, rounds: int = ROUNDS
) -> Iterator[Followed]:
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
        LoadFailed: nothing was loaded before, a chunk could not be moved, rows that came since are
            such as a preflight refuses, a database went away, or the source is written faster than
            it can be followed.
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
            with told("the load was not brought up to date"):
                chunks, mark = _round(session, plan, source)
            moved += chunks
            lag = round(time.monotonic() - round_began, 3)
            if lag <= bound_seconds:
                seconds = round(time.monotonic() - began, 3)
                yield Followed(CaughtUp(number, moved, lag, seconds, mark), session)
                return
    raise LoadFailed(
        "the load was not brought up to date",
        f"after {rounds} rounds one still takes {lag:.1f} s, more than {bound_seconds:g} s",
        "raise the bound, or freeze the source first and accept a longer pause",
    )


def _round(session: Connection, plan: Plan, source: str) -> tuple[int, str | None]:
    """Follow one snapshot; return how many chunks were moved, and the freeze it lies in."""
    with reading(source) as ours:
        snapshot = str(value(ours, "select pg_export_snapshot()"))
        supply = LiveSupply(ours, snapshot, text=plan.text_hashes, chunk_rows=None)
        with session.transaction():
            moved = refresh(session, plan, supply)
            unfit.refuse(plan, ours, session, moved)
            hold_limits(session, plan, [table.name for table in plan.tables])
            set_sequences(session, plan, supply)
            if moved:
                altered.record(session, plan, ours)
        return len(moved), supply.mark


def record(plan: Plan, destination: str | Connection, label: str, done: CaughtUp) -> None:
    """Write down that a destination was followed; it stands and falls with its rows.

    Args:
        plan: The compiled mapping of the load.
        destination: URL of the database that was brought up to date, or a session there.
        label: Who followed; asked for by `followed`.
        done: What that came to.
    """
    with at(destination, name="destination") as session:
        session.execute(FOLLOWED)
        session.execute(
            "insert into _migration.followed values (%s, %s, now(), %s, %s, %s, %s, %s)",
            [plan.digest, label, *astuple(done)],
        )


def followed(plan: Plan, destination: str | Connection, label: str) -> CaughtUp | None:
    """Return what the last following under a label came to, if there was one."""
    with at(destination, name="destination") as session:
        if not value(session, RECORDED):
            return None
        # by name, for what was followed before marks were recorded has no such column
        row = session.execute(
            "select rounds, chunks_moved, lag_seconds, seconds, to_jsonb(f) ->> 'mark' "
            "from _migration.followed f "
            "where digest = %s and label = %s order by at desc limit 1",
            [plan.digest, label],
        ).fetchone()
    return CaughtUp(*row) if row else None


def has_followed(destination: str, label: str) -> bool:
    """Say whether a following under a label is on record, of whatever mapping."""
    with connect(destination, name="destination") as session:
        if not value(session, RECORDED):
            return False
        query = "select exists (select 1 from _migration.followed where label = %s)"
        return bool(value(session, query, label))


def forget(destination: str, label: str) -> None:
    """Take the record of a following back: its rows stay until the load is undone."""
    with connect(destination, name="destination") as session:
        if value(session, RECORDED):
            session.execute("delete from _migration.followed where label = %s", [label])


def written_since(plan: Plan, destination: str) -> tuple[str, ...]:
    """Return the tables whose rows are no longer those that the load put there; only read."""
    with reading(destination, name="destination") as session:
        recorded = moved_of(session, plan)
        text = plan.text_hashes
        sums = together([target_sums(session, t, d.chunk, text=text) for t, d in recorded])
    changed = (
        table.name
        for (table, done), found in zip(recorded, sums, strict=True)
        if done.expected.sums != found
    )
    return tuple(dict.fromkeys(changed))


def left_behind(plan: Plan, source: str, destination: str) -> tuple[str, ...]:
    """Return the tables whose source rows are no longer those on record; both are only read.

    What was written on the destination since is not looked at: that is for the verification.
    """
    with ExitStack() as stack:
        to_read = partial(reading, destination, name="destination"), partial(reading, source)
        theirs, ours = enter(stack, *to_read)
        supply = LiveSupply(ours, "", text=plan.text_hashes, chunk_rows=None)
        stale = stale_chunks(theirs, plan, supply, there=False)
        return tuple(dict.fromkeys(table.name for table, _ in stale))
