"""Rows of the live source: cut into ranges of their key, counted, hashed and streamed."""

import itertools
from functools import cached_property

from handrail.transfer.read.journal import Chunk, Expected, Sums
from handrail.transfer.session import mark
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.session.stream import copy_rows
from handrail.transfer.sql.hashes import PLACES, SUMS
from handrail.transfer.sql.plan import TablePlan

CHUNK_ROWS = 100_000
# A join over the whole table is paid once per chunk, so such tables get larger ones.
JOINED_CHUNK_ROWS = 250_000
MOST_CHUNKS = 32  # of a table, unless chunks of a size are asked for; see `bulk.FEW`
SAMPLED_ROWS = 1000  # keys looked at for each chunk: its size is then true to a few percent

# The rows that the last `noted` query of the session found adjusted.
NOTED = f"s.ctid = any(current_setting('{PLACES}')::tid[])"


class LiveSupply:
    """Rows from a session inside one snapshot of the source."""

    def __init__(
        self, session: Connection, snapshot: str, *, text: bool, chunk_rows: int | None
    ) -> None:
        self.session = session
        self.name = snapshot
        self.text_hashes = text
        self.chunk_rows = chunk_rows

    @cached_property
    def mark(self) -> str | None:
        """Name the freeze that the snapshot lies in, if it does."""
        return mark.read(self.session)

    def cut(self, table: TablePlan) -> list[Chunk]:
        """Cut a table into chunks of about as many rows; one without a usable key is one chunk."""
        rows = self._about(table)
        edges = [None, *self._edges(table, rows), None]
        size = rows // (len(edges) - 1)
        return [
            Chunk(table.name, number, lower, upper, size)
            for number, (lower, upper) in enumerate(itertools.pairwise(edges))
        ]

    def _about(self, table: TablePlan) -> int:
        """Return about how many rows a table has; counted where no statistics tell."""
        pages = "pg_relation_size(oid) / current_setting('block_size')::float8"
        known = value(
            self.session,
            f"select (select (reltuples / relpages * {pages})::bigint from pg_class "
            f"where oid = {literal(table.origin)}::regclass and reltuples > 0 and relpages > 0)",
        )
        return int(known or value(self.session, f"select count(*) from {table.source_rows}"))

    def _edges(self, table: TablePlan, rows: int) -> list[str]:
        """Return the keys between chunks, at even shares of a sample: sorting all takes long."""
        if table.cut is None:
            return []
        key = table.cut.ordered(quoted(table.cut.source))
        usual = JOINED_CHUNK_ROWS if table.joins or table.cut.is_text else CHUNK_ROWS
        size = self.chunk_rows or max(usual, rows // MOST_CHUNKS)
        chunks = -(-rows // size)
        if chunks < 2:  # noqa: PLR2004
            return []
        shares = ", ".join(str(number / chunks) for number in range(1, chunks))
        percent = min(100.0, 100 * SAMPLED_ROWS * chunks / rows)
        quantiles = (
            f"select distinct unnest(percentile_disc(array[{shares}]::float8[]) "
            f"within group (order by {key})) as k "
            f"from {table.source_rows} tablesample bernoulli ({percent}) repeatable (0)"
        )
        found = self.session.execute(
            f"select k::text from ({quantiles}) q where k is not null "
            f"order by {table.cut.ordered('q.k')}"
        )
        return [row[0] for row in found]

    def expected(self, table: TablePlan, chunk: Chunk) -> Expected:
        """Count and hash the chunk's mapped rows."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        row = self.session.execute(table.source_sums(where, text=self.text_hashes)).fetchone() or ()
        return Expected(Sums(*row[:2]), row[2], row[3])

    def rows(self, destination: Connection, table: TablePlan, chunk: Chunk) -> Expected:
        """Stream the chunk's mapped rows; count and hash them on their way."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        query = table.rows_and_sums(where, text=self.text_hashes)
        copy_rows(
            self.session, destination, query, f"{table.target} ({table.names})", form=table.form
        )
        return self.came_to()

    def came_to(self) -> Expected:
        """Say what the rows came to that a `noted` query has just given."""
        note = b"".join(self.session.pieces(f"select current_setting('{SUMS}')", "(format text)"))
        rows, hash_sum, quarantined, adjusted = note.decode().split()
        return Expected(Sums(int(rows), hash_sum), int(quarantined), int(adjusted))

    def evidence(
        self, destination: Connection, table: TablePlan, chunk: Chunk, expected: Expected
    ) -> None:
        """Stream the rows kept out and the values changed of the rows just streamed."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        label = f"{literal(table.name)}, {chunk.number}"
        if expected.quarantined:
            listing = (
                f"select {label}, {literal(table.source)}, q.key, q.reason, q.row_data "
                f"from ({table.quarantined(where)}) q"
            )
            copy_rows(self.session, destination, listing, "_migration.quarantine", form="text")
        if expected.adjusted:
            listing = f"select {label}, a.* from ({table.adjusted(NOTED)}) a"
            copy_rows(self.session, destination, listing, "_migration.adjusted", form="text")

    def highest(self, table: TablePlan, column: str) -> int | None:
        """Ask the source for the highest value of the column it is copied from."""
        found = next(item for item in table.columns if item.name == column)
        if found.source is None or not found.exact:
            return None
        query = f"select max({quoted(found.source)}) from {table.source_rows}"
        row = self.session.execute(query).fetchone()
        return row[0] if row else None
