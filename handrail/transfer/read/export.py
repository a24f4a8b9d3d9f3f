"""Write the mapped rows of all tables to NDJSON files, from one snapshot, in dependency order."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
    as_lines,
    check_export,
    write_lines,
    write_manifest,
    write_query,
)
from handrail.transfer.read.journal import Chunk, Expected
from handrail.transfer.read.left_out import dropped_of
from handrail.transfer.read.live import NOTE, NOTED, LiveSupply, as_noted
from handrail.transfer.read.sizes import small_tables
from handrail.transfer.session.asking import Line, Question, together
from handrail.transfer.session.connection import Connection, DatabaseRefused, reading, value
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.plan import Plan, TablePlan

RECORDED = (
    "select (select count(*) from _migration.quarantine) "
    "+ (select count(*) from _migration.adjusted)"
)
FEW_RECORDED = 5000  # rows that are sooner here by themselves than a psql has signed in
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
    snapshot: str | None = None,
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
        snapshot: An exported one, whose rows they are; else a new one.

    Raises:
        ExportFailed: the directory exists, or a table could not be read or written.
        PreflightFailed: rows of the source do not fit.
    """
    place = Path(directory)
    if place.exists():
        fix = f"name another directory, or read that one with `check_export({str(place)!r})`"
        raise ExportFailed("the export was not made", f"`{place}` exists already", fix)
    try:
        with private_folder.appearing(place) as partial:
            with reading(source, snapshot=snapshot) as session:
                snapshot = snapshot or str(value(session, "select pg_export_snapshot()"))
                if not preflighted:
                    preflight.require(plan, source, destination, within=session, record=record)
                made = _write(plan, session, snapshot, partial, chunk_rows)
            write_manifest(partial, made)
            return made
    except (DatabaseRefused, OSError) as error:
        fix = "mend that, then run the same command again; nothing of this export was kept"
        raise ExportFailed("the export was not made", _why(error), fix) from error


def _why(error: DatabaseRefused | OSError) -> str:
    return error.why if isinstance(error, DatabaseRefused) else error.strerror or str(error)


def _write(
    plan: Plan, session: Connection, snapshot: str, directory: Path, chunk_rows: int | None
) -> Export:
    supply = LiveSupply(session, snapshot, text=plan.text_hashes, chunk_rows=chunk_rows)
    pages = [_Page(supply, plan.table(chunk.table), chunk) for chunk in supply.cut(*plan.tables)]
    small = small_tables(plan, session) if chunk_rows is None else {}
    together([page.read() for page in pages if page.table.name in small])
    highest = _highest(plan, supply)
    tables = tuple(
        _recorded(table, highest, _written(pages, table, directory / f"{number:02}-{table.name}"))
        for number, table in enumerate(plan.tables, start=1)
    )
    taken_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    versions = plan.source.server_version, plan.destination.server_version
    name = Path(plan.file).name
    marks = supply.mark, plan.moment
    return Export(plan.digest, name, snapshot, taken_at, *versions, tables, *marks)


def _written(pages: list["_Page"], table: TablePlan, stem: Path) -> tuple[ChunkRecord, ...]:
    return tuple(page.write(stem) for page in pages if page.table is table)


def _recorded(
    table: TablePlan,
    highest: dict[str, list[tuple[str, int | None]]],
    chunks: tuple[ChunkRecord, ...],
) -> TableRecord:
    columns = tuple((column.name, column.type) for column in table.columns)
    return TableRecord(table.name, table.source, columns, tuple(highest[table.name]), chunks)


def _highest(plan: Plan, supply: LiveSupply) -> dict[str, list[tuple[str, int | None]]]:
    """Return by table the highest numbers of the columns that a sequence will go on from."""
    numbered = list(_numbered(plan))
    highest: defaultdict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for (table, name), number in zip(numbered, supply.highest(numbered), strict=True):
        highest[table.name].append((name, number))
    return highest


def _numbered(plan: Plan) -> Iterator[tuple[TablePlan, str]]:
    """Yield the mapped columns that have a sequence."""
    for table in plan.tables:
        for column in plan.destination.by_name[table.name].columns:
            if column.sequence and column.name in table.by_name:
                yield table, column.name


class _Page:
    """One chunk on its way to its files; a small one is read ahead, together with others.

    Args:
        supply: A snapshot of the source.
        table: Plan of the chunk's table.
        chunk: The chunk.
    """

    def __init__(self, supply: LiveSupply, table: TablePlan, chunk: Chunk) -> None:
        self._supply = supply
        self.table = table
        self._chunk = chunk
        where = table.span(chunk.lower, chunk.upper, source=True)
        given = f"select row_to_json(l)::text from ({lines(table)}) l"
        self._rows = table.noted(where, given, "null::text", text=supply.text_hashes)
        label = f"{literal(table.name)} as table_name, {chunk.number} as chunk"
        self._kept_out = as_lines(
            f"select {label}, {literal(table.source)} as source_table, q.key, q.reason, "
            f"q.row_data::text from ({table.quarantined(where)}) q"
        )
        self._changed = as_lines(
            f"select {label}, a.key, a.name as column_name, a.action, a.fault, a.old as old_value, "
            f"a.new as new_value from ({table.adjusted(NOTED)}) a"
        )
        self._expected: Expected | None = None
        self._ahead: dict[str, list[bytes]] = {}

    def read(self) -> Line[None]:
        """Read all of it into memory."""
        session = self._supply.session
        queries = (self._rows, NOTE, self._kept_out, self._changed)
        rows, noted, kept_out, changed = yield [Question(session, each) for each in queries]
        self._expected = as_noted(noted[0][0])
        for query, found in (
            (self._rows, rows),
            (self._kept_out, kept_out),
            (self._changed, changed),
        ):
            self._ahead[query] = [f"{line}\n".encode() for (line,) in found]

    def write(self, stem: Path) -> ChunkRecord:
        """Write its files.

        Raises:
            ExportFailed: its rows are not as many as were counted.
        """
        chunk = self._chunk
        path = stem.with_name(f"{stem.name}.{chunk.number:04}.ndjson")
        rows = write_lines(path, self._lines(self._rows))
        expected = self._expected or self._supply.came_to()
        if rows.rows != expected.sums.rows:
            why = (
                f"`{chunk.table}` gave {expected.sums.rows} rows when counted and {rows.rows} when "
                "read"
            )
            raise ExportFailed("the export was not made", why, "run the same command again")
        return ChunkRecord(
            chunk.number, chunk.lower, chunk.upper, rows, expected.sums.hash_sum,
            self._evidence(path, "quarantine", expected.quarantined, self._kept_out),
            self._evidence(path, "adjusted", expected.adjusted, self._changed),
        )  # fmt: skip

    def _evidence(self, path: Path, name: str, count: int, query: str) -> FileRecord | None:
        place = path.with_suffix(f".{name}.ndjson")
        return write_lines(place, self._lines(query)) if count else None

    def _lines(self, query: str) -> Iterable[bytes]:
        if query in self._ahead:
            return self._ahead[query]
        note = NOTE if query is self._rows else ""
        return self._supply.session.pieces(query, PLAIN_LINES, note)


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
    plan: Plan, destination: str | Connection, directory: str | Path
) -> tuple[FileRecord, FileRecord]:
    """Write what a load kept out and changed to `quarantine.ndjson` and `adjusted.ndjson`.

    Each line names its table, and its column where it is about one, on both sides.

    Args:
        plan: The mapping of the load.
        destination: URL of the loaded database, or a session there.
        directory: Where the two files go; made where it is missing.
    """
    place = Path(directory)
    private_folder.make(place)
    kept_out = "select * from _migration.quarantine order by table_name, chunk, key"
    changed = (
        f"select a.*, o.source_table, o.source_column from _migration.adjusted a "
        f"left join ({origins(plan)}) o using (table_name, column_name) "
        "order by table_name, chunk, key, column_name"
    )
    with reading(destination, name="destination") as session:
        few = value(session, RECORDED) <= FEW_RECORDED
        return (
            write_query(session, kept_out, place / "quarantine.ndjson", few=few),
            write_query(session, changed, place / "adjusted.ndjson", few=few),
        )


def origins(plan: Plan) -> str:
    """Return a SELECT: each column with the source's table and column it comes from.

    A dropped column goes by its own name, where no column of the destination has that.
    """
    rows = ", ".join(
        f"({', '.join(literal(each) if each else 'null' for each in row)})" for row in _pairs(plan)
    )
    names = "table_name, column_name, source_table, source_column"
    return f"select * from (values {rows}) v({names})"


def _pairs(plan: Plan) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield table and column on the destination, table and column on the source."""
    for table in plan.tables:
        for column in table.columns:
            yield table.name, column.name, table.source, column.source
    for table in plan.tables:
        for dropped in dropped_of(plan, table):
            if dropped not in table.by_name:
                yield table.name, dropped, table.source, dropped


__all__ = ["Export", "ExportFailed", "check_export", "export", "write_evidence"]
