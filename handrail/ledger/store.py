"""The append-only record of every run of one environment, in one SQLite file."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from handrail.ledger import beat, sqlite
from handrail.ledger.chain import Head, untrusted
from handrail.ledger.entry import FIRST, NO_TOKEN, Entry, canonical, first_form, timestamp
from handrail.ledger.errors import RunLocked
from handrail.ledger.history import SqliteHistory
from handrail.ledger.lease import SECONDS, AtWork, Lease, Owner
from handrail.ledger.location import refuse_loss
from handrail.ledger.refusals import unwritable
from handrail.ledger.schema import FIELDS, LEASE
from handrail.ledger.seam import Fact, Ledger, NoLedger, refuse_not_beside, still_written

_NEWEST = "SELECT seq, sha256 FROM entries ORDER BY seq DESC LIMIT 1"
_UNDER_TOKEN = f"SELECT seq, token FROM entries WHERE token > {NO_TOKEN} ORDER BY seq DESC LIMIT 1"
_INSERT = (
    f"INSERT INTO entries ({', '.join(FIELDS)}) VALUES ({', '.join(f':{name}' for name in FIELDS)})"
)
_MOVE_ANCHOR = (
    "INSERT OR REPLACE INTO anchor (id, seq, sha256) SELECT 1, seq, sha256 FROM "
    "(SELECT seq, sha256 FROM entries ORDER BY seq LIMIT 1) "
    "WHERE NOT EXISTS (SELECT 1 FROM anchor WHERE seq > ?)"
)
_SET_LEASE = f"INSERT OR REPLACE INTO lease (id, {', '.join(LEASE)}) VALUES (1, ?,?,?,?,?,?,?,?)"


class SqliteLedger(SqliteHistory):
    """A ledger in one file, in SQLite's write-ahead mode: its history, and the way to add to it.

    Raises:
        LedgerUnwritable: the file or its directory does not accept writes.
    """

    @classmethod
    def create(cls, path: Path, environment: str) -> "SqliteLedger":
        """Make the file if it is not there, and open it."""
        sqlite.create(path, environment)
        return cls(path, environment)

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
        with self._writing.transaction(durable=durable) as db:
            self._refuse_stale(db, token)
            found = db.execute(_UNDER_TOKEN).fetchone()
            if found is not None and found[1] > token:
                what = f"entry {found[0]} has token {found[1]}; the lease {token}"
                raise untrusted(self.path, what)
            return self._insert(db, facts, token)

    def append_beside(self, facts: Sequence[Fact]) -> list[Entry]:
        """Record what is said beside a run, without the lease; on disk when this returns.

        Raises:
            LedgerUnwritable: read-only, full, or locked for too long.
        """
        refuse_not_beside(facts)
        with self._writing.transaction(durable=True) as db:
            sqlite.renew(db)
            return self._insert(db, facts, NO_TOKEN)

    def _insert(self, db: sqlite3.Connection, facts: Sequence[Fact], token: int) -> list[Entry]:
        entries: list[Entry] = []
        head = Head(*(db.execute(_NEWEST).fetchone() or vars(Head()).values()))
        for fact in facts:
            entry = fact.entry(self.environment, token, head)
            body = canonical(entry.body)
            entry = entry.sealed(body)
            db.execute(_INSERT, vars(entry) | {"body": body})
            entries.append(entry)
            head = Head(entry.seq, entry.sha256)
        return entries

    def move_out(self, upto: Head, said: Fact) -> None:
        """Forget the entries up to one, and say where they lie, in one transaction.

        Raises:
            RunLocked: somebody writes.
            LedgerDamaged: that entry is not the one that is meant.
        """
        never_go = "SELECT sql FROM sqlite_schema WHERE name = 'entries_never_go'"
        with self._moving(said) as db:
            found = db.execute("SELECT sha256 FROM entries WHERE seq = ?", (upto.seq,)).fetchone()
            if found != (upto.sha256,):
                raise untrusted(self.path, f"entry {upto.seq} is not the one that was archived")
            (trigger,) = db.execute(never_go).fetchone()
            db.execute("DROP TRIGGER entries_never_go")
            db.execute("DELETE FROM entries WHERE seq <= ?", (upto.seq,))
            db.execute(trigger)
            db.execute(_MOVE_ANCHOR, (upto.seq,))
        with self._writing.look() as db:
            db.execute("VACUUM")
        self.close()

    def move_in(self, entries: Iterable[Entry], said: Fact) -> None:
        """Take entries back in front of the first, and say so, in one transaction.

        Raises:
            RunLocked: somebody writes.
        """
        with self._moving(said) as db:
            for entry in entries:
                text = first_form(entry.body) if entry.format == FIRST else canonical(entry.body)
                db.execute(_INSERT, vars(entry) | {"body": text})

    @contextmanager
    def _moving(self, said: Fact) -> Iterator[sqlite3.Connection]:
        """Do one durable transaction while nobody writes, which also says what is done."""
        refuse_not_beside([said])
        with self._writing.transaction(durable=True) as db:
            sqlite.renew(db)
            current = self._lease(db)
            if current and current.held and not current.is_dead(self._silence(current)):
                raise still_written(current.token)
            yield db
            self._insert(db, [said], NO_TOKEN)

    def bind_vault(self, fingerprint: str) -> None:
        """Remember the vault it is written with; the first one stays."""
        with self._writing.transaction(durable=False) as db:
            db.execute("INSERT OR IGNORE INTO vault VALUES (1, ?)", (fingerprint,))

    def writer(self) -> AtWork | None:
        """Return who holds the lease, and for how long it was not heard of."""
        found = self.lease()
        return AtWork(found, self._silence(found)) if found is not None and found.held else None

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
            _, highest = db.execute(_UNDER_TOKEN).fetchone() or (0, 0)  # they only ever grow
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

    def release_lease(self, token: int, anchor: Head | None = None) -> None:
        """Stop being the writer; a stale token changes nothing.

        Args:
            token: Of the lease under which this process wrote.
            anchor: Up to where it checked the chain, or wrote it; the next one begins there.
        """
        with self._writing.transaction(durable=False) as db:
            update = "UPDATE lease SET held = 0 WHERE token = ? AND held = 1"
            found = db.execute(update, (token,)).rowcount
            if found and anchor:
                row = (anchor.seq, anchor.sha256)
                db.execute("INSERT OR REPLACE INTO anchor (id, seq, sha256) VALUES (1, ?, ?)", row)
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
            raise unwritable(self.path, error) from None


def open_ledger(path: Path, environment: str, *, create: bool) -> Ledger | NoLedger:
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
