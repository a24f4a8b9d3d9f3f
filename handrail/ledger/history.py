"""Reading a ledger file: all of it, what is new, or the runs that are asked for, by its indexes."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from handrail.ledger import sqlite
from handrail.ledger.archive.part import end_of
from handrail.ledger.chain import Head, refuse_broken, trusted, untrusted
from handrail.ledger.entry import Entry, Event
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.lease import Lease
from handrail.ledger.runs import Runs
from handrail.ledger.schema import FIELDS, FORMAT, LEASE, columns

PAGE = 50  # runs looked up at once, newest first
ENTRIES = 5_000  # read at once

_OPENED = f"event = '{Event.RUN_OPENED}'"
_FIELD = "CASE WHEN json_valid(body) THEN json_extract(body, '$.{}') END"  # as the indexes say


class SqliteHistory:
    """What a ledger file says.

    Args:
        path: The file.
        environment: Name of the environment it belongs to; None takes what the file says.

    Raises:
        LedgerDamaged: not a ledger, torn, edited, of another environment, or newer than this
            program.
    """

    def __init__(self, path: Path, environment: str | None = None) -> None:
        self.path = path
        found, self.made_at = sqlite.about(path)
        self.environment = found if environment is None else environment
        if found != self.environment:
            raise LedgerDamaged(
                f"ledger `{path}` was not opened",
                f"it belongs to `{found}`, not `{environment}`",
                "correct `environment` or `ledger` in the inventory's group data",
            )

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first, with the chain checked.

        Raises:
            LedgerDamaged: an entry was changed, removed or put in between.
        """
        with sqlite.reading(self.path) as db:
            rows = self._rows(db, "1").fetchall()
        start = end_of(self) if rows and rows[0][0] > 1 else Head()
        refuse_broken(rows, self.path, self.environment, start)
        return trusted(rows, self.path, self.environment)

    def trusted_head(self) -> Head:
        """Return the newest entry, with the chain checked from the last anchor on.

        Raises:
            LedgerDamaged: an entry since then was changed, removed or put in between.
        """
        with sqlite.reading(self.path) as db:
            anchor = self._anchor(db)
            rows = self._rows(db, "seq >= ?", anchor.seq)
            first = rows.fetchone() if anchor.seq else None
            if anchor.seq:
                if first is None or Head(first[0], first[-1]) != anchor:
                    what = f"entry {anchor.seq} is not the one that the last attempt left there"
                    raise untrusted(self.path, what)
                trusted([first], self.path, self.environment)
            return refuse_broken(rows, self.path, self.environment, anchor)

    def since(self, seq: int) -> list[Entry]:
        """Return the entries after a number, each checked by itself."""
        with sqlite.reading(self.path) as db:
            rows = self._rows(db, "seq > ?", seq).fetchall()
        return trusted(rows, self.path, self.environment)

    def between(self, first: int, last: int) -> Iterator[Entry]:
        """Yield entries by number, each checked by itself; a page at a time."""
        for start in range(first, last + 1, ENTRIES):
            with sqlite.reading(self.path) as db:
                end = min(start + ENTRIES - 1, last)
                rows = self._rows(db, "seq BETWEEN ? AND ?", start, end).fetchall()
            yield from trusted(rows, self.path, self.environment)

    def of_runs(self, ids: Sequence[str]) -> list[Entry]:
        """Return the entries of some runs in their order, each checked by itself."""
        with sqlite.reading(self.path) as db:
            rows = self._rows(db, f"run IN ({', '.join('?' * len(ids))})", *ids).fetchall()
        return trusted(rows, self.path, self.environment)

    def opening(self, run: str) -> Entry | None:
        """Return the entry that opened a run, or None where there is no such run."""
        with sqlite.reading(self.path) as db:
            rows = self._rows(db, f"{_OPENED} AND run = ?", run).fetchmany(1)
        return next(iter(trusted(rows, self.path, self.environment)), None)

    def newest(self, runbook: str = "") -> Iterator[str]:
        """Return the ids of runs, newest first; of one runbook where it is named."""
        where = f"{_OPENED} AND {_FIELD.format('runbook')} = ?" if runbook else _OPENED
        asked = (runbook,) if runbook else ()
        query = f"SELECT seq, run FROM entries WHERE {where} AND seq < ? ORDER BY seq DESC LIMIT ?"
        before = 2**62
        while True:
            with sqlite.reading(self.path) as db:
                page = db.execute(query, (*asked, before, PAGE)).fetchall()
            yield from (str(run) for _, run in page)
            if len(page) < PAGE:
                return
            before = page[-1][0]

    def undoing(self, run: str) -> list[str]:
        """Return the ids of the rollbacks of a run, oldest first."""
        where = f"{_OPENED} AND {_FIELD.format('undoes')} = ?"
        with sqlite.reading(self.path) as db:
            query = f"SELECT run FROM entries WHERE {where} ORDER BY seq"
            return [str(found) for (found,) in db.execute(query, (run,)).fetchall()]

    def runs(self) -> Runs:
        """Return the runs on record."""
        return Runs(self)

    def vault(self) -> str:
        """Return the fingerprint of the vault it was written with; empty before the first."""
        with sqlite.reading(self.path) as db:
            if sqlite.version_of(db) < FORMAT:
                return ""
            found = db.execute("SELECT fingerprint FROM vault").fetchone()
        return str(found[0]) if found else ""

    def lease(self) -> Lease | None:
        """Return the lease as it stands, or None where nobody ever took it."""
        with sqlite.reading(self.path) as db:
            return self._lease(db)

    def _rows(self, db: sqlite3.Connection, where: str, *asked: object) -> sqlite3.Cursor:
        names = columns(FIELDS, sqlite.version_of(db))
        return db.execute(f"SELECT {names} FROM entries WHERE {where} ORDER BY seq", asked)

    def _anchor(self, db: sqlite3.Connection) -> Head:
        if sqlite.version_of(db) < FORMAT:
            return Head()
        found = db.execute("SELECT seq, sha256 FROM anchor").fetchone()
        return Head(*found) if found else Head()

    def _lease(self, db: sqlite3.Connection) -> Lease | None:
        names = columns(LEASE, sqlite.version_of(db))
        row = db.execute(f"SELECT {names} FROM lease").fetchone()
        try:
            return Lease.from_row(row) if row else None
        except (TypeError, ValueError):
            raise untrusted(self.path, "its lease cannot be read") from None
