"""The other sessions of a database: who they are, which may be ended, and how to tell of the rest.

Without superuser, PostgreSQL hides what kind of session another role's is. So each that has a role
counts, unless it is known to be a background worker. One that sends the log of changes to another
server is ended as well, and where that may not be, it is in the way of a new name only.
"""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from handrail.clients.errors import ClientError
from handrail.naming import ticked
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted

LOOK_SECONDS = 0.05
DROP_SECONDS = 15.0
# PostgreSQL lets a role end those of roles whose rights it has; of superusers, superusers only.
# Source: https://www.postgresql.org/docs/current/functions-admin.html (pg_terminate_backend)
# A role may be dropped while it has a session; that such a one sends changes is told to everybody.
OTHERS = """
select a.pid, coalesce(r.rolname::text, 'dropped role ' || a.usesysid),
       coalesce(a.application_name, ''), coalesce(r.rolsuper, true),
       me.rolsuper or pg_has_role('pg_signal_backend', 'usage') and r.rolsuper is not true
       or r.rolsuper is false and pg_has_role(r.oid, 'usage'),
       w.pid is not null
from pg_stat_activity a join pg_roles me on me.rolname = current_user
     left join pg_roles r on r.oid = a.usesysid
     left join pg_stat_get_wal_senders() w on w.pid = a.pid
where a.datname = any(%s) and a.pid <> pg_backend_pid() and a.usesysid is not null
      and (w.pid is not null or coalesce(a.backend_type, 'client backend') = 'client backend')
order by a.pid
"""


@dataclass(frozen=True)
class Other:
    """Another session on a database; `ours` says that this role may end it.

    No grant helps with one of a `superuser`, or of a role that is gone. One that `sends` gives
    another server the log of changes, as for logical replication.
    """

    pid: int
    role: str
    application: str
    superuser: bool
    ours: bool
    sends: bool = False

    def __str__(self) -> str:
        """Return role, application and pid, as an operator looks them up."""
        called = f", application `{self.application}`" if self.application else ""
        sends = ", a replication" if self.sends else ""
        return f"`{self.role}` (pid {self.pid}{called}{sends})"


def others(session: Connection, *databases: str) -> list[Other]:
    """Return the other sessions of some databases of this server."""
    return [Other(*row) for row in session.execute(OTHERS, [list(databases)])]


def in_the_way(found: Iterable[Other]) -> list[Other]:
    """Return those that this role may not end."""
    return [each for each in found if not each.ours]


def endable(found: Iterable[Other]) -> list[Other]:
    """Return those that this role may end."""
    return [each for each in found if each.ours]


def unstoppable(found: Iterable[Other], let_be: Mapping[str, str]) -> list[Other]:
    """Return those that may write, that this role may not end, and that nobody said may stay."""
    return [each for each in in_the_way(found) if not each.sends and each.role not in let_be]


def end(session: Connection, found: Iterable[Other]) -> None:
    """Ask sessions to end; one that PostgreSQL does not let us end is left."""
    for each in found:
        try:
            session.execute("select pg_terminate_backend(%s)", [each.pid])
        except psycopg.errors.InsufficientPrivilege:
            continue  # its role has changed since: it is told of as one that stays


def drop(session: Connection, database: str) -> None:
    """Drop a database where there is one, and end what this role may end of its sessions.

    Not by `with (force)`: without superuser that fails while autovacuum looks at the database.

    Raises:
        ClientError: somebody else's session stays in it.
    """
    deadline = time.monotonic() + DROP_SECONDS
    while True:
        end(session, endable(others(session, database)))
        try:
            # sends autovacuum away, and waits 5 s for who is leaving
            session.execute(f"drop database if exists {quoted(database)}")
        except psycopg.errors.ObjectInUse:
            if time.monotonic() < deadline:
                continue
            stay = others(session, database)
            why = f"these sessions stay in it, and are not this role's to end: {listed(stay)}"
            fix = f"{advice(stay)}; then `drop database {quoted(database)}`"
            raise ClientError(f"`{database}` could not be dropped", why, fix) from None
        else:
            return


def end_own_pooled(session: Connection) -> None:
    """End this session where a pooler would give it on, with the settings that it began with."""
    if session.pooled:
        with contextlib.suppress(psycopg.OperationalError):
            session.execute("select pg_terminate_backend(pg_backend_pid())")


def end_all(
    session: Connection, database: str, *, settle_seconds: float, timeout_seconds: float
) -> tuple[int, list[Other]]:
    """End every session of a database that may be ended, but for those that begin later.

    Args:
        session: On the same server.
        database: Whose sessions end.
        settle_seconds: A session first seen after so long began after this call.
        timeout_seconds: How long to wait for their end.

    Returns:
        How many ended, and those that are still there.
    """
    began = time.monotonic()
    asked: set[int] = set()
    while True:
        there = others(session, database)
        settled = time.monotonic() - began >= settle_seconds
        if not settled:
            asked |= {each.pid for each in there}
        left = [each for each in there if each.pid in asked]
        ours = endable(left)
        if (settled and not ours) or time.monotonic() - began > timeout_seconds:
            return len(asked) - len(left), left
        end(session, ours)
        time.sleep(LOOK_SECONDS)


def listed(found: Sequence[Other]) -> str:
    """Return sessions in words."""
    return ", ".join(str(each) for each in found)


def advice(found: Sequence[Other]) -> str:
    """Return what to do about sessions that this role may not end."""
    roles = ticked(dict.fromkeys(each.role for each in found))
    if all(each.superuser for each in found):
        return (
            f"let {roles} close them, or a superuser end them (`select pg_terminate_backend(PID)`);"
            " name the role with a reason in the inventory if it only watches"
        )
    return (
        f"suspend the service that connects as {roles}, or rotate that role's password and restart"
        " the service; or `grant ROLE to OWNER`, so that the owner may end its sessions;"
        " name the role with a reason in the inventory if it only watches"
    )
