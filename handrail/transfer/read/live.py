"""Rows of the live source: cut into ranges of their key, counted, hashed and streamed."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import psycopg

from handrail.transfer.read.files import EVIDENCE, PLAIN_LINES
from handrail.transfer.read.journal import Chunk, Expected, Sums
from handrail.transfer.session import asking, mark
from handrail.transfer.session.asking import Line, Question, Rows, only, together
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.session.stream import copy_in, copy_rows
from handrail.transfer.sql.cut import Cut
from handrail.transfer.sql.hashes import PLACES, SUMS
from handrail.transfer.sql.plan import TablePlan
from handrail.transfer.sql.types import INTEGERS

CHUNK_ROWS = 100_000
# A join over the whole table is paid once per chunk, so such tables get larger ones.
JOINED_CHUNK_ROWS = 250_000
MOST_CHUNKS = 32  # of a table, unless chunks of a size are asked for; see `bulk.FEW`
FEW_RECORDED = 1000  # rows kept out or changed that are held in memory
SAMPLED_ROWS = 1000  # keys looked at for each chunk: its size is then true to a few percent

# The last number that a sequence gave to a column.
GIVEN = """
(select max(case when has_sequence_privilege(q.oid, 'select')
                 then pg_sequence_last_value(q.oid) end)
 from pg_class q join pg_attribute a on a.attrelid = {table}::regclass and a.attname = {column}
 left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
 where q.relkind = 'S' and exists (
     select 1 from pg_depend d
     where d.classid = 'pg_class'::regclass and d.objid = q.oid
     and (d.refobjid, d.refobjsubid) = (a.attrelid, a.attnum) and d.deptype in ('a', 'i')
     union all select 1 from pg_depend d
     where d.classid = 'pg_attrdef'::regclass and d.objid = f.oid and d.refobjid = q.oid))
"""

# The rows that the last `noted` query of the session found adjusted.
NOTED = f"s.ctid = any(current_setting('{PLACES}')::tid[])"
NOTE = f"select current_setting('{SUMS}')"  # what they came to; see `as_noted`


@dataclass(frozen=True)
class Read:
    """What was read of one chunk: rows of texts to move, and what is to be recorded of it."""

    chunk: Chunk
    expected: Expected
    rows: Rows
    kept_out: Rows
    adjusted: Rows


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

    def cut(self, *tables: TablePlan) -> list[Chunk]:
        """Cut tables into chunks of about as many rows; one without a usable key is one chunk."""
        return list(itertools.chain(*together([self._cut(table) for table in tables])))

    def _cut(self, table: TablePlan) -> Line[list[Chunk]]:
        rows = yield from self._about(table)
        between = yield from self._edges(table, rows)
        edges = [None, *between, None]
        size = rows // (len(edges) - 1)
        return [
            Chunk(table.name, number, lower, upper, size)
            for number, (lower, upper) in enumerate(itertools.pairwise(edges))
        ]

    def _about(self, table: TablePlan) -> Line[int]:
        """Return about how many rows a table has; counted where no statistics tell."""
        pages = "pg_relation_size(oid) / current_setting('block_size')::float8"
        known = yield from only(
            self.session,
            f"select (select (reltuples / relpages * {pages})::bigint from pg_class "
            f"where oid = {literal(table.origin)}::regclass and reltuples > 0 and relpages > 0)",
        )
        counting = only(self.session, f"select count(*) from {table.source_rows}")
        return int(known or (yield from counting))

    def _edges(self, table: TablePlan, rows: int) -> Line[list[str]]:
        """Return the keys between chunks, at even shares of a sample: sorting all takes long."""
        if table.cut is None:
            return []
        key = table.cut.ordered(quoted(table.cut.source))
        size = self.chunk_rows or _chunk_rows(table, table.cut, rows)
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
        found = yield from asking.rows(
            self.session,
            f"select k::text from ({quantiles}) q where k is not null "
            f"order by {table.cut.ordered('q.k')}",
        )
        return [key for (key,) in found]

    def expected(self, table: TablePlan, chunk: Chunk) -> Line[Expected]:
        """Count and hash the chunk's mapped rows."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        query = table.source_sums(where, text=self.text_hashes)
        ((count, hash_sum, *others),) = yield from asking.rows(self.session, query)
        return Expected(Sums(count, hash_sum), *others)

    def rows(
        self, destination: Connection, table: TablePlan, chunk: Chunk
    ) -> tuple[Expected, Sums]:
        """Stream the chunk's mapped rows; count and hash them on their way, and where they are."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        query = table.rows_and_sums(where, text=self.text_hashes)
        options = f"(format {table.form})"

        def put(copy: psycopg.Copy) -> None:
            for piece in self.session.pieces(query, options, NOTE):
                copy.write(piece)

        copying = f"copy {table.target} ({table.names}) from stdin {options}"
        there = table.span(chunk.lower, chunk.upper, source=False)
        behind = table.target_sums(there, text=self.text_hashes)
        count, hash_sum = copy_in(destination, copying, behind, put)
        return self.came_to(), Sums(int(count), hash_sum)

    def came_to(self) -> Expected:
        """Say what the rows came to that a `noted` query has just given, with `NOTE` behind it."""
        return as_noted(self.session.noted)

    def read(self, table: TablePlan, chunk: Chunk) -> Line[Read]:
        """Read a small chunk into memory: what `rows` and `evidence` would stream."""
        where = table.span(chunk.lower, chunk.upper, source=True)
        kept_out, adjusted = self._kept_out(table, chunk), self._adjusted(table, chunk)
        rows, noted, *evidence = yield [
            Question(self.session, table.rows_and_sums(where, text=self.text_hashes), texts=True),
            Question(self.session, NOTE),
            *([Question(self.session, kept_out, texts=True)] if table.reason else []),
            Question(self.session, adjusted, texts=True),
        ]
        out = evidence[0] if table.reason else []
        return Read(chunk, as_noted(noted[0][0]), rows, out, evidence[-1])

    def evidence(
        self, destination: Connection, table: TablePlan, chunk: Chunk, expected: Expected
    ) -> list[Line[Rows]]:
        """Stream the rows kept out and the values changed of the rows just streamed.

        Where they are few, return what inserts them, for the end of the transaction.
        """
        asked = []
        for name, count, listed in (
            ("quarantine", expected.quarantined, self._kept_out),
            ("adjusted", expected.adjusted, self._adjusted),
        ):
            target = f"_migration.{name}"
            if count > FEW_RECORDED:
                copy_rows(self.session, destination, listed(table, chunk), target, form="text")
            elif count:
                rows = f"({listed(table, chunk)}) q({', '.join(EVIDENCE[name])})"
                whole = f"select jsonb_agg(q)::text from {rows}"
                found = b"".join(self.session.pieces(whole, PLAIN_LINES)).decode()
                taken = f"jsonb_populate_recordset(null::{target}, %s::jsonb)"
                insert = f"insert into {target} select * from {taken}"
                asked.append(asking.rows(destination, insert, found))
        return asked

    def _kept_out(self, table: TablePlan, chunk: Chunk) -> str:
        where = table.span(chunk.lower, chunk.upper, source=True)
        return (
            f"select {literal(table.name)}, {chunk.number}, {literal(table.source)}, q.key, "
            f"q.reason, q.row_data from ({table.quarantined(where)}) q"
        )

    def _adjusted(self, table: TablePlan, chunk: Chunk) -> str:
        """List the changes of the rows that the last `noted` query of the session gave."""
        label = f"{literal(table.name)}, {chunk.number}"
        return f"select {label}, a.* from ({table.adjusted(NOTED)}) a"

    def highest(self, columns: Sequence[tuple[TablePlan, str]]) -> list[int | None]:
        """Ask the source for the highest numbers of the columns that these are copied from.

        One that its sequence gave counts where its row is gone: others may still name it.
        """
        listing = ", ".join(_highest(table, name) for table, name in columns)
        return [
            None if found is None else int(found)
            for found in (value(self.session, f"select array[{listing}]") if columns else ())
        ]


def _chunk_rows(table: TablePlan, cut: Cut, rows: int) -> int:
    """Return how many rows a chunk has, unless somebody says so."""
    usual = JOINED_CHUNK_ROWS if table.joins or cut.is_text else CHUNK_ROWS
    return max(usual, rows // MOST_CHUNKS)


def as_noted(note: str) -> Expected:
    """Read what a `noted` query left in the session's setting."""
    rows, hash_sum, quarantined, adjusted = note.split()
    return Expected(Sums(int(rows), hash_sum), int(quarantined), int(adjusted))


def _highest(table: TablePlan, name: str) -> str:
    column = table.by_name[name]
    if column.source is None or column.source_type not in INTEGERS or column.rule.values:
        return "null::numeric"
    highest = f"(select max({quoted(column.source)}) from {table.source_rows})"
    given = GIVEN.format(table=literal(table.origin), column=literal(column.source))
    return f"greatest({highest}, {given})::numeric"
