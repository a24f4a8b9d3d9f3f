"""Move one range of a table's rows in one transaction of the destination."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Protocol

import psycopg

from handrail.clients.errors import ClientError
from handrail.transfer.read import journal
from handrail.transfer.read.journal import Chunk, Expected, Moved, Sums
from handrail.transfer.session.asking import Begun, Line, Rows, beginning, rows
from handrail.transfer.session.connection import (
    Connection,
    DatabaseRefused,
    first_line,
    with_own_path,
)
from handrail.transfer.session.quoting import literal
from handrail.transfer.session.refused import raised_in
from handrail.transfer.sql.plan import TablePlan


class Supply(Protocol):
    """Where rows come from: the live source, or the files of an export."""

    name: str
    text_hashes: bool

    @property
    def mark(self) -> str | None:
        """Name the freeze of the source that the rows lie in, if they do."""

    def cut(self, *tables: TablePlan) -> list[Chunk]:
        """Cut tables into chunks."""

    def expected(self, table: TablePlan, chunk: Chunk) -> Line[Expected]:
        """Say what the chunk comes to."""

    def rows(
        self, destination: Connection, table: TablePlan, chunk: Chunk
    ) -> tuple[Expected, Sums]:
        """Copy the chunk's rows into the destination table; say what they come to on both sides."""

    def evidence(
        self, destination: Connection, table: TablePlan, chunk: Chunk, expected: Expected
    ) -> list[Line[Rows]]:
        """Copy what was kept out and changed into `_migration`, or return what does at the end."""

    def highest(self, columns: Sequence[tuple[TablePlan, str]]) -> list[int | None]:
        """Return the highest numbers these columns ever held on the source, kept out or not."""


class LoadFailed(ClientError):
    """A chunk could not be moved; the destination is as it was before that chunk."""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the loss of a server or of the line, which may show at any statement, into a refusal.

    Args:
        what: What did not come to its end.
    """
    try:
        yield
    except DatabaseRefused as refused:
        raise LoadFailed(what, refused.why, f"{refused.fix}: it resumes there") from refused
    except psycopg.Error as error:
        fix = "see that both servers answer, then the same command again: it resumes there"
        raise LoadFailed(what, first_line(error), fix) from error


def target_sums(session: Connection, table: TablePlan, chunk: Chunk, *, text: bool) -> Line[Sums]:
    """Return what the chunk's rows on the destination come to."""
    where = table.span(chunk.lower, chunk.upper, source=False)
    (found,) = yield from rows(session, table.target_sums(where, text=text))
    return Sums(*found)


def preparing(destination: Connection) -> list[Line[Rows]]:
    """Return what a transaction that moves chunks begins with."""
    first = ("set constraints all deferred", with_own_path(destination))
    return [rows(destination, statement) for statement in first]


def move(
    supply: Supply,
    destination: Connection,
    table: TablePlan,
    chunk: Chunk,
    digest: str,
    *,
    within: Begun | None = None,
    before_commit: Callable[[Chunk], None] | None = None,
) -> Moved:
    """Put the chunk's rows on the destination, and record it, all or nothing.

    Args:
        supply: Where the rows come from.
        destination: Session; the work is one transaction of it, or part of the one it is within.
        table: Plan of the chunk's table.
        chunk: Range to move.
        digest: Digest of the plan, under which the chunk is recorded.
        within: The transaction it is part of, which began with `preparing`.
        before_commit: Called with everything done and nothing committed.

    Raises:
        LoadFailed: the destination refused a row, or holds other rows than were read.
    """
    try:
        alone = beginning(destination, *preparing(destination))
        with alone if within is None else nullcontext(within) as begun:
            expected, found = supply.rows(destination, table, chunk)
            if found != expected.sums:
                raise LoadFailed(
                    f"chunk {chunk.number} of `{table.name}` was not moved",
                    f"{expected.sums.rows} rows read, {found.rows} there, or some arrived changed",
                    "look there for triggers and rounding types, then run the same command again",
                )
            moved = Moved(chunk, expected)
            begun.last.extend(supply.evidence(destination, table, chunk, expected))
            begun.last.append(journal.record(destination, moved, digest, supply.name))
            if before_commit is not None:
                before_commit(chunk)
    except psycopg.Error as error:
        why, fix = first_line(error), "run the preflight, mend what it names"
        if (function := raised_in(error)) is not None:
            why = f"{why} ({function})"
            fix = (
                f"mend what {function} wants, or `alter table {table.target} disable trigger NAME` "
                "for the one that calls it"
            )
        raise LoadFailed(
            f"chunk {chunk.number} of `{table.name}` was not moved",
            why,
            f"{fix}, then the same command: it resumes here",
        ) from error
    return moved


def clearing(table: TablePlan, chunk: Chunk) -> list[str]:
    """Return what takes away the rows of a chunk's range, and what was recorded of it."""
    where = table.span(chunk.lower, chunk.upper, source=False)
    recorded = f"where table_name = {literal(table.name)} and chunk = {chunk.number}"
    return [
        f"delete from {table.target_rows} where {where}",
        *(f"delete from _migration.{name} {recorded}" for name in ("quarantine", "adjusted")),
    ]
