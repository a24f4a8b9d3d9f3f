"""The append-only record of every run of one environment, in one SQLite file."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from state.entry import GENESIS, Entry, Event, now, timestamp
from state.errors import LedgerDamaged, LedgerUnwritable, RunLocked
from state.lock import Lease, Owner

FORMAT = 1  # of the tables below; a ledger with a higher number was written by a newer program
LOCK_WAIT_SECONDS = 5.0  # short: waiting for an SQLite lock stops every greenlet of pyinfra

_SCHEMA = f"""
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
_COLUMNS = "seq, run, attempt, at, event, task, step, target, actor, reason, fence, body, prev, sha256"


@dataclass(frozen=True)
class Fact:
    """What an append says; the ledger adds number, time, fence and hash."""

    event: Event
    run: str
    attempt: int
    actor: str
    task: str = ""
    step: str = ""
    target: str = ""
    reason: str = ""
    body: Mapping[str, Any] | None = None  # Any: JSON


class Ledger(Protocol):
    """What the engine and the `runbook` command need of a ledger."""

    environment: str

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first."""

    def append(self, fact: Fact, fence: int) -> Entry:
        """Record a fact durably under a current fence token."""

    def lease(self) -> Lease | None:
        """Return the lease as it stands, or None where nobody ever took it."""

    def take_lease(self, owner: Owner) -> Lease:
        """Become the one writer."""

    def heartbeat(self, fence: int) -> None:
        """Say that the writer is alive."""

    def release_lease(self, fence: int) -> None:
        """Stop being the writer."""


class NoLedger:
    """An environment in which nothing was run yet: planning reads it and leaves no file behind."""

    def __init__(self, environment: str) -> None:
        self.environment = environment

    def entries(self) -> list[Entry]:
        """Return nothing: nothing was recorded."""
        return []

    def lease(self) -> Lease | None:
        """Return None: nobody ever held it."""
        return None


class SqliteLedger:
    """A ledger in one file; WAL, every commit synced to disk before it returns.

    Args:
        path: The file; `create` makes it.
        environment: Name of the environment it belongs to.

    Raises:
        LedgerDamaged: not a ledger, torn, edited, of another environment, or newer than this
            program.
        LedgerUnwritable: the file or its directory does not accept writes.
    """

    def __init__(self, path: Path, environment: str) -> None:
        self.path = path
        self.environment = environment
        with self._connection(write=False) as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > FORMAT:
                raise LedgerDamaged(
                    f"ledger `{path}` was not opened",
                    f"it has format {version}, this program knows formats up to {FORMAT}",
                    "update this checkout (`git pull && ./run test`), then the same command again",
                )
            found = db.execute("SELECT environment FROM about").fetchone()
        if found is None or found[0] != environment:
            raise LedgerDamaged(
                f"ledger `{path}` was not opened",
                f"it belongs to `{found[0] if found else 'no environment'}`, not `{environment}`",
                "correct `environment` or `ledger` in the inventory's group data",
            )

    @classmethod
    def create(cls, path: Path, environment: str) -> "SqliteLedger":
        """Make the file if it is not there, and open it."""
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
                with closing(sqlite3.connect(draft)) as db:
                    db.execute("PRAGMA journal_mode = WAL")
                    db.executescript(_SCHEMA)
                    about = (environment, timestamp(now()))
                    db.execute("INSERT INTO about VALUES (?, ?)", about)
                    db.commit()
                os.link(draft, path)  # atomic, and never over a ledger that appeared meanwhile
            except FileExistsError:
                pass  # another process made it first; ours is discarded below
            except (OSError, sqlite3.Error) as error:
                raise _unwritable(path, error) from None
            finally:
                draft.unlink(missing_ok=True)
        return cls(path, environment)

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first, with the chain checked.

        Raises:
            LedgerDamaged: an entry was changed, removed or put in between.
        """
        with self._connection(write=False) as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM entries ORDER BY seq").fetchall()
        entries = [_entry(row, self.path) for row in rows]
        for problem in broken_links(entries):
            raise LedgerDamaged(
                f"ledger `{self.path}` is not trusted",
                problem,
                f"runbook verify --ledger {self.path}, then restore the file from its backup",
            )
        return entries

    def append(self, fact: Fact, fence: int) -> Entry:
        """Record a fact; when this returns it is on disk.

        Raises:
            RunLocked: the fence token is stale: another process took over.
            LedgerUnwritable: read-only, full, or locked for too long.
        """
        with self._connection(write=True) as db:
            lease = _lease(db)
            if lease is None or lease.fence != fence or not lease.held:
                raise RunLocked(
                    "nothing more was recorded by this process",
                    f"its fence token {fence} is stale: another process took the lease over",
                    "run the same command again; it resumes from what the ledger holds",
                )
            last = db.execute("SELECT seq, sha256 FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
            seq, prev = (last[0] + 1, last[1]) if last else (1, GENESIS)
            entry = Entry(
                seq=seq,
                run=fact.run,
                attempt=fact.attempt,
                at=timestamp(now()),
                event=fact.event,
                task=fact.task,
                step=fact.step,
                target=fact.target,
                actor=fact.actor,
                reason=fact.reason,
                fence=fence,
                body=dict(fact.body or {}),
                prev=prev,
            ).sealed()
            values = entry.as_json() | {"body": json.dumps(entry.body, ensure_ascii=False)}
            places = ", ".join(f":{name.strip()}" for name in _COLUMNS.split(","))
            db.execute(f"INSERT INTO entries ({_COLUMNS}) VALUES ({places})", values)
        return entry

    def lease(self) -> Lease | None:
        """Return the lease as it stands, or None where nobody ever took it."""
        with self._connection(write=False) as db:
            return _lease(db)

    def take_lease(self, owner: Owner) -> Lease:
        """Become the one writer, with a fence token higher than any before.

        Raises:
            RunLocked: the holder is alive, or may be.
        """
        with self._connection(write=True) as db:
            current = _lease(db)
            if current is not None:
                current.refuse_if_held()
            lease = Lease.next_after(current, owner)
            db.execute("INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?, ?, 1)", lease.row())
        return lease

    def heartbeat(self, fence: int) -> None:
        """Say that the writer is alive; a stale fence changes nothing."""
        with self._connection(write=True) as db:
            beat = (timestamp(now()), fence)
            db.execute("UPDATE lease SET heartbeat = ? WHERE fence = ? AND held = 1", beat)

    def release_lease(self, fence: int) -> None:
        """Stop being the writer; a stale fence changes nothing."""
        with self._connection(write=True) as db:
            db.execute("UPDATE lease SET held = 0 WHERE fence = ?", (fence,))

    @contextmanager
    def _connection(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """Open, do one short transaction, close: nothing is held between two entries."""
        if not self.path.exists():
            raise LedgerDamaged(
                f"ledger `{self.path}` was not opened",
                "there is no such file",
                "correct `ledger` in the inventory, or `--ledger` on the command line",
            )
        mode = "rw" if write else "ro"
        try:
            db = sqlite3.connect(
                f"file:{self.path}?mode={mode}",
                uri=True,
                timeout=LOCK_WAIT_SECONDS,
                isolation_level=None,
            )
            with closing(db):
                db.execute("PRAGMA synchronous = FULL")
                if not write:
                    yield db
                    return
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if write:
                raise _unwritable(self.path, error) from None
            raise _damaged(self.path, error) from None
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, error) from None


def broken_links(entries: list[Entry]) -> Iterator[str]:
    """Yield what is wrong with a chain: altered content, gaps, wrong predecessors."""
    prev = GENESIS
    for place, entry in enumerate(entries, start=1):
        if entry.seq != place:
            yield f"entry {place} is missing; the next one found is {entry.seq}"
            return
        if entry.prev != prev:
            yield f"entry {entry.seq} does not follow the entry before it"
        if entry.digest() != entry.sha256:
            yield f"entry {entry.seq} was changed after it was written"
        prev = entry.sha256


def open_ledger(where: str, environment: str, *, create: bool) -> SqliteLedger | NoLedger:
    """Open the ledger named in an inventory: a path, or ``sqlite:///path``.

    Args:
        where: File of the ledger.
        environment: Name of the environment.
        create: Make it if absent; planning passes False and gets an empty view instead.
    """
    path = Path(where.removeprefix("sqlite:///")).expanduser()
    if create:
        return SqliteLedger.create(path, environment)
    return SqliteLedger(path, environment) if path.exists() else NoLedger(environment)


def _lease(db: sqlite3.Connection) -> Lease | None:
    row = db.execute(
        "SELECT fence, machine, pid, started, actor, heartbeat, held FROM lease"
    ).fetchone()
    return Lease.from_row(row) if row else None


def _entry(row: tuple[Any, ...], path: Path) -> Entry:  # Any: SQLite's column values
    values = dict(zip((name.strip() for name in _COLUMNS.split(",")), row, strict=True))
    try:
        values["event"] = Event(values["event"])
        values["body"] = json.loads(values["body"])
    except ValueError:
        raise LedgerDamaged(
            f"ledger `{path}` is not trusted",
            f"entry {values['seq']} cannot be read",
            f"runbook verify --ledger {path}, then restore the file from its backup",
        ) from None
    return Entry(**values)


def _unwritable(path: Path, error: Exception) -> LedgerUnwritable:
    return LedgerUnwritable(
        f"ledger `{path}` did not take the entry",
        f"{error}; nothing is done that could not be recorded",
        f"see `ls -l {path}*` and `df -h {path.parent}`, then the same command again",
    )


def _damaged(path: Path, error: Exception) -> LedgerDamaged:
    return LedgerDamaged(
        f"ledger `{path}` cannot be read",
        f"{error}",
        f"keep the file for analysis, then restore `{path}` from its backup",
    )
