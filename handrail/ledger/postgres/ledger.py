"""The append-only record of every run of one environment, in a schema of a PostgreSQL database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from psycopg import Connection

from handrail.ledger.chain import Head, untrusted
from handrail.ledger.entry import NO_TOKEN, Entry, Event, canonical, timestamp
from handrail.ledger.errors import RunLocked
from handrail.ledger.lease import SECONDS, AtWork, Lease, Owner
from handrail.ledger.postgres import schema
from handrail.ledger.postgres.history import PostgresHistory
from handrail.ledger.postgres.server import Link, Row, Server
from handrail.ledger.schema import FIELDS, LEASE
from handrail.ledger.seam import Fact, refuse_not_beside, still_written

_NEWEST = "SELECT seq, sha256 FROM entries ORDER BY seq DESC LIMIT 1"
_UNDER_TOKEN = f"SELECT seq, token FROM entries WHERE token > {NO_TOKEN} ORDER BY seq DESC LIMIT 1"
_INSERT = (
    f"INSERT INTO entries ({', '.join(FIELDS)}) "
    f"VALUES ({', '.join(f'%({name})s' for name in FIELDS)})"
)
_SET_LEASE = (
    f"INSERT INTO lease (id, {', '.join(LEASE)}, heard_at) "
    f"VALUES (1, {', '.join(['%s'] * len(LEASE))}, clock_timestamp()) "
    f"ON CONFLICT (id) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in (*LEASE, 'heard_at'))}"
)
_SILENCE = "greatest(0, extract(epoch FROM clock_timestamp() - heard_at))::float8"
_HELD = f"SELECT token, {_SILENCE}, seconds FROM lease WHERE held"
_MOVE_ANCHOR = """
INSERT INTO anchor (id, seq, sha256) SELECT 1, seq, sha256 FROM entries
WHERE seq = (SELECT min(seq) FROM entries) AND NOT EXISTS (SELECT 1 FROM anchor WHERE seq > %s)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, sha256 = excluded.sha256
"""
_BEAT = (
    "UPDATE lease SET heard_at = clock_timestamp() "
    f"WHERE token = %s AND held AND {_SILENCE} <= seconds"
)


class PostgresLedger(PostgresHistory):
    """A ledger on a server: its history, and the way to add to it.

    The server's clock is the one clock: it dates entries and signs of life, and ends a lease. A
    writer that was silent for longer than its lease does nothing more, whether or not another took
    over; it may still say how what it had begun ended.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._beating = Link(server)  # of the thread that beats, which must wait for nobody

    @classmethod
    def create(cls, server: Server) -> "PostgresLedger":
        """Make the tables if they are not there, and open the ledger."""
        if not schema.is_there(server):
            schema.make(server)
        return cls(server)

    def append(self, facts: Sequence[Fact], token: int, *, durable: bool = True) -> list[Entry]:
        """Record facts in one transaction, all or none.

        Args:
            facts: In their order.
            token: Of the lease under which this process writes.
            durable: When this returns they are on disk, with all that was recorded before. Else
                the next durable append takes them along.

        Raises:
            RunLocked: the token is stale, or an intent is told past the end of the lease.
            LedgerUnwritable: the server does not take it, or whether it did is not known.
        """
        begins = any(fact.event is Event.STEP_STARTED for fact in facts)
        with self._link.transaction(durable=durable) as db:
            _refuse_stale(db.execute(_HELD).fetchone(), token, alive=begins)
            found = db.execute(_UNDER_TOKEN).fetchone()
            if found is not None and found[1] > token:
                what = f"entry {found[0]} has token {found[1]}; the lease {token}"
                raise untrusted(self.server, what)
            return self._insert(db, facts, token)

    def append_beside(self, facts: Sequence[Fact]) -> list[Entry]:
        """Record what is said beside a run, without the lease; on disk when this returns."""
        refuse_not_beside(facts)
        with self._link.transaction(durable=True) as db:
            return self._insert(db, facts, NO_TOKEN)

    def _insert(self, db: Connection[Row], facts: Sequence[Fact], token: int) -> list[Entry]:
        entries: list[Entry] = []
        head = Head(*(db.execute(_NEWEST).fetchone() or vars(Head()).values()))
        at = timestamp(_clock(db))
        rows = []
        for fact in facts:
            entry = replace(fact.entry(self.environment, token, head), at=at)
            body = canonical(entry.body)
            entry = entry.sealed(body)
            rows.append(vars(entry) | {"body": body})
            entries.append(entry)
            head = Head(entry.seq, entry.sha256)
        with db.cursor() as cursor:
            cursor.executemany(_INSERT, rows)
        return entries

    def move_out(self, upto: Head, said: Fact) -> None:
        """Forget the entries up to one, and say where they lie, in one transaction.

        Raises:
            RunLocked: somebody writes.
            LedgerDamaged: that entry is not the one that is meant.
        """
        with self.unwritten(said) as db:
            query = "SELECT sha256 FROM entries WHERE seq = %s"
            if db.execute(query, (upto.seq,)).fetchone() != (upto.sha256,):
                raise untrusted(self.server, f"entry {upto.seq} is not the one that was archived")
            db.execute("ALTER TABLE entries DISABLE TRIGGER entries_never_change")
            db.execute("DELETE FROM entries WHERE seq <= %s", (upto.seq,))
            db.execute("ALTER TABLE entries ENABLE TRIGGER entries_never_change")
            db.execute(_MOVE_ANCHOR, (upto.seq,))

    def move_in(self, entries: Iterable[Entry], said: Fact) -> None:
        """Take entries back in front of the first, and say so, in one transaction.

        Raises:
            RunLocked: somebody writes.
        """
        with self.unwritten(said) as db, db.cursor() as cursor:
            rows = (vars(entry) | {"body": canonical(entry.body)} for entry in entries)
            cursor.executemany(_INSERT, rows)

    @contextmanager
    def unwritten(self, said: Fact) -> Iterator[Connection[Row]]:
        """Do one durable transaction while nobody writes, which also says what is done."""
        refuse_not_beside([said])
        with self._link.transaction(durable=True) as db:
            found = db.execute(_HELD).fetchone()
            if found is not None and found[1] <= found[2]:
                raise still_written(found[0])
            yield db
            self._insert(db, [said], NO_TOKEN)

    def bind_vault(self, fingerprint: str) -> None:
        """Remember the vault it is written with; the first one stays."""
        with self._link.transaction(durable=False) as db:
            query = "INSERT INTO vault VALUES (1, %s) ON CONFLICT DO NOTHING"
            db.execute(query, (fingerprint,))

    def writer(self) -> AtWork | None:
        """Return who holds the lease, and for how long it was not heard of."""
        found = self._link.ask(f"SELECT {', '.join(LEASE)}, {_SILENCE} FROM lease WHERE held")
        if not found:
            return None
        return AtWork(Lease.from_row(found[0][:-1]), timedelta(seconds=found[0][-1]))

    def refuse_held(self, takeover: str = "") -> None:
        """Raise while somebody else is the writer.

        Args:
            takeover: Token of a lease that an operator wants taken from its owner all the same.

        Raises:
            RunLocked: the holder is alive, or may be.
        """
        found = self._link.ask(f"SELECT {', '.join(LEASE)}, {_SILENCE} FROM lease WHERE held")
        if found:
            _refuse_if_alive(Lease.from_row(found[0][:-1]), found[0][-1], takeover)

    def take_lease(self, owner: Owner, seconds: float = SECONDS, takeover: str = "") -> Lease:
        """Become the one writer, with a token higher than any before.

        Args:
            owner: Who wants to write.
            seconds: How long it may be silent, by the server's clock.
            takeover: Token of a lease that an operator wants taken from its owner all the same.

        Raises:
            RunLocked: the holder is alive, or may be.
        """
        with self._link.transaction(durable=True) as db:
            row = db.execute(f"SELECT {', '.join(LEASE)}, {_SILENCE} FROM lease").fetchone()
            current, took_over = (Lease.from_row(row[:-1]) if row else None), ""
            if row and current and current.held:
                _refuse_if_alive(current, row[-1], takeover)
                took_over = _farewell(current, row[-1])
            schema.renew(db)
            highest = db.execute(_UNDER_TOKEN).fetchone()
            token = max(highest[1] if highest else 0, current.token if current else 0) + 1
            lease = Lease(token, owner, timestamp(_clock(db)), seconds, took_over=took_over)
            db.execute(_SET_LEASE, lease.row())
        self._version = schema.VERSION
        return lease

    def refuse_stale(self, token: int) -> None:
        """Raise where a token is not that of the lease any more, or the lease has run out.

        Raises:
            RunLocked: by what the server says now.
        """
        found = self._link.ask(_HELD)
        _refuse_stale(found[0] if found else None, token, alive=True)

    def beat(self, token: int) -> None:
        """Say that the writer is alive; a stale token, or a lease that ran out, says nothing."""
        self._beating.ask(_BEAT, (token,))

    def release_lease(self, token: int, anchor: Head | None = None) -> None:
        """Stop being the writer; a stale token changes nothing.

        Args:
            token: Of the lease under which this process wrote.
            anchor: Up to where it checked the chain, or wrote it; the next one begins there.
        """
        with self._link.transaction(durable=False) as db:
            update = "UPDATE lease SET held = false WHERE token = %s AND held"
            if db.execute(update, (token,)).rowcount and anchor:
                keep = (
                    "INSERT INTO anchor VALUES (1, %s, %s) ON CONFLICT (id) "
                    "DO UPDATE SET seq = excluded.seq, sha256 = excluded.sha256"
                )
                db.execute(keep, (anchor.seq, anchor.sha256))
        self.close()


def _clock(db: Connection[Row]) -> datetime:
    moments = db.execute("SELECT clock_timestamp()").fetchall()
    return cast("datetime", moments[0][0])


def _refuse_stale(held: Row | None, token: int, *, alive: bool) -> None:
    again = "run the same command again; it resumes from what the ledger holds"
    what = "nothing more was done by this process"
    if held is None or held[0] != token:
        why = f"its token {token} is stale: another process took the lease over"
        raise RunLocked(what, why, again)
    if alive and held[1] > held[2]:
        raise RunLocked(
            what,
            f"it was not heard of for {held[1]:.0f} s, and its lease is for {held[2]:.0f} s: it "
            "was paused, or cut off from the ledger",
            again,
        )


def _refuse_if_alive(lease: Lease, silence: float, takeover: str) -> None:
    """A lease ends by the server's clock, wherever its owner is and whatever became of it."""
    if silence <= lease.seconds:
        lease.refuse_if_alive(timedelta(seconds=silence), takeover)


def _farewell(lease: Lease, silence: float) -> str:
    if silence <= lease.seconds:
        return lease.farewell(timedelta(seconds=silence))
    who = f"process {lease.owner.pid} of {lease.owner.actor}"
    return f"{who} let its lease run out; it was last heard of {int(silence)} s before"
