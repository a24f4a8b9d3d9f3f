"""A team's ledger as it lies there: read by statements of its own, whatever state it is in."""

from collections.abc import Iterator, Sequence
from typing import Any

from handrail.ledger.archive.look import ARCHIVES
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.postgres.schema import VERSION
from handrail.ledger.postgres.server import Link, Server
from handrail.ledger.postgres.vault import ServerVault, Values

BATCH = 2_000  # entries read at once
# Columns with their types, and the triggers that are on with what they call.
_SHAPE = """
SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position
"""
_TRIGGERS = """
SELECT t.tgname::text, t.tgtype::int, p.prosrc FROM pg_trigger t
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = to_regclass('entries') AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
"""
_KEEPER = ("entries_never_change", 58, "BEGIN RAISE EXCEPTION 'the ledger is append-only'; END")
_ENTRIES = (
    *(("seq", "bigint"), ("format", "integer"), ("run", "text"), ("attempt", "integer")),
    *(("at", "text"), ("event", "text"), ("task", "text"), ("step", "text"), ("target", "text")),
    *(("actor", "text"), ("reason", "text"), ("token", "bigint"), ("body", "text")),
    *(("prev", "text"), ("sha256", "text")),
)


class RawSchema:
    """What a schema says of a ledger, as it stands in its tables.

    Args:
        server: Where it is.
        vault: The vault of whoever looks; None where its key is not at hand.
    """

    def __init__(self, server: Server, vault: ServerVault | None) -> None:
        self._server, self._link, self._vault, self.name = server, Link(server), vault, str(server)
        found = self._link.ask("SELECT environment, version FROM about")
        self.environments = [str(each[0]) for each in found]
        self.version = max((int(each[1]) for each in found), default=0)

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the schema itself."""
        if not 1 <= self.version <= VERSION:
            yield f"its tables have version {self.version}, this program knows up to {VERSION}"
        if self.environments != [self._server.environment]:
            yield f"it lies where the ledger of `{self._server.environment}` belongs"
        if self._shape() != _ENTRIES or _KEEPER not in self._link.ask(_TRIGGERS):
            yield "its tables or the triggers that keep it append-only were altered"

    def _shape(self) -> tuple[tuple[str, str], ...]:
        """Return the columns of the entries, with their types."""
        found = self._link.ask(_SHAPE)
        return tuple((name, kind) for table, name, kind in found if table == "entries")

    def rows(
        self, names: Sequence[str], environment: str
    ) -> Iterator[Sequence[Any]]:  # Any: stored columns
        """Yield the entries in their order, the environment among their fields."""
        last, at = -(2**62), names.index("seq")
        asked = ", ".join("%s" if name == "environment" else name for name in names)
        query = f"SELECT {asked} FROM entries WHERE seq > %s ORDER BY seq LIMIT {BATCH}"
        while page := self._link.ask(query, (environment, last)):
            yield from page
            last = page[-1][at]

    def archives(self) -> str:
        """Return what the newest entry about archives says; empty where nothing is archived."""
        first = self._link.ask("SELECT min(seq) FROM entries")[0][0]
        found = self._link.ask(ARCHIVES) if first != 1 else []
        return str(found[0][0]) if found else ""

    def token(self) -> int:
        """Return the token of the lease."""
        found = self._link.ask("SELECT token FROM lease")
        return int(found[0][0]) if found else 0

    def anchors(self) -> Iterator[tuple[int, str, str]]:
        """Yield what the last attempt left, and the digest that is there."""
        query = """
            SELECT anchor.seq, anchor.sha256, coalesce(entries.sha256, '')
            FROM anchor LEFT JOIN entries USING (seq)
        """
        yield from ((seq, sha256, there) for seq, sha256, there in self._link.ask(query))

    def vault(self) -> Iterator[str]:
        """Yield why what it sealed cannot be opened with the key at hand."""
        if self._vault is None or self.version < VERSION:
            return
        for (known,) in self._link.ask("SELECT fingerprint FROM vault"):
            self._vault.known = known
            try:
                self._vault.fingerprint()
                for name in Values(self._server).names():
                    self._vault.unseal(name)
            except LedgerDamaged as lost:
                yield f"{lost.what}: {lost.why}"
