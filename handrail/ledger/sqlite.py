"""The file under a ledger: its making, its connections, its way from an older format."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from handrail.ledger.entry import now, timestamp
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.refusals import refusal, unwritable
from handrail.ledger.schema import FORMAT, FROM_FIRST, SCHEMAS

LOCK_WAIT_SECONDS = 5.0  # short: waiting for an SQLite lock stops every greenlet of pyinfra

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
            # Nothing may wait in a log of the draft's own: what a close cannot move out of it, on a
            # disk that fails, nobody is told of.
            db.execute("PRAGMA journal_mode = MEMORY")
            # One transaction: each by itself would be synced by itself.
            db.executescript(f"BEGIN; {SCHEMAS[FORMAT]} PRAGMA user_version = {FORMAT};")
            db.execute("INSERT INTO about VALUES (?, ?)", (environment, timestamp(now())))
            db.commit()
            db.execute("PRAGMA journal_mode = WAL")
        _link(draft, path)
    except (OSError, sqlite3.Error) as error:
        raise unwritable(path, error) from None
    finally:
        for part in ("", "-wal", "-shm"):
            draft.with_name(f"{draft.name}{part}").unlink(missing_ok=True)


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
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open, look, close: nothing is held, and nothing is left behind.

    Raises:
        LedgerDamaged: there is no such file, or it cannot be read.
    """
    refuse_missing(path)
    try:
        with closing(_open(path)) as db:
            yield db
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise refusal(path, error, write=False) from None


class Writing:
    """The one connection that a writer holds from its first entry to its last.

    Closing it costs a checkpoint, so it is not closed between two entries; a file that was moved
    away or replaced meanwhile is noticed before each transaction.
    """

    def __init__(self, path: Path) -> None:
        refuse_missing(path)
        self.path = path
        try:
            self._db = _connect(f"{path.absolute().as_uri()}?mode=rw")
        except sqlite3.Error as error:
            raise refusal(path, error, write=True) from None
        self._file = _identity(path)
        self._durable: bool | None = None  # how the last transaction ended

    def close(self) -> None:
        """Let go of the file; the last connection to it tidies its write-ahead log away."""
        self._db.close()

    def __del__(self) -> None:
        """Let go where nobody did; a file that was not opened has nothing to let go of."""
        if "_db" in vars(self):
            self._db.close()

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """Read what the file says now.

        Raises:
            LedgerDamaged: the file is another one now, is gone, or cannot be read.
        """
        self._refuse_another_file()
        try:
            yield self._db
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise refusal(self.path, error, write=True) from None

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Do one short transaction.

        Args:
            durable: When it ends all of it is on disk, and all that was written before. Else a
                killed process loses nothing of it, and a power cut may.

        Raises:
            LedgerDamaged: the file is another one now, is gone, or cannot be read.
            LedgerUnwritable: it does not accept writes.
        """
        self._refuse_another_file()
        db = self._db
        try:
            if durable is not self._durable:
                db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled it back already
                    db.execute("ROLLBACK")
                raise
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise refusal(self.path, error, write=True) from None

    def _refuse_another_file(self) -> None:
        if _identity(self.path) != self._file:
            refuse_missing(self.path)
            raise LedgerDamaged(
                f"ledger `{self.path}` was not opened",
                "another file was put in its place since this command began",
                f"see `ls -li {self.path}*`; then the same command again",
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from any other of its name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refuse_missing(path: Path) -> None:
    """Raise where there is no file of that name."""
    if not path.is_file():
        raise LedgerDamaged(
            f"ledger `{path}` was not opened",
            "there is no such file" if not path.exists() else "it is not a file",
            "correct `ledger` in the inventory, or `--ledger` on the command line",
        )


def renew(db: sqlite3.Connection) -> None:
    """Bring a file of an earlier format to today's, within the caller's transaction."""
    if version_of(db) == FORMAT:
        return
    for script in FROM_FIRST:
        statement = ""
        for line in script.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                db.execute(statement)
                statement = ""
        if statement.strip():
            db.execute(statement)


def version_of(db: sqlite3.Connection) -> int:
    """Return the format of a file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _open(path: Path) -> sqlite3.Connection:
    where = path.absolute().as_uri()
    # A reader opens the file as a writer does, else it leaves its lock files behind.
    db = _connect(f"{where}?mode=rw")
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        db.close()
        # On a medium that takes no lock files nobody writes either, so a reader may do without,
        # unless entries wait in a write-ahead log.
        log = path.with_name(f"{path.name}-wal")
        waiting = log.exists() and log.stat().st_size > 0
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if waiting or code not in _NO_LOCK_FILE:
            raise
        return _connect(f"{where}?immutable=1")
    return db


def _connect(uri: str) -> sqlite3.Connection:
    # What is let go of is closed wherever Python collects it, so by another thread, too.
    return sqlite3.connect(
        uri, uri=True, timeout=LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )


def about(path: Path) -> tuple[str, str]:
    """Return the environment a ledger file belongs to, and when it was made.

    Raises:
        LedgerDamaged: it is not a ledger, or was written by a newer program.
    """
    with reading(path) as db:
        version = version_of(db)
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
        found = db.execute("SELECT environment, created_at FROM about").fetchall()
    if len(found) != 1:
        raise LedgerDamaged(
            f"ledger `{path}` was not opened",
            f"it names {len(found)} environments; a ledger belongs to one",
            "restore the file from its backup",
        )
    return str(found[0][0]), str(found[0][1])
