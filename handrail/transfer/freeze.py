"""Stop writes to a database while it can still be read, and let them through again."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import ReadOnlySqlTransaction

from handrail.clients.errors import ClientError
from handrail.transfer.session import mark, others, write_triggers
from handrail.transfer.session.asking import Line, rows, together
from handrail.transfer.session.connection import Connection, at, connect, first_line, value
from handrail.transfer.session.event_triggers import while_disabled
from handrail.transfer.session.others import Other
from handrail.transfer.session.quoting import quoted
from handrail.transfer.session.refused import advice
from handrail.transfer.session.unreachable import DatabaseUnreachable
from handrail.transfer.session.writing_on import (
    OVERRIDES,
    NotFrozen,
    overriding,
    refuse_early,
    refuse_hidden,
    would_write_on,
)

END_SECONDS = 15.0
PLACE_SECONDS = 5.0
OWN = f"select {write_triggers.FROZEN}"
Also = Callable[[Connection], None]
# A login that read the settings of before shows itself within this time.
SETTLE_SECONDS = 0.5
# Where a session has the setting from, where not from the database: its role, or the server.
ORIGIN = """
select case source
       when 'user' then format('`alter role %I reset default_transaction_read_only`', session_user)
       when 'database user' then format(
           '`alter role %I in database %I reset default_transaction_read_only`',
           session_user, current_database())
       else 'look for `default_transaction_read_only` in the server''s configuration and the '
           'address' end
from pg_settings where name = 'default_transaction_read_only'
"""


@dataclass(frozen=True)
class Frozen:
    """A proven freeze.

    `overrides` names roles whose own settings let them write all the same, and that cannot sign in
    and write, or were to be let be. `left` are sessions of roles that were to be let be, and of
    those that only send the log of changes. `open_tables` take no trigger from this role: a session
    that sets its transactions to read-write by itself would write to them. `mark` names the state
    from now on.
    """

    database: str
    sessions_ended: int
    refused_with: str
    overrides: tuple[str, ...]
    left: tuple[Other, ...]
    open_tables: tuple[str, ...]
    mark: str


@dataclass(frozen=True)
class Thawed:
    """Writes go through again; sessions that are `left` refuse them until they reconnect.

    Of `held` tables the trigger is still there, for somebody holds them; it refuses nothing.
    """

    sessions_ended: int
    left: tuple[Other, ...]
    held: tuple[str, ...] = ()


def freeze(url: str, *, let_be: Mapping[str, str] | None = None) -> Frozen:
    """Make new transactions read-only, end the other sessions, see a write refused, leave a mark.

    Sessions that begin later can still read; one that sets its transactions to read-write by itself
    is refused by a trigger on each table. Where a session would stay that is nobody's to end,
    nothing is changed.

    Args:
        url: URL of the database; its role owns the database.
        let_be: Roles whose sessions stay, as a provider's monitoring, each with a reason.

    Raises:
        NotFrozen: the role may not, a session would not end, a role's own setting lets it write,
            or a write still got through.
    """
    with connect(url) as session:
        database = str(value(session, "select current_database()"))
        refuse_early(session, database, let_be or {})
        with _put_back_unless_done(session, database):
            _set(session, database, "set default_transaction_read_only = on")
            ended, left = _end_others(session, database, let_be or {})
            refuse_hidden(session, database)  # one may have come since
            roles = overriding(session)
            refused = _refusal(url, session, database)
            if refused is None:
                raise NotFrozen(
                    f"`{database}` is not frozen",
                    "a new session still wrote",
                    "take `default_transaction_read_only` out of the connection's options",
                )
            with _forbidden_is_told(session, database):
                open_tables = write_triggers.put(session, database, let_be or {})
                left_mark = mark.leave(session)
        others.end_own_pooled(session)
    return Frozen(database, ended, refused, roles, tuple(left), open_tables, left_mark)


def thaw(url: str) -> Thawed:
    """Let writes through again, end the sessions that began read-only, and see a write accepted.

    A connection of a pool keeps the setting it began with, so an application that was not made to
    connect anew would go on refusing its users' writes.

    Raises:
        NotFrozen: the setting could not be taken back, or writes are still refused.
    """
    with connect(url) as session:
        database = str(value(session, "select current_database()"))
        _set(session, database, "reset default_transaction_read_only", mark.remove)
        ended, left = others.end_all(
            session, database, settle_seconds=SETTLE_SECONDS, timeout_seconds=END_SECONDS
        )
        others.end_own_pooled(session)
    with connect(url) as session:
        refused = _refusal_of(session)
        if refused is not None:
            raise NotFrozen(
                f"whether `{database}` takes writes again cannot be told",
                f"its own setting is gone, and a new session of this role still gets: {refused}",
                f"{value(session, ORIGIN)}, then the same command again",
            )
        held = write_triggers.remove(session)
    return Thawed(ended, tuple(each for each in left if not each.sends), held)


@dataclass(frozen=True)
class Standing:
    """How a database stands: `frozen` where a new session is refused a write.

    `mark` names the state that a finished freeze holds it in; `overrides` the roles whose own
    settings let them write all the same, `open_tables` the tables that refuse no session which sets
    its transactions to read-write.
    """

    frozen: bool
    mark: str | None
    overrides: tuple[str, ...]
    open_tables: tuple[str, ...]


def standing(url: str) -> Standing:
    """Tell how a database stands, by one new session."""
    with connect(url) as session:
        frozen = _is_frozen(session)
        asked: list[Line[Any]] = [
            mark.reading(session), rows(session, OVERRIDES), rows(session, write_triggers.OPEN)
        ]  # fmt: skip
        left, roles, tables = together(asked)
    return Standing(
        frozen,
        None if session.standby else left,
        tuple(role for role, _ in roles),
        tuple(named for _, named in tables),
    )


def is_frozen(url: str) -> bool:
    """Say whether a new session of this role is refused a write by the database's own setting."""
    with connect(url) as session:
        return _is_frozen(session)


def _is_frozen(session: Connection) -> bool:
    # a role, or the whole server, may be read-only for itself: that is nobody's freeze
    own = not session.standby and value(session, OWN)
    return bool(own) and _refusal_of(session) is not None


def mark_of(where: str | Connection) -> str | None:
    """Return the mark of the state that a finished freeze holds the database in, if one does."""
    with at(where) as session:
        return None if session.standby else mark.read(session)


@contextmanager
def _put_back_unless_done(session: Connection, database: str) -> Iterator[None]:
    """Let writes through again where the block ends without a freeze that was not there before."""
    before = value(session, OWN)
    try:
        yield
    except (ClientError, psycopg.Error):
        if not before:
            _set(session, database, "reset default_transaction_read_only")
            write_triggers.remove(session)
        raise


@contextmanager
def _forbidden_is_told(session: Connection, database: str) -> Iterator[None]:
    """Say who forbids it where triggers and mark cannot be left."""
    try:
        yield
    except psycopg.Error as error:
        session.execute("rollback")
        raise NotFrozen(
            f"`{database}` is not frozen",
            f"nothing could be left in it: {first_line(error)}",
            while_disabled(session) or f"{advice(error)}, then the same command again",
        ) from None


def _set(session: Connection, database: str, clause: str, also: Also | None = None) -> None:
    try:
        session.execute(f"begin read write; alter database {quoted(database)} {clause}")
        if also is not None:
            also(session)
        session.execute("commit")
    except psycopg.Error as error:
        raise NotFrozen(
            f"`{database}` could not be changed",
            first_line(error),
            "use the URL of the role that owns the database",
        ) from None


def _end_others(
    session: Connection, database: str, let_be: Mapping[str, str]
) -> tuple[int, list[Other]]:
    """End the other sessions: those from before still write."""
    ended, left = others.end_all(
        session, database, settle_seconds=SETTLE_SECONDS, timeout_seconds=END_SECONDS
    )
    if stubborn := others.endable(left):
        raise NotFrozen(
            f"`{database}` is not frozen",
            f"these sessions did not end within {END_SECONDS:.0f} s: {others.listed(stubborn)}",
            "stop the service that holds them, then run the same command again",
        )
    stay = others.unstoppable(left, let_be)
    if stay:
        raise would_write_on(database, stay)
    return ended, left


def _refusal(url: str, session: Connection, database: str) -> str | None:
    """Try a write in a new session and take it back; return how it was refused.

    Others that were ended come back at once, and may take the last place there is: they, too, are
    refused writes by now, and give way.
    """
    deadline = time.monotonic() + PLACE_SECONDS
    while True:
        try:
            with connect(url) as new:
                return _refusal_of(new)
        except DatabaseUnreachable:
            if time.monotonic() > deadline:
                raise
            others.end(session, others.others(session, database))


def _refusal_of(session: Connection) -> str | None:
    try:
        session.execute("begin; create schema cutover_write_probe")
    except ReadOnlySqlTransaction as error:
        return first_line(error)
    except psycopg.OperationalError:
        raise  # the server, or the line to it
    except psycopg.Error:
        return None  # read-only is checked first, so this was not what refused it
    finally:
        session.execute("rollback")
    return None
