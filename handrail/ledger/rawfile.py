"""A ledger file as it lies there: opened read-only, whatever state it is in."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from handrail.ledger import sqlite
from handrail.ledger.archive.look import ARCHIVES
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.refusals import refusal
from handrail.ledger.schema import FORMAT, SCHEMAS, columns
from handrail.ledger.secrets import Vault

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


class RawFile:
    """What a file says of a ledger, as it stands in its tables."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path, self.name = db, path, str(path)
        self.version = sqlite.version_of(db)
        found = db.execute("SELECT environment FROM about").fetchall()
        self.environments = [str(each[0]) for each in found]

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the file itself."""
        for (line,) in self._db.execute("PRAGMA integrity_check(10)").fetchall():
            if line != "ok":
                yield f"the file is damaged: {line}"
        if self.version not in SCHEMAS:
            yield f"its format is {self.version}, this program knows up to {max(SCHEMAS)}"
        if _tables(self._db) != _expected_tables(self.version):
            yield "its tables or the triggers that keep it append-only were altered"

    def rows(
        self, names: Sequence[str], environment: str
    ) -> Iterable[Sequence[Any]]:  # Any: stored columns
        """Return the entries in their order, the environment among their fields."""
        at = names.index("environment")
        before, after = (
            columns(tuple(part), self.version) for part in (names[:at], names[at + 1 :])
        )
        query = f"SELECT {before}, ?, {after} FROM entries ORDER BY seq"
        return self._db.execute(query, (environment,))

    def archives(self) -> str:
        """Return what the newest entry about archives says; empty where nothing is archived."""
        (first,) = self._db.execute("SELECT min(seq) FROM entries").fetchone()
        found = self._db.execute(ARCHIVES).fetchone() if first != 1 else None
        return str(found[0]) if found else ""

    def token(self) -> int:
        """Return the token of the lease."""
        query = f"SELECT {columns(('token',), self.version)} FROM lease"
        found = self._db.execute(query).fetchone()
        return int(found[0]) if found else 0

    def anchors(self) -> Iterator[tuple[int, str, str]]:
        """Yield what the last attempt left, and the digest that is there."""
        if self.version < FORMAT:
            return
        for seq, sha256 in self._db.execute("SELECT seq, sha256 FROM anchor").fetchall():
            query = "SELECT sha256 FROM entries WHERE seq = ?"
            found = self._db.execute(query, (seq,)).fetchone()
            yield seq, sha256, found[0] if found else ""

    def vault(self) -> Iterator[str]:
        """Yield why the vault beside it cannot be opened."""
        if self.version < FORMAT:
            return
        for (known,) in self._db.execute("SELECT fingerprint FROM vault").fetchall():
            try:
                Vault.beside(self._path, planning=True, known=known).fingerprint()
            except LedgerDamaged as lost:
                yield f"{lost.what}: {lost.why}"


def _tables(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return what the file is made of: tables, indexes and triggers, as they were declared."""
    query = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"
    return [(str(kind), str(name), str(sql)) for kind, name, sql in db.execute(query).fetchall()]


def _expected_tables(version: int) -> list[tuple[str, str, str]]:
    """Return what a file of a format has to be made of."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMAS.get(version, ""))
        return _tables(db)
