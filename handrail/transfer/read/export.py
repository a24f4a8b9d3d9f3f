"""Write the mapped rows of all tables to NDJSON files, from one snapshot, in dependency order."""

import datetime as dt
import shutil
from pathlib import Path

from handrail.clients import private_folder
from handrail.clients.errors import ClientError
from handrail.transfer.read import preflight
from handrail.transfer.read.files import (
    PLAIN_LINES,
    ChunkRecord,
    Export,
    FileRecord,
    TableRecord,
    check_export,
    write_lines,
    write_manifest,
    write_query,
)
from handrail.transfer.read.journal import Chunk
from handrail.transfer.read.live import NOTED, LiveSupply
from handrail.transfer.session.connection import Connection, DatabaseRefused, reading, value
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.plan import Plan, TablePlan

# JSON numbers and booleans of these types survive any reader; everything else is written as text.
BARE = {"boolean", "smallint", "integer", "bigint", "real", "double precision"}


class ExportFailed(ClientError):
    """A table could not be exported, so there is no export at all."""


def export(
    plan: Plan,
    source: str,
    destination: str,
    directory: str | Path,
    *,
    chunk_rows: int | None = None,
    preflighted: bool = False,
    record: Path | None = None,
) -> Export:
    """Export every table; the directory appears whole, or not at all.

    Args:
        plan: The compiled mapping.
        source: URL of the legacy database; only read.
        destination: URL of the new database, which the preflight asks; nothing is left there.
        directory: Where the files go; must not exist yet.
        chunk_rows: Rows of one file; default 100,000.
        preflighted: The caller holds a good preflight of the same rows.
        record: File of a preflight that may stand, and where else a new one goes.

    Raises:
        ExportFailed: the directory exists, or a table could not be read or written.
        PreflightFailed: rows of the source do not fit.
    """
    place = Path(directory)
    if place.exists():
        fix = f"name another directory, or read that one with `check_export({str(place)!r})`"
        raise ExportFailed("the export was not made", f"`{place}` exists already", fix)
    partial = place.with_name(place.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        private_folder.make(partial.parent)
        partial.mkdir(mode=0o700)
        with reading(source) as session:
            snapshot = value(session, "select pg_export_snapshot()")
            if not preflighted:
                preflight.require(plan, source, destination, snapshot=snapshot, record=record)
            made = _write(plan, session, snapshot, partial, chunk_rows)
        write_manifest(partial, made)
        partial.rename(place)
    except (DatabaseRefused, OSError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        why = error.why if isinstance(error, DatabaseRefused) else error.strerror or str(error)
        fix = "mend that, then run the same command again; nothing of this export was kept"
        raise ExportFailed("the export was not made", why, fix) from error
    except ClientError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return made


def _write(
    plan: Plan, session: Connection, snapshot: str, directory: Path, chunk_rows: int | None
) -> Export:
    supply = LiveSupply(session, snapshot, text=plan.text_hashes, chunk_rows=chunk_rows)
    tables = tuple(
        _table(session, supply, plan, table, directory / f"{number:02}-{table.name}")
        for number, table in enumerate(plan.tables, start=1)
    )
    taken_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    versions = plan.source.server_version, plan.destination.server_version
    name = Path(plan.file).name
    marks = supply.mark, plan.moment
    return Export(plan.digest, name, snapshot, taken_at, *versions, tables, *marks)


def _table(
    session: Connection, supply: LiveSupply, plan: Plan, table: TablePlan, stem: Path
) -> TableRecord:
    chunks = tuple(_chunk(session, supply, table, chunk, stem) for chunk in supply.cut(table))
    sequences = {c.name for c in plan.destination.by_name[table.name].columns if c.sequence}
    highest = tuple(
        (column.name, supply.highest(table, column.name))
        for column in table.columns
        if column.name in sequences
    )
    columns = tuple((column.name, column.type) for column in table.columns)
    return TableRecord(table.name, table.source, columns, highest, chunks)


def _chunk(
    session: Connection, supply: LiveSupply, table: TablePlan, chunk: Chunk, stem: Path
) -> ChunkRecord:
    where = table.span(chunk.lower, chunk.upper, source=True)
    path = stem.with_name(f"{stem.name}.{chunk.number:04}.ndjson")
    given = f"select row_to_json(l)::text from ({lines(table)}) l"
    query = table.noted(where, given, "null::text", text=supply.text_hashes)
    rows = write_lines(path, session.pieces(query, PLAIN_LINES))
    expected = supply.came_to()
    if rows.rows != expected.sums.rows:
        why = (
            f"`{table.name}` gave {expected.sums.rows} rows when counted and {rows.rows} when read"
        )
        raise ExportFailed("the export was not made", why, "run the same command again")
    label = f"{literal(table.name)} as table_name, {chunk.number} as chunk"

    def evidence(name: str, count: int, query: str) -> FileRecord | None:
        path = stem.with_name(f"{stem.name}.{chunk.number:04}.{name}.ndjson")
        return write_query(session, query, path) if count else None

    kept_out = (
        f"select {label}, {literal(table.source)} as source_table, q.key, q.reason, "
        f"q.row_data::text from ({table.quarantined(where)}) q"
    )
    changed = (
        f"select {label}, a.key, a.name as column_name, a.action, a.fault, a.old as old_value, "
        f"a.new as new_value from ({table.adjusted(NOTED)}) a"
    )
    return ChunkRecord(
        chunk.number, chunk.lower, chunk.upper, rows, expected.sums.hash_sum,
        evidence("quarantine", expected.quarantined, kept_out),
        evidence("adjusted", expected.adjusted, changed),
    )  # fmt: skip


def lines(table: TablePlan) -> str:
    """Return a SELECT from `mapped` whose rows become JSON objects without loss.

    Decimals and JSON values are written as text: a reader that makes doubles would change them.
    """
    columns = ", ".join(
        f"m.{quoted(column.name)}"
        + ("" if column.type in BARE else f"::text as {quoted(column.name)}")
        for column in table.columns
    )
    order = f" order by m.{quoted(table.key)}" if table.key else ""
    return f"select {columns} from mapped m{order}"


def write_evidence(
    plan: Plan, destination: str, directory: str | Path
) -> tuple[FileRecord, FileRecord]:
    """Write what a load kept out and changed to `quarantine.ndjson` and `adjusted.ndjson`.

    Each line names its table, and its column where it is about one, on both sides.

    Args:
        plan: The mapping of the load.
        destination: URL of the loaded database.
        directory: Where the two files go; made where it is missing.
    """
    place = Path(directory)
    private_folder.make(place)
    with reading(destination, name="destination") as session:
        return (
            write_query(
                session,
                "select * from _migration.quarantine order by table_name, chunk, key",
                place / "quarantine.ndjson",
            ),
            write_query(
                session,
                f"select a.*, o.source_table, o.source_column from _migration.adjusted a "
                f"left join ({origins(plan)}) o using (table_name, column_name) "
                "order by table_name, chunk, key, column_name",
                place / "adjusted.ndjson",
            ),
        )


def origins(plan: Plan) -> str:
    """Return a SELECT: each mapped column with the source's table and column it comes from."""
    rows = ", ".join(
        f"({literal(table.name)}, {literal(column.name)}, {literal(table.source)}, "
        f"{literal(column.source) if column.source else 'null'})"
        for table in plan.tables
        for column in table.columns
    )
    names = "table_name, column_name, source_table, source_column"
    return f"select * from (values {rows}) v({names})"


__all__ = ["Export", "ExportFailed", "check_export", "export", "write_evidence"]
