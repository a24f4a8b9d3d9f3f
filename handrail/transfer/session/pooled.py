"""Poolers between us and a server, and whether a session through one stays the same session.

A pooler that gives each transaction another of its own sessions loses what ours are pinned to: time
zone, snapshot, locks, the JSON probe. Rows would be read otherwise than they are, silently.
Source: https://www.pgbouncer.org/features.html
"""

import select
from contextlib import closing
from functools import cache
from typing import Any

import psycopg

from handrail.clients.errors import ClientError

Session = psycopg.Connection[tuple[Any, ...]]  # Any: what a query gives
ROUNDS = 3
PLACE_SECONDS = 5.0  # for a second session, where the pool has no place left
PID = "select pg_backend_pid()"
CHANGES = (
    "it gives each transaction another session (transaction pooling), which loses every setting, "
    "lock and snapshot, or leaves ours to the application"
)
DIRECT = (
    "put the server's own address there, which most providers have beside it (PgBouncer listens on "
    "6432, a server on 5432), or that of a pool that keeps sessions (session pooling)"
)


class Pooled(ClientError):
    """The address leads to a pooler through which a transfer cannot go."""


def refuse_pooled(name: str, conninfo: str) -> None:
    """Refuse a pooler that does not keep sessions; call it where something is in between.

    Args:
        name: What messages call the database, as `source`.
        conninfo: The address.

    Raises:
        Pooled: it changes them, or has no second session to give.
    """
    if (why := _why_not(conninfo)) is not None:
        raise Pooled(f"the address of the {name} leads to a pooler", why, DIRECT)


@cache
def _why_not(conninfo: str) -> str | None:
    """Return why a pooler cannot be used; None where it keeps sessions, or nothing is pooled."""
    with (
        closing(psycopg.connect(conninfo, autocommit=True)) as first,
        closing(psycopg.connect(conninfo, autocommit=True)) as second,
    ):
        if not (_answers(first) and _answers(second)):
            return "it has no second session at the same time, and a transfer needs twelve"
        try:
            changes = any(_changes(first, second) for _ in range(ROUNDS))
        except psycopg.Error:
            changes = True  # statement pooling refuses a transaction
    return CHANGES if changes else None


def _answers(session: Session) -> bool:
    """Say whether a session is there soon; where a pool is full, it is waited for."""
    session.pgconn.send_query(PID.encode())
    there, _, _ = select.select([session.fileno()], [], [], PLACE_SECONDS)
    if not there:
        return False
    while session.pgconn.get_result() is not None:
        continue
    return True


def _changes(first: Session, second: Session) -> bool:
    """Say whether one session of the server works for both, or the first one's is another now."""
    before = _pid(first)
    with second.transaction():
        return before == _pid(second) or before != _pid(first)


def _pid(session: Session) -> int:
    (row,) = session.execute(PID).fetchall()
    return int(row[0])
