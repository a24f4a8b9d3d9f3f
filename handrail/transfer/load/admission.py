"""Who may load into a destination: one at a time, and only where nobody's rows are lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from handrail.transfer.load import rebuild
from handrail.transfer.load.chunks import LoadFailed
from handrail.transfer.read import occupied
from handrail.transfer.session.asking import Rows
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.sql import evidence
from handrail.transfer.sql.plan import Plan

# One load at a time on a destination; a backend whose client was killed lets go within seconds.
LOCK = 7_265_441_301
LOCK_WAIT_SECONDS = 30.0


class LoadRefused(LoadFailed):
    """Nothing was written: the destination is in use, holds other rows, or another mapping's."""


@contextmanager
def alone(session: Connection) -> Iterator[None]:
    """Hold the destination's load lock."""
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while not value(session, f"select pg_try_advisory_lock({LOCK})"):
        if time.monotonic() > deadline:
            raise LoadRefused(
                "the load did not start",
                "another load is running on this destination",
                "wait for it, or end its session: application `cutover-transfer`",
            )
        time.sleep(0.2)
    try:
        yield
    finally:
        if not session.closed and not session.broken:
            session.execute(f"select pg_advisory_unlock({LOCK})")


def finished(session: Connection, digest: str) -> bool:
    """Say whether a load of this plan was carried to its end."""
    if not evidence.exists(session):
        return False
    query = "select count(*) from _migration.run where digest = %s and finished_at is not null"
    return bool(value(session, query, digest))


def admit(session: Connection, plan: Plan, mode: str, *, supersede: bool) -> None:
    """Refuse a destination whose rows are not ours to replace."""
    if mode not in {"stream", "bulk"}:
        raise LoadRefused(
            "the load did not start", f"there is no mode `{mode}`", "use stream or bulk"
        )
    if evidence.exists(session):
        _admit_beside(session, plan, supersede=supersede)
    else:
        _refuse_rows(session, plan)


def _admit_beside(session: Connection, plan: Plan, *, supersede: bool) -> None:
    """Refuse where there is another load, or none, but rows; take one away that it may replace."""
    others = session.execute(
        "select digest, finished_at from _migration.run where digest <> %s", [plan.digest]
    ).fetchall()
    begun = value(session, "select count(*) from _migration.run where digest = %s", plan.digest)
    if others:
        _refuse_others(others, supersede=supersede)
        _take_away(session, plan, [digest for digest, _ in others])
    elif not begun:
        _refuse_rows(session, plan)


def _refuse_others(others: Rows, *, supersede: bool) -> None:
    """Refuse where another load is finished, or may not be replaced."""
    if any(finished for _, finished in others):
        raise LoadRefused(
            "the load did not start",
            f"a finished load of another mapping or schema is there ({others[0][0][:12]})",
            "restore the destination from the backup taken before that load, then run this again",
        )
    if not supersede:
        raise LoadRefused(
            "the load did not start",
            f"an unfinished load of another mapping is there ({others[0][0][:12]})",
            "load with `supersede`, as `data.load` does, to take its rows away; or restore the "
            "backup taken before it",
        )


def _take_away(session: Connection, plan: Plan, digests: list[str]) -> None:
    """Take an unfinished load's rows and records away, and put back what it had taken down."""
    with session.transaction():
        session.execute("set constraints all deferred")
        for table in reversed(plan.tables):
            session.execute(f"delete from {table.target_rows}")
        for digest in digests:
            rebuild.put_back_empty(session, plan.destination.schema, digest)
        for name in ("run", "chunk", "quarantine", "adjusted", "definition"):
            session.execute(f"delete from _migration.{name}")


def _refuse_rows(session: Connection, plan: Plan) -> None:
    held = occupied.filled(session, [each for each in plan.tables if each.replace is None])
    if held:
        names = ", ".join(table.name for table in held)
        raise LoadRefused(
            "the load did not start",
            f"there are rows nobody declared in {names}",
            "declare `replace: <why>` for rows that migrations put there; else empty the tables",
        )
