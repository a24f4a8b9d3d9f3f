"""A ledger file as it lies there: opened read-only, whatever state it is in."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.refusals import refusal
from handrail.ledger.schema import SCHEMAS

T = TypeVar("T")


def look(path: Path, take: Callable[[sqlite3.Connection], T]) -> T:
    """Return what `take` makes of the file; of one view of it, whatever a writer does meanwhile.

    Raises:
        LedgerDamaged: it cannot be read at all.
    """
    if not path.is_file():
        raise LedgerDamaged(
            f"ledger `{path}` was not opened",
            "there is no such file" if not path.exists() else "it is not a file",
            "correct `--ledger`",
        )
    try:
        found = _at_rest(path, take)
        if found is None:  # its newest entries are in its write-ahead log
            found = _taken(f"{path.absolute().as_uri()}?mode=ro", take)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise refusal(path, error, write=False) from None
    return found


def _at_rest(path: Path, take: Callable[[sqlite3.Connection], T]) -> T | None:
    """Read a file that nobody writes to: no lock, nothing left behind, any medium will do."""
    before = _stamp(path)
    if before is None:
        return None
    try:
        found = _taken(f"{path.absolute().as_uri()}?immutable=1", take)
    except (sqlite3.Error, UnicodeDecodeError):
        if _stamp(path) == before:
            raise
        return None
    return found if _stamp(path) == before else None


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes with every write; None while a write-ahead log is in use."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size > 0:
        return None
    return path.stat().st_mtime_ns, path.stat().st_size


def _taken(uri: str, take: Callable[[sqlite3.Connection], T]) -> T:
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        db.execute("BEGIN")
        try:
            return take(db)
        except (sqlite3.OperationalError, UnicodeDecodeError):
            # Bytes that are no text: read again, and let them be told as what they are.
            db.text_factory = lambda raw: raw.decode(errors="surrogateescape")
            return take(db)


def tables(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return what the file is made of: tables, indexes and triggers, as they were declared."""
    query = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"
    return [(str(kind), str(name), str(sql)) for kind, name, sql in db.execute(query).fetchall()]


def expected_tables(version: int) -> list[tuple[str, str, str]]:
    """Return what a file of a format has to be made of."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMAS.get(version, ""))
        return tables(db)
