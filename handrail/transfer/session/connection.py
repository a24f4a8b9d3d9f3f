"""Sessions to the two databases, with every setting that changes a text or a meaning pinned."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from handrail.clients.errors import ClientError
from handrail.transfer.session.pooled import refuse_pooled
from handrail.transfer.session.programs import KEEPALIVE
from handrail.transfer.session.quoting import literal
from handrail.transfer.session.reader import Reader
from handrail.transfer.session.refused import DatabaseRefused, asked_of, first_line
from handrail.transfer.session.unreachable import not_an_address, refused

type_of_row = tuple[Any, ...]  # Any: what a column holds is known by the query only

# Row text differs under another zone, date style or float precision, so both sides are told.
# `row_security` off makes a policy an error where it would silently hide rows from us.
PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "client_encoding": "UTF8",
    "search_path": "pg_catalog",
    "row_security": "off",
    "jit": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    # what a role or a database may have of its own, and nobody thinks of
    "array_nulls": "on",
    "xmloption": "content",
    "quote_all_identifiers": "off",
    "transform_null_equals": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}
# server versions, as libpq counts them; with the first, a server notices that its client has died
LATER = (
    (140000, {"client_connection_check_interval": "1000", "idle_session_timeout": "0"}),
    (170000, {"transaction_timeout": "0"}),
)
TIMES_LINES = 120000  # tcp_user_timeout
PROBES_ITSELF = 160000  # pg_input_is_valid
# A server by itself looks after a cut line for two hours, with every lock of its session kept. It
# is to let go before whoever comes next is refused (`admission.LOCK_WAIT_SECONDS`).
CUT_LINE = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}
# `pg_input_is_valid` exists from PostgreSQL 16 on; before, only a trapped error tells.
JSON_PROBE = """
create or replace function pg_temp.transfer_is_json(value text) returns boolean
language plpgsql immutable as $probe$
begin
    perform value::jsonb;
    return true;
exception when others then
    return false;
end
$probe$
"""
# A frozen database is read-only by default only.
JSON_PROBE_STATEMENTS = ("begin read write", JSON_PROBE, "commit")
BEGIN = "begin isolation level repeatable read read only"


class Connection(psycopg.Connection[type_of_row]):
    """A session, with a psql beside it on the same snapshot once rows are wanted in bulk.

    `path` is the `search_path` that the role has of its own, which the pinned settings hide:
    functions of checks, indexes and triggers may name what they use without a schema.
    """

    address = ""
    called = "database"
    standby = False  # its server follows another one: nothing can be written, or stopped, there
    pooled = False  # it goes back to a pooler, which gives it to others as it is
    path = ""  # `search_path` as the role has it, for what others wrote
    _reader: Reader | None = None

    def pieces(self, query: str, options: str, note: str = "") -> Iterator[bytes]:
        """Yield the rows of a query as COPY writes them, with a note; see `Reader.pieces`.

        The session must be inside a repeatable transaction, whose rows these are.
        """
        if self._reader is None or self._reader.closed:
            snapshot = value(self, "select pg_export_snapshot()")
            # the rows of a chunk stay in memory while they are counted
            settings = ["set work_mem = '64MB'"]
            settings += [f"set {name} = {literal(given)}" for name, given in _pins(self).items()]
            begin = [*_probe(self), BEGIN, f"set transaction snapshot {literal(snapshot)}"]
            self._reader = Reader(self.address, [*settings, *begin])
        return self._reader.pieces(query, options, note)

    @property
    def noted(self) -> str:
        """Return the note that was asked behind the last rows."""
        return self._reader.noted if self._reader is not None else ""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the session; what the server refused in the block leaves it in words.

        Raises:
            DatabaseRefused: in place of psycopg's error, so that no traceback stands for a refusal.
        """
        super().__exit__(exc_type, exc_val, exc_tb)
        if isinstance(exc_val, psycopg.Error):
            raise DatabaseRefused(asked_of(exc_val) or self.called, exc_val) from exc_val

    def leave_snapshot(self) -> None:
        """End the transaction, and what reads beside it in its snapshot."""
        if self._reader is not None:
            self._reader.close()
        if not self.closed and not self.broken:
            self.rollback()

    def close(self) -> None:
        """Close the session and what reads beside it."""
        if self._reader is not None:
            self._reader.close()
        super().close()


def connect(url: str, *, name: str = "database") -> Connection:
    """Open a session in autocommit mode with the pinned settings.

    Args:
        url: Connection URL or conninfo; appears in no message.
        name: What messages call this database, as `source`.

    Raises:
        DatabaseUnreachable: the address is malformed, or the server refused or did not answer.
        Pooled: it leads to a pooler that does not keep sessions.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise not_an_address(name, url) from None
    settings: dict[str, Any] = {"connect_timeout": 15, "application_name": "cutover-transfer"}
    settings |= KEEPALIVE | given
    try:
        connection = Connection.connect(make_conninfo(**settings), autocommit=True)
    except psycopg.Error as error:
        raise refused(name, given, str(error)) from None
    connection.address, connection.called = url, name
    try:
        pin(connection)
    except (ClientError, psycopg.Error):
        connection.close()
        raise
    return connection


@contextmanager
def at(where: str | Connection, *, name: str = "database") -> Iterator[Connection]:
    """Give a session that is open already, or one to an address for as long as the block.

    To open one takes five ways there and back.
    """
    if isinstance(where, Connection):
        yield where
        return
    with connect(where, name=name) as session:
        yield session


def pin(connection: Connection) -> None:
    """Set the pinned settings, and let the server notice that its peer has died, or its line.

    Where a pooler is in between, which tells another process than the one that works for us,
    nothing is set before it is known that others will not have what we set.

    Raises:
        Pooled: they would.
    """
    told = connection.info.backend_pid
    works = _pinned(connection, told)
    if works != told:
        refuse_pooled(connection.called, connection.address)
        connection.pooled = True
        _pinned(connection, works)


def _pinned(connection: Connection, process: int) -> int:
    """Set the pinned settings if a process works for us; return which one does."""
    pins = _pins(connection)
    set_one = f"case when pg_backend_pid() = {process} then set_config(%s, %s, false) end"
    calls = ", ".join([set_one] * len(pins))
    flat = list(itertools.chain.from_iterable(pins.items()))
    # read before any of them is set
    now = "select pg_is_in_recovery(), current_setting('search_path'), pg_backend_pid()"
    ((connection.standby, path, works, *_),) = connection.execute(f"{now}, {calls}", flat)
    connection.path = connection.path or path
    return int(works)


def _pins(connection: Connection) -> dict[str, str]:
    """Return the settings with those that a server of its version has."""
    version = connection.info.server_version
    pins = PINNED | CUT_LINE
    for since, more in LATER:
        if version >= since:
            pins |= more
    # Not where many rows are read: a reader who takes his time would count as a line that is cut.
    if version >= TIMES_LINES and connection.called == "destination":
        pins["tcp_user_timeout"] = "20000"
    return pins


@contextmanager
def reading(
    where: str | Connection, *, snapshot: str | None = None, name: str = "source"
) -> Iterator[Connection]:
    """Give a session inside one repeatable read-only transaction.

    Args:
        where: Connection URL, or a session in no transaction, which is in none afterwards.
        snapshot: An exported snapshot to see the same rows as another session.
        name: What messages call this database.
    """
    with at(where, name=name) as connection:
        if connection.standby:
            raise ClientError(
                f"the {name} cannot be read for a transfer",
                "its server is a standby: nothing can stop the writes that reach it",
                "put the address of the primary into the inventory",
            )
        begin = [*_probe(connection), BEGIN]
        if snapshot is not None:
            begin.append(f"set transaction snapshot {literal(snapshot)}")
        connection.execute("; ".join(begin))
        try:
            yield connection
        finally:
            if connection is where:
                connection.leave_snapshot()


def with_own_path(connection: Connection) -> str:
    """Return a statement after which a transaction has the `search_path` of its role.

    Functions of triggers, indexes and constraints may name things without a schema; they were
    written by people whose applications run like that. What we write ourselves names schemas.
    """
    return f"select set_config('search_path', {literal(connection.path)}, true)"


def prepare(connection: Connection) -> None:
    """Make the JSON probe where the server has none of its own; it dies with the session."""
    if probe := _probe(connection):
        connection.execute("; ".join(probe))


def _probe(connection: Connection) -> Sequence[str]:
    return () if connection.info.server_version >= PROBES_ITSELF else JSON_PROBE_STATEMENTS


def value(connection: Connection, query: str, *arguments: object) -> Any:  # Any: see type_of_row
    """Return the first column of the first row."""
    row = connection.execute(query, arguments or None).fetchone()
    if row is None:
        raise ClientError("a query gave no row", query, "report this as a bug of the data engine")
    return row[0]


__all__ = ["Connection", "DatabaseRefused", "at", "connect", "first_line", "reading", "value"]
