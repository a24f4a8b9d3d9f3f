"""Rows from the files of an export, as a supply of a load."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import psycopg

from handrail.transfer.read.files import (
    EVIDENCE,
    ChunkRecord,
    Export,
    ExportDamaged,
    FileRecord,
    check_export,
)
from handrail.transfer.read.journal import Chunk, Expected, Sums
from handrail.transfer.session.asking import Line, Rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted
from handrail.transfer.session.stream import copy_in
from handrail.transfer.sql.hashes import hashes_text
from handrail.transfer.sql.plan import Plan, TablePlan


class FileSupply:
    """Rows from the files of an export."""

    def __init__(self, directory: Path, export: Export) -> None:
        self.directory = directory
        self.name = export.snapshot
        self.text_hashes = export.text_hashes
        self.mark = export.mark
        self.moment = export.moment
        self.tables = {table.table: table for table in export.tables}

    @classmethod
    def open(cls, plan: Plan, directory: Path) -> "FileSupply":
        """Check an export and take it as supply.

        Raises:
            ExportDamaged: it does not hold what its manifest says, or is of another plan.
        """
        export = check_export(directory)
        if export.digest != plan.digest:
            digests = f"{export.digest[:12]}, now {plan.digest[:12]}"
            why = f"it was made by another mapping or schema ({digests})"
            raise ExportDamaged(directory, [why])
        now = plan.destination.server_version
        if not export.text_hashes and hashes_text(now, export.destination_version):
            majors = f"{export.destination_version // 10000}, now {now // 10000}"
            raise ExportDamaged(directory, [f"its hashes are of another PostgreSQL ({majors})"])
        return cls(directory, export)

    def cut(self, *tables: TablePlan) -> list[Chunk]:
        """Give the chunks the export was written in."""
        return [
            Chunk(table.name, c.number, c.lower, c.upper, c.rows.rows)
            for table in tables
            for c in self.tables[table.name].chunks
        ]

    def _chunk(self, table: TablePlan, chunk: Chunk) -> ChunkRecord:
        return self.tables[table.name].chunks[chunk.number]

    def expected(self, table: TablePlan, chunk: Chunk) -> Line[Expected]:
        """Say what the manifest says."""
        yield []
        return self._named(table, chunk)

    def _named(self, table: TablePlan, chunk: Chunk) -> Expected:
        found = self._chunk(table, chunk)
        sums = Sums(found.rows.rows, found.hash_sum)
        counts = [record.rows if record else 0 for record in (found.quarantine, found.adjusted)]
        return Expected(sums, *counts)

    def rows(
        self, destination: Connection, table: TablePlan, chunk: Chunk
    ) -> tuple[Expected, Sums]:
        """Copy the chunk's file into its table, and hash the rows there."""
        names = [name for name, _ in self.tables[table.name].columns]
        record = self._chunk(table, chunk).rows
        there = table.span(chunk.lower, chunk.upper, source=False)
        count, hash_sum = copy_in(
            destination,
            f"copy {table.target} ({table.names}) from stdin",
            table.target_sums(there, text=self.text_hashes),
            lambda copy: self._put(copy, names, record),
        )
        return self._named(table, chunk), Sums(int(count), hash_sum)

    def evidence(
        self, destination: Connection, table: TablePlan, chunk: Chunk, expected: Expected
    ) -> list[Line[Rows]]:
        """Copy the chunk's files of rows kept out and values changed."""
        found = self._chunk(table, chunk)
        for name, record in (("quarantine", found.quarantine), ("adjusted", found.adjusted)):
            if record is not None and (expected.quarantined or expected.adjusted):
                columns = EVIDENCE[name]
                listing = ", ".join(map(quoted, columns))
                copying = f"copy _migration.{name} ({listing}) from stdin"
                with destination.cursor() as cursor, cursor.copy(copying) as copy:
                    self._put(copy, columns, record)
        return []

    def _put(self, copy: psycopg.Copy, names: Sequence[str], record: FileRecord) -> None:
        """Write the lines of a file as rows."""
        with (self.directory / record.name).open("rb") as file:
            for line in file:
                row = orjson.loads(line)  # four times as fast as the standard library's
                copy.write_row([row[key] for key in names])

    def highest(self, columns: Sequence[tuple[TablePlan, str]]) -> list[int | None]:
        """Give the highest numbers the manifest names."""
        return [dict(self.tables[table.name].highest).get(name) for table, name in columns]
