"""Rows from one database into another through COPY, without touching them."""

from collections.abc import Callable

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.copy import LibpqWriter
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Wait

from handrail.transfer.session.connection import Connection


def copy_rows(
    source: Connection, destination: Connection, query: str, target: str, *, form: str = "binary"
) -> None:
    """Stream a query's rows into a table.

    Args:
        source: Session on the source, inside one repeatable transaction.
        destination: Session on the destination, inside a transaction of the caller.
        query: SELECT whose column types are exactly those of the target.
        target: Table with its column list, quoted.
        form: COPY format, `binary` or `text`.
    """
    with (
        destination.cursor() as writer,
        writer.copy(f"copy {target} from stdin (format {form})") as table,
    ):
        for piece in source.pieces(query, f"(format {form})"):
            table.write(piece)


def copy_in(
    destination: Connection, copying: str, behind: str, put: Callable[[psycopg.Copy], None]
) -> tuple[str, ...]:
    """Copy rows into a table, and ask something once they are there, in the same round trip.

    Args:
        destination: Session inside a transaction of the caller.
        copying: COPY … FROM STDIN.
        behind: SELECT of one row without NULLs.
        put: Writes the rows.

    Returns:
        The row, its values as texts.

    Raises:
        psycopg.Error: what the server said to either.
    """
    with destination.cursor() as cursor:
        writer = _Asking(cursor)
        with cursor.copy(f"{copying}; {behind}", writer=writer) as table:
            put(table)
    return writer.answer


class _Asking(LibpqWriter):
    """Ends a COPY behind which a question stands in the same text."""

    answer: tuple[str, ...] = ()

    def finish(self, exc: BaseException | None = None) -> None:
        """Say that no row follows, and read what each statement came to."""
        if exc is not None:
            super().finish(exc)  # nothing is asked then
            return
        for result in self.connection.wait(_ended(self.connection.pgconn)):
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
            cells = [result.get_value(0, column) or b"" for column in range(result.nfields)]
            self.answer = tuple(cell.decode() for cell in cells)


def _ended(line: PGconn) -> PQGen[list[PGresult]]:
    """End the rows as psycopg's `copy_end` does, which reads the end of one statement only."""
    while line.put_copy_end() == 0:
        yield Wait.W
    while line.flush():
        yield Wait.W
    found: list[PGresult] = yield from generators.fetch_many(line)
    return found
