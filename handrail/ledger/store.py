"""The append-only record of every run of one environment, in one SQLite file."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from handrail.ledger import beat, sqlite
from handrail.ledger.chain import Head, refuse_gaps, trusted, untrusted
from handrail.ledger.entry import Entry, canonical, now, plain, storable, timestamp
from handrail.ledger.errors import LedgerDamaged, RunLocked
from handrail.ledger.lease import SECONDS, Lease, Owner
from handrail.ledger.place import refuse_loss
from handrail.ledger.schema import FIELDS, FORMAT, LEASE, columns
from handrail.ledger.seam import Fact, NoLedger

_NEWEST = "SELECT seq, sha256, token FROM entries ORDER BY seq DESC LIMIT 1"
_INSERT = (
    f"INSERT INTO entries ({', '.join(FIELDS)}) VALUES ({', '.join(f':{name}' for name in FIELDS)})"
)
_SET_LEASE = f"INSERT OR REPLACE INTO lease (id, {', '.join(LEASE)}) VALUES (1, ?,?,?,?,?,?,?,?)"


class SqliteLedger:
    """A ledger in one file, in SQLite's write-ahead mode.

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
        with sqlite.reading(self.path) as db:
            names = columns(FIELDS, sqlite.version_of(db))
            rows = db.execute(f"SELECT {names} FROM entries ORDER BY seq").fetchall()
        entries = trusted(rows, self.path, self.environment)
        refuse_gaps(entries, self.path)
        return entries

    def append(self, facts: Sequence[Fact], token: int, *, durable: bool = True) -> list[Entry]:
        """Record facts in one transaction, all or none.

        Args:
            facts: In their order.
            token: Of the lease under which this process writes.
            durable: When this returns they are on disk, with all that was recorded before. Else
                the next durable append takes them along: a killed process loses nothing, and a
                power cut may lose the newest of them.

        Raises:
            RunLocked: the token is stale: another process took over.
            LedgerUnwritable: read-only, full, or locked for too long.
        """
        entries: list[Entry] = []
        with self._writing.transaction(durable=durable) as db:
            self._refuse_stale(db, token)
            seq, prev, highest = db.execute(_NEWEST).fetchone() or (0, Head().sha256, 0)
            if highest > token:
                raise untrusted(self.path, f"entry {seq} has token {highest}; the lease {token}")
            for fact in facts:
                entry = self._entry(fact, token, seq + 1, prev)
                db.execute(_INSERT, vars(entry) | {"body": canonical(entry.body)})
                entries.append(entry)
                seq, prev = entry.seq, entry.sha256
        return entries

    def _entry(self, fact: Fact, token: int, seq: int, prev: str) -> Entry:
        return Entry(
            seq=seq,
            run=storable(fact.run),
            attempt=fact.attempt,
            at=timestamp(now()),
            event=fact.event,
            task=storable(fact.task),
            step=storable(fact.step),
            target=storable(fact.target),
            actor=storable(fact.actor),
            reason=storable(fact.reason),
            token=token,
            body=plain(fact.body or {}),
            prev=prev,
            environment=self.environment,
        ).sealed()

    def vault(self) -> str:
        """Return the fingerprint of the vault it was written with; empty before the first."""
        with sqlite.reading(self.path) as db:
            if sqlite.version_of(db) < FORMAT:
                return ""
            found = db.execute("SELECT fingerprint FROM vault").fetchone()
        return str(found[0]) if found else ""

    def bind_vault(self, fingerprint: str) -> None:
        """Remember the vault it is written with; the first one stays."""
        with self._writing.transaction(durable=False) as db:
            db.execute("INSERT OR IGNORE INTO vault VALUES (1, ?)", (fingerprint,))

    def lease(self) -> Lease | None:
        """Return the lease as it stands, or None where nobody ever took it."""
        with sqlite.reading(self.path) as db:
            return self._lease(db)

    def refuse_held(self, takeover: str = "") -> None:
        """Raise while somebody else is the writer.

        Args:
            takeover: Token of a lease that an operator wants taken from its owner all the same.

        Raises:
            RunLocked: the holder is alive, or may be.
        """
        current = self.lease()
        if current is not None and current.held:
            current.refuse_if_alive(self._silence(current), takeover)

    def take_lease(self, owner: Owner, seconds: float = SECONDS, takeover: str = "") -> Lease:
        """Become the one writer, with a token higher than any before.

        Args:
            owner: Who wants to write.
            seconds: How long it may be silent before others, who cannot ask its machine, count it
                as gone.
            takeover: Token of a lease that an operator wants taken from its owner all the same.

        Raises:
            RunLocked: the holder is alive, or may be.
        """
        with self._writing.transaction(durable=False) as db:
            current = self._lease(db)
            took_over = ""
            if current is not None and current.held:
                silence = self._silence(current)
                current.refuse_if_alive(silence, takeover)
                took_over = current.farewell(silence)
            sqlite.renew(db)
            highest = db.execute("SELECT max(token) FROM entries").fetchone()[0] or 0
            token = max(highest, current.token if current else 0) + 1
            beat.touch(self.path, token)
            lease = Lease(
                token, owner, timestamp(beat.clock(self.path)), seconds, took_over=took_over
            )
            db.execute(_SET_LEASE, lease.row())
        return lease

    def refuse_stale(self, token: int) -> None:
        """Raise where a token is not that of the lease any more, by what the file says now.

        Raises:
            RunLocked: another process took over.
        """
        with self._writing.look() as db:
            self._refuse_stale(db, token)

    def beat(self, token: int) -> None:
        """Say that the writer is alive; a stale token says nothing."""
        with sqlite.reading(self.path) as db:
            lease = self._lease(db)
        if lease is not None and lease.held and lease.token == token:
            beat.touch(self.path, token)

    def release_lease(self, token: int) -> None:
        """Stop being the writer; a stale token changes nothing."""
        with self._writing.transaction(durable=True) as db:
            found = db.execute("UPDATE lease SET held = 0 WHERE token = ?", (token,)).rowcount
        if found:
            beat.clear(self.path)
        self.close()

    def close(self) -> None:
        """Let go of the writer's connection; the next entry opens another."""
        if "_writing" in vars(self):
            self._writing.close()
            del self._writing

    @cached_property
    def _writing(self) -> sqlite.Writing:
        return sqlite.Writing(self.path)

    def _lease(self, db: sqlite3.Connection) -> Lease | None:
        names = columns(LEASE, sqlite.version_of(db))
        row = db.execute(f"SELECT {names} FROM lease").fetchone()
        try:
            return Lease.from_row(row) if row else None
        except (TypeError, ValueError):
            raise untrusted(self.path, "its lease cannot be read") from None

    def _refuse_stale(self, db: sqlite3.Connection, token: int) -> None:
        found = db.execute("SELECT token FROM lease WHERE held = 1").fetchone()
        if found is None or found[0] != token:
            raise RunLocked(
                "nothing more was done by this process",
                f"its token {token} is stale: another process took the lease over",
                "run the same command again; it resumes from what the ledger holds",
            )

    def _silence(self, lease: Lease) -> timedelta:
        try:
            return beat.silence(self.path, lease.taken_at)
        except ValueError:
            raise untrusted(self.path, "its lease cannot be read") from None
        except OSError as error:
            raise sqlite.unwritable(self.path, error) from None


def open_ledger(path: Path, environment: str, *, create: bool) -> SqliteLedger | NoLedger:
    """Open the ledger of an environment.

    Args:
        path: Its file.
        environment: Name of the environment.
        create: Make it if absent; planning passes False and gets an empty view instead.

    Raises:
        LedgerDamaged: it is not to be trusted, or is missing beside what it left.
    """
    refuse_loss(path)
    if create:
        return SqliteLedger.create(path, environment)
    return SqliteLedger(path, environment) if path.exists() else NoLedger(environment)
