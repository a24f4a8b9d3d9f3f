"""The file under a ledger: its tables, its connections, and the refusals of both."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from handrail.ledger.entry import now, timestamp
from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable, RunbookError

FORMAT = 1  # of the tables below; a ledger with a higher number was written by a newer program
LOCK_WAIT_SECONDS = 5.0  # short: waiting for an SQLite lock stops every greenlet of pyinfra

SCHEMA = f"""
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY CHECK (seq > 0), run TEXT NOT NULL, attempt INTEGER NOT NULL,
    at TEXT NOT NULL, event TEXT NOT NULL, task TEXT NOT NULL, step TEXT NOT NULL,
    target TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, fence INTEGER NOT NULL,
    body TEXT NOT NULL, prev TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), fence INTEGER NOT NULL, machine TEXT NOT NULL,
    pid INTEGER NOT NULL, started TEXT NOT NULL, actor TEXT NOT NULL, heartbeat TEXT NOT NULL,
    held INTEGER NOT NULL
) STRICT;
CREATE TABLE about (environment TEXT NOT NULL, created_at TEXT NOT NULL) STRICT;
PRAGMA user_version = {FORMAT};
"""

# What the file system or another process did, as opposed to what the file holds.
_CIRCUMSTANCES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}

_NO_LOCK_FILE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


def create(path: Path, environment: str) -> None:
    """Make an empty ledger of an environment, whole or not at all; one that is there stays.

    Raises:
        LedgerUnwritable: the directory does not accept it.
    """
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(draft)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(SCHEMA)
            db.execute("INSERT INTO about VALUES (?, ?)", (environment, timestamp(now())))
            db.commit()
        _link(draft, path)
    except (OSError, sqlite3.Error) as error:
        raise _unwritable(path, error) from None
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    """Give a finished file its name: atomic, and never over one that appeared meanwhile."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # another process made it first; ours is discarded
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else a power cut may take the name with it
    finally:
        os.close(folder)


@contextmanager
def connection(path: Path, *, write: bool) -> Iterator[sqlite3.Connection]:
    """Open, do one short transaction, close: nothing is held between two entries.

    Raises:
        LedgerDamaged: there is no such file, or it cannot be read.
        LedgerUnwritable: it does not accept writes.
    """
    if not path.is_file():
        raise LedgerDamaged(
            f"ledger `{path}` was not opened",
            "there is no such file" if not path.exists() else "it is not a file",
            "correct `ledger` in the inventory, or `--ledger` on the command line",
        )
    try:
        with closing(_open(path, write=write)) as db:
            db.execute("PRAGMA synchronous = FULL")
            if not write:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled it back already
                    db.execute("ROLLBACK")
                raise
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise refusal(path, error, write=write) from None


def _open(path: Path, *, write: bool) -> sqlite3.Connection:
    where = path.absolute().as_uri()
    # A reader opens the file as a writer does, else it leaves its lock files behind.
    db = _connect(f"{where}?mode=rw")
    if write:
        return db
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        db.close()
        # On a medium that takes no lock files nobody writes either, so a reader may do without,
        # unless entries wait in a write-ahead log.
        log = path.with_name(f"{path.name}-wal")
        waiting = log.exists() and log.stat().st_size > 0
        if waiting or error.sqlite_errorcode & 0xFF not in _NO_LOCK_FILE:
            raise
        return _connect(f"{where}?immutable=1")
    return db


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_SECONDS, isolation_level=None)


def environment_of(path: Path) -> str:
    """Return the environment a ledger file belongs to.

    Raises:
        LedgerDamaged: it is not a ledger, or was written by a newer program.
    """
    with connection(path, write=False) as db:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > FORMAT:
            raise LedgerDamaged(
                f"ledger `{path}` was not opened",
                f"it has format {version}, this program knows formats up to {FORMAT}",
                "update this checkout (`git pull && ./run test`), then the same command again",
            )
        if version < 1:
            raise LedgerDamaged(
                f"ledger `{path}` was not opened",
                "it is not a ledger" if path.stat().st_size else "it is empty",
                f"see `ls -l {path}`; name the right file, or restore this one from its backup",
            )
        found = db.execute("SELECT environment FROM about").fetchall()
    if len(found) != 1:
        raise LedgerDamaged(
            f"ledger `{path}` was not opened",
            f"it names {len(found)} environments; a ledger belongs to one",
            "restore the file from its backup",
        )
    return str(found[0][0])


def refusal(path: Path, error: Exception, *, write: bool) -> RunbookError:
    """Tell what the file holds from what the file system did.

    A message of SQLite that quotes rotten bytes of the file arrives as a UnicodeDecodeError.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # low byte: primary
    if code in _CIRCUMSTANCES and write:
        return _unwritable(path, error)
    if code in _CIRCUMSTANCES:
        return LedgerDamaged(
            f"ledger `{path}` cannot be read",
            f"{error}; the file itself may be sound",
            f"see `ls -l {path}*`; or copy these files to a directory of your own and name "
            "the copy with `--ledger`",
        )
    return LedgerDamaged(
        f"ledger `{path}` cannot be read",
        "its tables are rotten" if isinstance(error, UnicodeDecodeError) else f"{error}",
        f"keep the file for analysis, then restore `{path}` from its backup",
    )


def _unwritable(path: Path, error: Exception) -> LedgerUnwritable:
    return LedgerUnwritable(
        f"ledger `{path}` did not take the entry",
        f"{error}; nothing is done that could not be recorded",
        f"see `ls -l {path}*` and `df -h {path.parent}`, then the same command again",
    )
