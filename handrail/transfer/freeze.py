"""Stop writes to a database while it can still be read, and let them through again."""

import time
from dataclasses import dataclass

import psycopg
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from handrail.clients.errors import ClientError
from handrail.transfer.session.connection import Connection, connect, first_line, value
from handrail.transfer.session.quoting import quoted

END_SECONDS = 15.0
OTHERS = (
    "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
    "and backend_type = 'client backend'"
)


@dataclass(frozen=True)
class Frozen:
    """A proven freeze.

    `overrides` names roles whose own settings let them write all the same; a session may also set
    its transactions to read-write by itself, which PostgreSQL cannot forbid.
    """

    database: str
    sessions_ended: int
    refused_with: str
    overrides: tuple[str, ...]


class NotFrozen(ClientError):
    """Writes still get through, or might."""


def freeze(url: str) -> Frozen:
    """Make new transactions read-only, end the other sessions, and see a write refused.

    Sessions that begin later can still read.

    Args:
        url: URL of the database; its role owns the database.

    Raises:
        NotFrozen: the role may not, a session would not end, or a write still got through.
    """
    with connect(url) as session:
        _set(session, "set default_transaction_read_only = on")
        ended = _end_others(session)
        overrides = _overrides(session)
        database = str(value(session, "select current_database()"))
    refused = _refusal(url)
    if refused is None:
        raise NotFrozen(
            f"`{database}` is not frozen",
            "a new session still wrote"
            + (f"; roles with settings of their own: {', '.join(overrides)}" if overrides else ""),
            "take `default_transaction_read_only` out of the role's and the connection's options",
        )
    return Frozen(database, ended, refused, overrides)


def thaw(url: str) -> None:
    """Let writes through again, end the sessions that began read-only, and see a write accepted.

    A connection of a pool keeps the setting it began with, so an application that was not made to
    connect anew would go on refusing its users' writes.

    Raises:
        NotFrozen: the setting could not be taken back, or writes are still refused.
    """
    with connect(url) as session:
        _set(session, "reset default_transaction_read_only")
        _end_others(session)
    refused = _refusal(url)
    if refused is not None:
        raise NotFrozen(
            "the database is still read-only",
            refused,
            "look for `default_transaction_read_only` in `\\drds` and the server's configuration",
        )


def is_frozen(url: str) -> bool:
    """Say whether a new session of this role is refused a write."""
    return _refusal(url) is not None


def _set(session: Connection, clause: str) -> None:
    database = quoted(str(value(session, "select current_database()")))
    try:
        session.execute("begin read write")
        session.execute(f"alter database {database} {clause}")
        session.execute("commit")
    except psycopg.Error as error:
        raise NotFrozen(
            f"{database} could not be changed",
            first_line(error),
            "use the URL of the role that owns the database",
        ) from None


def _end_others(session: Connection) -> int:
    """End the other sessions: those from before still write."""
    ended: set[int] = set()
    deadline = time.monotonic() + END_SECONDS
    try:
        while pids := [row[0] for row in session.execute(f"select pid {OTHERS}")]:
            if time.monotonic() > deadline:
                raise NotFrozen(
                    "the database is not frozen",
                    f"{len(pids)} sessions did not end within {END_SECONDS:.0f} s",
                    "stop the service that holds them, then run the same command again",
                )
            session.execute(f"select pg_terminate_backend(pid) {OTHERS} and pid = any(%s)", [pids])
            ended |= set(pids)
            time.sleep(0.05)
    except psycopg.Error as error:
        raise NotFrozen(
            "the database is not frozen",
            f"its sessions could not be ended: {first_line(error)}",
            "stop the service that holds them, or use a role that may end them",
        ) from None
    return len(ended)


def overrides(url: str) -> tuple[str, ...]:
    """Return the roles whose own settings let them write on a frozen database all the same."""
    with connect(url) as session:
        return _overrides(session)


def _overrides(session: Connection) -> tuple[str, ...]:
    rows = session.execute(
        "select distinct r.rolname::text "
        "from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) c "
        "where c like 'default_transaction_read_only=%' "
        "and not split_part(c, '=', 2)::boolean and s.setdatabase in "
        "(0, (select oid from pg_database where datname = current_database())) order by 1"
    )
    return tuple(row[0] for row in rows)


def _refusal(url: str) -> str | None:
    """Try a write in a new session and take it back; return how it was refused."""
    with connect(url) as session:
        session.execute("begin")
        try:
            session.execute("create schema cutover_write_probe")
        except ReadOnlySqlTransaction as error:
            return first_line(error)
        except InsufficientPrivilege:
            return None  # read-only is checked first, so this was not what refused it
        finally:
            session.execute("rollback")
    return None
