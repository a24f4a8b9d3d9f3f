"""Stop writes to a database while it can still be read, and let them through again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from handrail.clients.errors import ClientError
from handrail.transfer.session import mark, others
from handrail.transfer.session.asking import Line, rows, together
from handrail.transfer.session.connection import Connection, connect, first_line, value
from handrail.transfer.session.others import Other
from handrail.transfer.session.quoting import quoted

END_SECONDS = 15.0
Also = Callable[[Connection], None]
# A login that read the settings of before shows itself within this time.
SETTLE_SECONDS = 0.5
# What writes without a session of its own, and would go on doing so: by query, what and fix.
PREPARED = "select gid from pg_prepared_xacts where database = current_database()"
SUBSCRIBED = """
select subname from pg_subscription
where subenabled and subdbid = (select oid from pg_database where datname = current_database())
"""
HIDDEN_WRITERS = (
    (PREPARED, "prepared transactions wait to be committed",
     "`commit prepared` or `rollback prepared` each, then the same command again"),
    (SUBSCRIBED, "subscriptions bring rows from other servers",
     "`alter subscription NAME disable` each, then the same command again"),
)  # fmt: skip

OVERRIDES = """
select distinct r.rolname::text
from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) c
where c like 'default_transaction_read_only=%'
      and not split_part(c, '=', 2)::boolean and s.setdatabase in
      (0, (select oid from pg_database where datname = current_database())) order by 1
"""


@dataclass(frozen=True)
class Frozen:
    """A proven freeze.

    `overrides` names roles whose own settings let them write all the same; a session may also set
    its transactions to read-write by itself, which PostgreSQL cannot forbid. `left` are sessions
    of roles that were to be let be. `mark` names the state from now on.
    """

    database: str
    sessions_ended: int
    refused_with: str
    overrides: tuple[str, ...]
    left: tuple[Other, ...]
    mark: str


@dataclass(frozen=True)
class Thawed:
    """Writes go through again; sessions that are `left` refuse them until they reconnect."""

    sessions_ended: int
    left: tuple[Other, ...]


class NotFrozen(ClientError):
    """Writes still get through, or might; the database is as it was before, but for sessions."""


def freeze(url: str, *, let_be: Mapping[str, str] | None = None) -> Frozen:
    """Make new transactions read-only, end the other sessions, see a write refused, leave a mark.

    Sessions that begin later can still read. Where a session would stay that is nobody's to end,
    nothing is changed.

    Args:
        url: URL of the database; its role owns the database.
        let_be: Roles whose sessions stay, as a provider's monitoring, each with a reason.

    Raises:
        NotFrozen: the role may not, a session would not end, or a write still got through.
    """
    with connect(url) as session:
        database = str(value(session, "select current_database()"))
        _refuse_early(session, database, let_be or {})
        with _put_back_unless_done(session, database):
            _set(session, database, "set default_transaction_read_only = on")
            ended, left = _end_others(session, database, let_be or {})
            overriding = _overrides(session)
            refused = _refusal(url)
            if refused is None:
                raise _not_refused(database, overriding)
            left_mark = mark.leave(session)
    return Frozen(database, ended, refused, overriding, tuple(left), left_mark)


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
    refused = _refusal(url)
    if refused is not None:
        raise NotFrozen(
            "the database is still read-only",
            refused,
            "look for `default_transaction_read_only` in `\\drds` and the server's configuration",
        )
    return Thawed(ended, tuple(left))


@dataclass(frozen=True)
class Standing:
    """How a database stands: `frozen` where a new session is refused a write.

    `mark` names the state that a finished freeze holds it in; `overrides` the roles whose own
    settings let them write all the same.
    """

    frozen: bool
    mark: str | None
    overrides: tuple[str, ...]


def standing(url: str) -> Standing:
    """Tell how a database stands, by one new session."""
    with connect(url) as session:
        frozen = not session.standby and _refusal_of(session) is not None
        asked: list[Line[Any]] = [mark.reading(session), rows(session, OVERRIDES)]
        left, found = together(asked)
    return Standing(frozen, None if session.standby else left, tuple(role for (role,) in found))


def is_frozen(url: str) -> bool:
    """Say whether a new session of this role is refused a write by the database's own setting."""
    with connect(url) as session:
        return not session.standby and _refusal_of(session) is not None


def mark_of(url: str) -> str | None:
    """Return the mark of the state that a finished freeze holds the database in, if one does."""
    with connect(url) as session:
        return None if session.standby else mark.read(session)


def _refuse_early(session: Connection, database: str, let_be: Mapping[str, str]) -> None:
    """Refuse before anything is changed where something would go on writing."""
    if session.standby:
        raise NotFrozen(
            f"`{database}` cannot be frozen here",
            "this server is a standby: its rows come from another one",
            "put the address of the primary into the inventory",
        )
    for query, why, fix in HIDDEN_WRITERS:
        if found := [str(row[0]) for row in session.execute(query)]:
            raise NotFrozen(f"`{database}` is not frozen", f"{why}: {', '.join(found)}", fix)
    stay = others.in_the_way(others.others(session, database), let_be)
    if stay:
        raise _would_write_on(database, stay)


def _would_write_on(database: str, stay: list[Other]) -> NotFrozen:
    why = f"these sessions would write on, and are not this role's to end: {others.listed(stay)}"
    return NotFrozen(f"`{database}` is not frozen", why, others.advice(stay))


def _not_refused(database: str, overriding: tuple[str, ...]) -> NotFrozen:
    roles = f"; roles with settings of their own: {', '.join(overriding)}" if overriding else ""
    return NotFrozen(
        f"`{database}` is not frozen",
        f"a new session still wrote{roles}",
        "take `default_transaction_read_only` out of the role's and the connection's options",
    )


@contextmanager
def _put_back_unless_done(session: Connection, database: str) -> Iterator[None]:
    """Let writes through again where the block ends without a freeze that was not there before."""
    before = session.execute(mark.SETTING).fetchone()
    try:
        yield
    except ClientError:
        if before is None:
            _set(session, database, "reset default_transaction_read_only")
        raise


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
    stubborn = [each for each in left if each.ours]
    if stubborn:
        raise NotFrozen(
            f"`{database}` is not frozen",
            f"these sessions did not end within {END_SECONDS:.0f} s: {others.listed(stubborn)}",
            "stop the service that holds them, then run the same command again",
        )
    stay = others.in_the_way(left, let_be)
    if stay:
        raise _would_write_on(database, stay)
    return ended, left


def _overrides(session: Connection) -> tuple[str, ...]:
    return tuple(role for (role,) in session.execute(OVERRIDES))


def _refusal(url: str) -> str | None:
    """Try a write in a new session and take it back; return how it was refused."""
    with connect(url) as session:
        return _refusal_of(session)


def _refusal_of(session: Connection) -> str | None:
    try:
        session.execute("begin; create schema cutover_write_probe")
    except ReadOnlySqlTransaction as error:
        return first_line(error)
    except InsufficientPrivilege:
        return None  # read-only is checked first, so this was not what refused it
    finally:
        session.execute("rollback")
    return None
