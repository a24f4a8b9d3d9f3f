"""The server under a team's ledger: its address, a connection that comes back, its refusals."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any, Self, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable, RunbookError

# A server that does not answer is given up on soon: nothing is done meanwhile. A writer that was
# paused in the middle of an entry holds up nobody: the server ends it.
PATIENCE: Mapping[str, str | int] = {
    "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2,
    "tcp_user_timeout": 15_000, "application_name": "handrail",
}  # fmt: skip
SESSION = """
SET lock_timeout = '15s';
SET statement_timeout = '60s';
SET idle_in_transaction_session_timeout = '10s';
SET client_min_messages = warning;
SET search_path = {schema}, pg_catalog
"""
HOLD_LEDGERS = """
SELECT nspname FROM pg_namespace n WHERE starts_with(nspname, 'handrail_') AND EXISTS (
    SELECT 1 FROM pg_class WHERE relnamespace = n.oid AND relname IN ('about', 'entries')
) ORDER BY 1
"""
_FRAGMENT = re.compile(r"(.*)#([^\W\d]\w*)")
Row = tuple[Any, ...]  # Any: column values
T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """A database that holds ledgers, and which of them is meant.

    Args:
        url: ``postgresql://user:password@host:port/name``; never shown.
        environment: Whose ledger; empty where the database says so itself.
    """

    url: str = field(repr=False)
    environment: str = ""

    @classmethod
    def at(cls, url: str, environment: str = "") -> Self:
        """Read an address; ``…/name#staging`` names the environment, too.

        Raises:
            RunbookError: it is none that libpq takes.
        """
        named = _FRAGMENT.fullmatch(url)
        address = named[1] if named else url
        try:
            parts = conninfo_to_dict(address)
        except psycopg.Error:
            parts = {"port": "none"}
        # A password that is not encoded ends up where port or database belong, which libpq quotes.
        odd = set("@/:") & set(str(parts.get("dbname", "")))
        if odd or not str(parts.get("port", "0")).replace(",", "").isdecimal():
            raise RunbookError(
                "the ledger was not opened",
                "its address is not one that PostgreSQL's own programs take",
                "write it as postgresql://user:password@host:port/name, with `@`, `/`, `:` and `%` "
                "in user and password as %40, %2F, %3A and %25, and without parameters of other "
                "clients (`?schema=…`)",
            )
        return cls(address, environment or (named[2] if named else ""))

    @property
    def has_password(self) -> bool:
        """Tell whether the address holds a password, so that it is not whole where it is shown."""
        return "password" in conninfo_to_dict(self.url)

    @property
    def schema(self) -> str:
        """Return the schema that the ledger lies in."""
        return f"handrail_{self.environment}"

    def __str__(self) -> str:
        """Return the address as it can be shown and pasted: without any password."""
        parts = conninfo_to_dict(self.url)
        user = f"{parts['user']}@" if parts.get("user") else ""
        host = str(parts.get("host", "localhost"))
        port = f":{parts['port']}" if parts.get("port") else ""
        socket = f"?host={host}" if host.startswith("/") else ""
        place = f"postgresql://{user}{'' if socket else host}{'' if socket else port}"
        tail = f"#{self.environment}" if self.environment else ""
        return f"{place}/{parts.get('dbname', '')}{socket}{tail}"

    def environments(self) -> list[str]:
        """Return the environments whose ledgers lie there.

        Raises:
            LedgerDamaged: the server cannot be asked.
        """
        link = Link(self)
        try:
            return [str(name).removeprefix("handrail_") for (name,) in link.ask(HOLD_LEDGERS)]
        finally:
            link.close()


class Link:
    """A connection that is opened when it is needed, and opened again where it was lost.

    Targets that pyinfra serves side by side share it, one statement or transaction after the other.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._turn = RLock()

    @cached_property
    def _db(self) -> psycopg.Connection[Row]:
        given = {k: v for k, v in PATIENCE.items() if k not in conninfo_to_dict(self.server.url)}
        db = psycopg.connect(make_conninfo(self.server.url, **given), autocommit=True)
        db.execute(SQL(SESSION).format(schema=Identifier(self.server.schema)))
        return db

    def close(self) -> None:
        """Let go of it; the next question opens another."""
        if "_db" in vars(self):
            self._db.close()
            del self._db

    def __del__(self) -> None:
        """Let go of it where nobody did."""
        self.close()

    def ask(self, query: str, given: object = None) -> list[Row]:
        """Return what the ledger says; asked once more where the connection had been lost.

        Raises:
            LedgerDamaged: it cannot be read.
        """
        try:
            with self._turn:
                return self._again(lambda: self._rows(query, given))
        except psycopg.Error as error:
            raise refusal(self.server, error, write=False) from None

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[psycopg.Connection[Row]]:
        """Do one short transaction, in which nobody else adds to this ledger.

        Args:
            durable: When it ends all of it is on disk, and all that was written before.

        Raises:
            LedgerUnwritable: the server does not take it, or whether it did is not known.
        """
        try:
            with self._turn:
                try:
                    self._again(lambda: self._begin(durable=durable))
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    self._undo()
                    raise
        except psycopg.Error as error:
            raise refusal(self.server, error, write=True) from None

    def _rows(self, query: str, given: Any) -> list[Row]:  # Any: psycopg's own type
        found = self._db.execute(query.encode(), given)
        return found.fetchall() if found.description else []

    def _begin(self, *, durable: bool) -> None:
        db = self._db
        db.execute("BEGIN")
        # Whoever commits later carries along what was committed before: the log has one order.
        db.execute(f"SET LOCAL synchronous_commit = {'on' if durable else 'off'}")
        place = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 4711))"
        db.execute(place)

    def _again(self, act: Callable[[], T]) -> T:
        """Do something at the beginning of which a lost connection is simply opened again."""
        try:
            return act()
        except psycopg.OperationalError:
            if "_db" not in vars(self) or not self._db.closed:
                raise
            self.close()
            return act()

    def _undo(self) -> None:
        """Leave no transaction open; a connection that cannot say so is given up."""
        try:
            if "_db" in vars(self):
                self._db.execute("ROLLBACK")
        except psycopg.Error:
            self.close()


def refusal(server: Server, error: psycopg.Error, *, write: bool) -> RunbookError:
    """Tell what the server says, without any piece of the address."""
    if isinstance(error, errors.UndefinedTable | errors.InvalidSchemaName):
        return LedgerDamaged(
            f"ledger `{server}` was not opened",
            "there is no ledger in it that this role may see",
            f"correct `ledger` or `--ledger`; where another role made it: {_membership(server)}",
        )
    why = _why(error)
    if isinstance(error, errors.InsufficientPrivilege):
        return _not_allowed(server, why)
    if write:
        return LedgerUnwritable(
            f"ledger `{server}` did not take the entry",
            f"{why}; nothing is done that could not be recorded",
            "see that its server runs and has room, then the same command again",
        )
    return LedgerDamaged(
        f"ledger `{server}` cannot be read",
        f"{why}; what it holds may be sound",
        "see that its server runs and lets this machine in, then the same command again",
    )


def _not_allowed(server: Server, why: str) -> RunbookError:
    """Tell what the database's owner has to type for a role that is no superuser."""
    make = f"CREATE SCHEMA {_quoted(server.schema)} AUTHORIZATION {_role(server)};"
    return LedgerUnwritable(
        f"ledger `{server}` was not opened",
        f"{why}; nothing is done that could not be recorded",
        f"where it has no ledger yet, let the database's owner type `{make}`; where another role "
        f"made it: {_membership(server)}; then the same command again",
    )


def _membership(server: Server) -> str:
    return f"`GRANT OTHER_ROLE TO {_role(server)};`"


def _role(server: Server) -> str:
    return _quoted(str(conninfo_to_dict(server.url).get("user") or "…"))


def _quoted(name: str) -> str:
    return Identifier(name).as_string()


_CAUSES = (
    (r"password authentication failed|no password supplied", "user or password is refused"),
    (r"role .* does not exist", "user or password is refused"),
    (r"no pg_hba\.conf entry", "it does not let this machine in as that user"),
    (r"database .* does not exist", "there is no database of that name"),
    (r"resolve host|translate host name|name or service not known", "the host name is not known"),
    (r"connection refused|no such file or directory", "nothing listens there"),
    (r"timeout expired|timed out", "it did not answer in time"),
    (r"no route to host|network is unreachable", "there is no way to that host from here"),
    (r"does not support SSL|certificate", "it offers no TLS as `sslmode` or `sslrootcert` say"),
    (r"starting up|shutting down|recovery mode", "it is starting or stopping"),
    (r"too many clients|connection slots", "it has no connection left"),
)


def _why(error: psycopg.Error) -> str:
    """Return the condition in words; the server's own text may quote a row or an address."""
    known = {
        errors.DiskFull: "the server's disk is full",
        errors.ReadOnlySqlTransaction: "the server takes no writes: it is a standby, or read-only",
        errors.InsufficientPrivilege: "the role may not do that there",
        errors.LockNotAvailable: "somebody else is in the middle of an entry",
        errors.QueryCanceled: "the server took too long",
        errors.IoError: "the server's disk fails",
        errors.IdleInTransactionSessionTimeout: "this process was paused in the middle of an entry",
    }
    for kind, words in known.items():
        if isinstance(error, kind):
            return words
    said = str(error)
    for pattern, words in _CAUSES:
        if re.search(pattern, said, re.IGNORECASE):
            return words
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
        return "the connection was lost"
    return f"{type(error).__name__} (SQLSTATE {error.sqlstate})"
