"""The append-only record of every run of one environment, in one SQLite file."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from handrail.ledger import sqlite
from handrail.ledger.entry import GENESIS, Entry, Event, canonical, now, storable, timestamp
from handrail.ledger.errors import LedgerDamaged, RunbookError, RunLocked
from handrail.ledger.lease import Lease, Owner

_NAMES = (
    *("seq", "run", "attempt", "at", "event", "task", "step"),
    *("target", "actor", "reason", "fence", "body", "prev", "sha256"),
)
_COLUMNS = ", ".join(_NAMES)
_NUMBERS = {"seq", "attempt", "fence"}


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
    """What the engine and the `handrail` command need of a ledger."""

    environment: str

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first."""

    def append(self, fact: Fact, fence: int) -> Entry:
        """Record a fact durably under a current fence token."""

    def lease(self) -> Lease | None:
        """Return the lease as it stands, or None where nobody ever took it."""

    def take_lease(self, owner: Owner, at: datetime | None = None) -> Lease:
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
        environment: Name of the environment it belongs to; None takes what the file says.

    Raises:
        LedgerDamaged: not a ledger, torn, edited, of another environment, or newer than this
            program.
        LedgerUnwritable: the file or its directory does not accept writes.
    """

    def __init__(self, path: Path, environment: str | None = None) -> None:
        self.path = path
        found = sqlite.environment_of(path)
        self.environment = found if environment is None else environment
        if found != self.environment:
            raise LedgerDamaged(
                f"ledger `{path}` was not opened",
                f"it belongs to `{found}`, not `{environment}`",
                "correct `environment` or `ledger` in the inventory's group data",
            )

    @classmethod
    def create(cls, path: Path, environment: str) -> "SqliteLedger":
        """Make the file if it is not there, and open it."""
        sqlite.create(path, environment)
        return cls(path, environment)

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first, with the chain checked.

        Raises:
            LedgerDamaged: an entry was changed, removed or put in between.
        """
        with sqlite.connection(self.path, write=False) as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM entries ORDER BY seq").fetchall()
        entries = [_entry(row, self.path) for row in rows]
        for problem in broken_links(entries):
            raise _untrusted(self.path, problem)
        return entries

    def append(self, fact: Fact, fence: int) -> Entry:
        """Record a fact; when this returns it is on disk.

        Raises:
            RunLocked: the fence token is stale: another process took over.
            LedgerUnwritable: read-only, full, or locked for too long.
        """
        with sqlite.connection(self.path, write=True) as db:
            lease = _lease(db, self.path)
            if lease is None or lease.fence != fence or not lease.held:
                raise RunLocked(
                    "nothing more was recorded by this process",
                    f"its fence token {fence} is stale: another process took the lease over",
                    "run the same command again; it resumes from what the ledger holds",
                )
            newest = "SELECT seq, sha256, fence FROM entries ORDER BY seq DESC LIMIT 1"
            seq, prev, highest = db.execute(newest).fetchone() or (0, GENESIS, 0)
            if highest > fence:
                raise _untrusted(self.path, f"entry {seq} has fence {highest}; the lease {fence}")
            entry = Entry(
                seq=seq + 1,
                run=storable(fact.run),
                attempt=fact.attempt,
                at=timestamp(now()),
                event=fact.event,
                task=storable(fact.task),
                step=storable(fact.step),
                target=storable(fact.target),
                actor=storable(fact.actor),
                reason=storable(fact.reason),
                fence=fence,
                # As a reader will see it: keys are text, tuples are lists.
                body=json.loads(storable(canonical(fact.body or {}))),
                prev=prev,
            ).sealed()
            values = entry.as_json() | {"body": canonical(entry.body)}
            places = ", ".join(f":{name}" for name in _NAMES)
            db.execute(f"INSERT INTO entries ({_COLUMNS}) VALUES ({places})", values)
        return entry

    def lease(self) -> Lease | None:
        """Return the lease as it stands, or None where nobody ever took it."""
        with sqlite.connection(self.path, write=False) as db:
            return _lease(db, self.path)

    def take_lease(self, owner: Owner, at: datetime | None = None) -> Lease:
        """Become the one writer, with a fence token higher than any before.

        Args:
            owner: Who wants to write.
            at: The time of day to go by; now unless given.

        Raises:
            RunLocked: the holder is alive, or may be.
        """
        with sqlite.connection(self.path, write=True) as db:
            current = _lease(db, self.path)
            if current is not None:
                current.refuse_if_held(at)
            highest = db.execute("SELECT max(fence) FROM entries").fetchone()[0]
            lease = Lease.next_after(current, owner, at, above=highest or 0)
            db.execute("INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?, ?, 1)", lease.row())
        return lease

    def heartbeat(self, fence: int) -> None:
        """Say that the writer is alive; a stale fence changes nothing."""
        with sqlite.connection(self.path, write=True) as db:
            beat = (timestamp(now()), fence)
            db.execute("UPDATE lease SET heartbeat = ? WHERE fence = ? AND held = 1", beat)

    def release_lease(self, fence: int) -> None:
        """Stop being the writer; a stale fence changes nothing."""
        with sqlite.connection(self.path, write=True) as db:
            db.execute("UPDATE lease SET held = 0 WHERE fence = ?", (fence,))


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


def path_of(where: str) -> Path:
    """Return the file a ledger's address names: a path, or ``sqlite:///path``.

    Raises:
        RunbookError: it is the address of something else.
    """
    scheme, separator, _ = where.partition("://")
    if separator and scheme != "sqlite":
        raise RunbookError(
            "the ledger was not opened",
            f"its address begins with `{scheme}://`; a ledger is an SQLite file",
            "give a path, or `sqlite:///PATH` (four slashes where PATH is absolute)",
        )
    return Path(where.removeprefix("sqlite:///")).expanduser()


def open_ledger(where: str, environment: str, *, create: bool) -> SqliteLedger | NoLedger:
    """Open the ledger named in an inventory: a path, or ``sqlite:///path``.

    Args:
        where: File of the ledger.
        environment: Name of the environment.
        create: Make it if absent; planning passes False and gets an empty view instead.
    """
    path = path_of(where)
    if create:
        return SqliteLedger.create(path, environment)
    return SqliteLedger(path, environment) if path.exists() else NoLedger(environment)


def _lease(db: sqlite3.Connection, path: Path) -> Lease | None:
    row = db.execute(
        "SELECT fence, machine, pid, started, actor, heartbeat, held FROM lease"
    ).fetchone()
    try:
        return Lease.from_row(row) if row else None
    except (TypeError, ValueError):
        raise _untrusted(path, "its lease cannot be read") from None


def _entry(row: tuple[Any, ...], path: Path) -> Entry:  # Any: SQLite's column values
    values = dict(zip(_NAMES, row, strict=True))
    for name, value in values.items():
        if not isinstance(value, int if name in _NUMBERS else str):
            raise _untrusted(path, f"`{name}` of entry {values['seq']} cannot be read")
    try:
        event = Event(values["event"])
        body = json.loads(values["body"])
        written = isinstance(body, dict) and canonical(body) == values["body"]
    except (ValueError, RecursionError):
        written = False
    if not written:
        raise _untrusted(path, f"entry {values['seq']} cannot be read")
    return Entry(**values | {"event": event, "body": body})


def _untrusted(path: Path, problem: str) -> LedgerDamaged:
    return LedgerDamaged(
        f"ledger `{path}` is not trusted",
        problem,
        f"handrail verify --ledger {path}, then restore the file from its backup",
    )
