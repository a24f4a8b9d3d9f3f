"""Reading a team's ledger: all of it, what is new, or the runs that are asked for."""

from collections.abc import Iterator, Sequence

from handrail.ledger.archive.part import end_of
from handrail.ledger.chain import Head, refuse_broken, trusted, untrusted
from handrail.ledger.entry import Entry, Event
from handrail.ledger.lease import Lease
from handrail.ledger.postgres import schema
from handrail.ledger.postgres.server import Link, Row, Server
from handrail.ledger.runs import Runs
from handrail.ledger.schema import FIELDS, LEASE

PAGE = 50  # runs looked up at once, newest first
ENTRIES = 5_000  # read at once

_ROWS = f"SELECT {', '.join(FIELDS)} FROM entries WHERE "
_OPENED = f"event = '{Event.RUN_OPENED}'"


class PostgresHistory:
    """What a team's ledger says.

    Raises:
        LedgerDamaged: it cannot be read, is of another environment, or newer than this program.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._link = Link(server)
        self.environment, self.made_at, self._version = schema.about(self._link)

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first, with the chain checked."""
        rows = self._rows("true")
        start = end_of(self) if rows and rows[0][0] > 1 else Head()
        refuse_broken(rows, self.server, self.environment, start)
        return trusted(rows, self.server, self.environment)

    def trusted_head(self) -> Head:
        """Return the newest entry, with the chain checked from the last anchor on."""
        found = self._link.ask("SELECT seq, sha256 FROM anchor")
        anchor = Head(*found[0]) if found else Head()
        rows = self._rows("seq >= %s", anchor.seq)
        if anchor.seq:
            first = rows[0] if rows else None
            if first is None or Head(first[0], first[-1]) != anchor:
                what = f"entry {anchor.seq} is not the one that the last attempt left there"
                raise untrusted(self.server, what)
            trusted([first], self.server, self.environment)
            rows = rows[1:]
        return refuse_broken(rows, self.server, self.environment, anchor)

    def since(self, seq: int) -> list[Entry]:
        """Return the entries after a number, each checked by itself."""
        return trusted(self._rows("seq > %s", seq), self.server, self.environment)

    def between(self, first: int, last: int) -> Iterator[Entry]:
        """Yield entries by number, each checked by itself; a page at a time."""
        for start in range(first, last + 1, ENTRIES):
            rows = self._rows("seq BETWEEN %s AND %s", start, min(start + ENTRIES - 1, last))
            yield from trusted(rows, self.server, self.environment)

    def of_runs(self, ids: Sequence[str]) -> list[Entry]:
        """Return the entries of some runs in their order, each checked by itself."""
        return trusted(self._rows("run = ANY(%s)", list(ids)), self.server, self.environment)

    def opening(self, run: str) -> Entry | None:
        """Return the entry that opened a run, or None where there is no such run."""
        rows = self._rows(f"{_OPENED} AND run = %s", run)[:1]
        return next(iter(trusted(rows, self.server, self.environment)), None)

    def newest(self, runbook: str = "") -> Iterator[str]:
        """Return the ids of runs, newest first; of one runbook where it is named."""
        where = f"{_OPENED} AND body::jsonb ->> 'runbook' = %s" if runbook else _OPENED
        asked = (runbook,) if runbook else ()
        query = (
            f"SELECT seq, run FROM entries WHERE {where} AND seq < %s ORDER BY seq DESC LIMIT %s"
        )
        before = 2**62
        while True:
            page = self._link.ask(query, (*asked, before, PAGE))
            yield from (str(run) for _, run in page)
            if len(page) < PAGE:
                return
            before = page[-1][0]

    def undoing(self, run: str) -> list[str]:
        """Return the ids of the rollbacks of a run, oldest first."""
        where = f"{_OPENED} AND body::jsonb ->> 'undoes' = %s"
        found = self._link.ask(f"SELECT run FROM entries WHERE {where} ORDER BY seq", (run,))
        return [str(each) for (each,) in found]

    def runs(self) -> Runs:
        """Return the runs on record."""
        return Runs(self)

    def vault(self) -> str:
        """Return the fingerprint of the vault it was written with; empty before the first."""
        if self._version < schema.VERSION:
            return ""
        found = self._link.ask("SELECT fingerprint FROM vault")
        return str(found[0][0]) if found else ""

    def lease(self) -> Lease | None:
        """Return the lease as it stands, or None where nobody ever took it."""
        found = self._link.ask(f"SELECT {', '.join(LEASE)} FROM lease")
        return Lease.from_row(found[0]) if found else None

    def close(self) -> None:
        """Let go of the server; the next question opens another connection."""
        self._link.close()

    def _rows(self, where: str, *asked: object) -> list[Row]:
        return self._link.ask(f"{_ROWS}{where} ORDER BY seq", asked or None)
