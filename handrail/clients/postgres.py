"""PostgreSQL, reached by a URL that is never shown."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString, Self

import psycopg
from psycopg.abc import Params
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import Diagnostic
from psycopg.sql import SQL, Composed

from handrail.clients.address import FORM, misread
from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret
from handrail.clients.unreachable import cause_of


@dataclass(frozen=True)
class Database:
    """One PostgreSQL database.

    Args:
        url: ``postgresql://user:password@host:port/name``, or libpq's ``key=value`` form.
    """

    url: Secret

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Take ``env:NAME`` or ``file:PATH``.

        Raises:
            ClientError: it is written out instead of named.
        """
        return value if isinstance(value, cls) else cls(Secret.from_inventory(value))

    def secrets(self) -> list[Secret]:
        """Return the URL: another one is another database, so another act."""
        return [self.url]

    @property
    def name(self) -> str:
        """Name of the database.

        Raises:
            ClientError: the URL cannot be read, or names none.
        """
        found = self._parts().get("dbname")
        if not found:
            raise self._not_a_url("it names no database")
        return str(found)

    @property
    def host(self) -> str:
        """Host of the server; empty where libpq's own default serves.

        Raises:
            ClientError: the URL cannot be read.
        """
        return str(self._parts().get("host") or "")

    @contextlib.contextmanager
    def connect(
        self, *, autocommit: bool = False, timeout_seconds: float = 10
    ) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:  # Any: column values
        """Open a connection for a `with` block: committed at its end, rolled back on an error.

        Args:
            autocommit: Whether each statement stands alone.
            timeout_seconds: For connecting; libpq counts whole seconds, at least two.

        Raises:
            ClientError: unreachable, refused, or a statement failed; without its values.
        """
        parts = self._parts()
        given = {"connect_timeout": max(2, round(timeout_seconds))}
        try:
            conninfo = make_conninfo("", **{**parts, **given})
            connection = psycopg.connect(conninfo, autocommit=autocommit)
        except psycopg.Error as error:
            raise self._unreachable(str(error)) from None
        try:
            with connection:
                yield connection
        except psycopg.Error as error:
            raise self._failed(error) from None

    def query(
        self,
        statement: LiteralString | SQL | Composed,
        params: Params | None = None,
        *,
        timeout_seconds: float = 10,
    ) -> list[tuple[Any, ...]]:  # Any: column values
        """Run one statement and return its rows; none for a statement that has none.

        Raises:
            ClientError: as `connect`.
        """
        with self.connect(timeout_seconds=timeout_seconds) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def server_version(self) -> int:
        """Return the server's version as it numbers itself: 150018 is 15.18.

        Raises:
            ClientError: as `connect`.
        """
        with self.connect() as connection:
            return connection.info.server_version

    def _parts(self) -> dict[str, Any]:  # Any: psycopg's own type
        try:
            parts = dict(conninfo_to_dict(self.url.reveal()))
        except psycopg.Error:
            # libpq quotes the piece it stumbles over, which may be the password.
            why, advice = misread(self.url.reveal())
            raise self._not_a_url(why, advice) from None
        # Read here as libpq would only when it connects: a password with an `@` or a `/` that is
        # not encoded ends up where the port belongs.
        if not str(parts.get("port", "0")).replace(",", "").isdecimal():
            raise self._not_a_url("its port is not a number; is its password percent-encoded?")
        return parts

    def _called(self) -> str:
        return self.url.called("its URL")

    def _not_a_url(self, why: str, advice: str = FORM) -> ClientError:
        fix = f"in {self._called()}, {advice}"
        return ClientError(f"the database of {self._called()} could not be used", why, fix)

    def _unreachable(self, said: str) -> ClientError:
        what = f"no connection to the database of {self._called()}"
        if (cause := cause_of(said)) is not None:
            fix = cause.fix.format(address=self._called())
            return ClientError(what, cause.bare, f"{fix}, then the same command again")
        fix = f"try `psql` with {self._called()} and read its message"
        return ClientError(what, "the server or the network refused it", fix)

    def _failed(self, error: psycopg.Error) -> ClientError:
        what = f"a statement on the database of {self._called()} failed"
        # Classes 08 and 57P: connection exceptions, and sessions ended by the server.
        # Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
        if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
            return ClientError(
                what,
                "the connection was lost",
                "see that the server runs, then the same command again",
            )
        # The message may quote a row; the name of the condition and its object cannot.
        return ClientError(
            what,
            f"{type(error).__name__} (SQLSTATE {error.sqlstate}){_place_of(error.diag)}",
            "look the SQLSTATE up in the server's log, which has the statement",
        )


def _place_of(told: Diagnostic) -> str:
    """Return which objects an error is of, to follow its name; empty where it tells none."""
    names = (told.table_name, told.column_name, told.constraint_name)
    kinds = ("table", "column", "constraint")
    objects = [f"{kind} `{name}`" for kind, name in zip(kinds, names, strict=True) if name]
    return f" on {', '.join(objects)}" if objects else ""
