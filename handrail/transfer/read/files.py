"""The files of an export: NDJSON, with a manifest that accounts for every byte."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handrail.clients.errors import ClientError
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.hashes import hashes_text

MANIFEST = "manifest.json"
FORMAT = 1
# COPY's text format doubles every backslash of a JSON line. JSON holds no raw control character,
# so with these as quote and delimiter the csv format changes nothing.
PLAIN_LINES = r"(format csv, quote E'\x01', delimiter E'\x02')"
EVIDENCE = {
    "quarantine": ("table_name", "chunk", "source_table", "key", "reason", "row_data"),
    "adjusted": (
        "table_name",
        "chunk",
        "key",
        "column_name",
        "action",
        "fault",
        "old_value",
        "new_value",
    ),
}


class ExportDamaged(ClientError):
    """An export is not what its manifest says; `problems` names every file."""

    def __init__(self, directory: Path, problems: list[str]) -> None:
        listing = "\n".join(f"    {problem}" for problem in problems)
        super().__init__(
            f"the export in `{directory}` cannot be used",
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''}:\n{listing}",
            "export again into a new directory; keep this one to find out what changed it",
        )
        self.problems = tuple(problems)


@dataclass(frozen=True)
class FileRecord:
    """One file with its size and sha256."""

    name: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class ChunkRecord:
    """The files of one chunk and what its rows come to."""

    number: int
    lower: str | None
    upper: str | None
    rows: FileRecord
    hash_sum: str
    quarantine: FileRecord | None
    adjusted: FileRecord | None


@dataclass(frozen=True)
class TableRecord:
    """One table of an export; `highest` are the highest numbers of its source columns."""

    table: str
    source: str
    columns: tuple[tuple[str, str], ...]
    highest: tuple[tuple[str, int | None], ...]
    chunks: tuple[ChunkRecord, ...]


@dataclass(frozen=True)
class Export:
    """A whole export, as its manifest records it."""

    digest: str
    mapping: str
    snapshot: str
    taken_at: str
    source_version: int
    destination_version: int
    tables: tuple[TableRecord, ...]
    mark: str | None = None  # of the freeze that the rows were read under
    moment: str | None = None  # the constant `{time_of_run}` in its rows

    @property
    def text_hashes(self) -> bool:
        """Say whether rows were hashed as text; see `Plan.text_hashes`."""
        return hashes_text(self.source_version, self.destination_version)

    @property
    def rows(self) -> int:
        """Count the rows in all files."""
        return sum(chunk.rows.rows for table in self.tables for chunk in table.chunks)

    def files(self) -> Iterator[FileRecord]:
        """List every file."""
        for table in self.tables:
            for chunk in table.chunks:
                yield from filter(None, (chunk.rows, chunk.quarantine, chunk.adjusted))


def write_lines(path: Path, pieces: Iterable[bytes]) -> FileRecord:
    """Write lines to a file that is there whole or not at all, and survives a power cut."""
    partial = path.with_suffix(path.suffix + ".tmp")
    sha256, size, rows = hashlib.sha256(), 0, 0
    with partial.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            sha256.update(piece)
            size += len(piece)
            rows += piece.count(b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    return FileRecord(path.name, rows, size, sha256.hexdigest())


def as_lines(query: str) -> str:
    """Return a SELECT that gives each row of a query as one JSON object."""
    return f"select row_to_json(m)::text from ({query}) m"


def write_query(session: Connection, query: str, path: Path, *, few: bool) -> FileRecord:
    """Write each row of a query as one JSON object; few of them come over the session itself."""
    if not few:
        return write_lines(path, session.pieces(as_lines(query), PLAIN_LINES))
    return write_lines(path, (f"{line}\n".encode() for (line,) in session.execute(as_lines(query))))


def write_manifest(directory: Path, export: Export) -> None:
    """Write the manifest; it names no address and holds no secret."""
    text = json.dumps({"format": FORMAT, **asdict(export)}, indent=1, ensure_ascii=False)
    write_lines(directory / MANIFEST, [text.encode() + b"\n"])


def read_manifest(directory: Path) -> Export:
    """Read a manifest back.

    Raises:
        ExportDamaged: there is none, or it is not one of ours.
    """
    try:
        stored = json.loads((directory / MANIFEST).read_bytes())
        if stored.pop("format") != FORMAT:
            raise ExportDamaged(directory, [f"{MANIFEST}: another format than {FORMAT}"])
        stored["tables"] = tuple(_table(item) for item in stored["tables"])
        return Export(**stored)
    except OSError:
        raise ExportDamaged(directory, [f"{MANIFEST}: missing"]) from None
    except (ValueError, KeyError, TypeError):
        raise ExportDamaged(directory, [f"{MANIFEST}: not a manifest of an export"]) from None


def _table(item: dict[str, Any]) -> TableRecord:  # Any: JSON
    def file(found: dict[str, Any] | None) -> FileRecord | None:
        return FileRecord(**found) if found else None

    chunks = tuple(
        ChunkRecord(
            **{key: value for key, value in chunk.items() if key not in {"rows", *EVIDENCE}},
            rows=FileRecord(**chunk["rows"]),
            quarantine=file(chunk["quarantine"]),
            adjusted=file(chunk["adjusted"]),
        )
        for chunk in item["chunks"]
    )
    columns, highest = tuple(map(tuple, item["columns"])), tuple(map(tuple, item["highest"]))
    return TableRecord(item["table"], item["source"], columns, highest, chunks)


def check_export(directory: str | Path) -> Export:
    """Hold every file of an export against its manifest.

    Raises:
        ExportDamaged: a file is missing, changed, or not in the manifest; all of them.
    """
    place = Path(directory)
    export = read_manifest(place)
    named = {MANIFEST, *(record.name for record in export.files())}
    foreign = sorted({path.name for path in place.iterdir()} - named)
    problems = [f"{name}: not in the manifest" for name in foreign]
    for record in export.files():
        problems += _wrong(place / record.name, record)
    if problems:
        raise ExportDamaged(place, sorted(problems))
    return export


def _wrong(path: Path, record: FileRecord) -> Iterator[str]:
    """Say how a file differs from its record, if it does."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError:
        yield f"{record.name}: missing"
        return
    if size != record.size_bytes:
        yield f"{record.name}: {size} bytes, the manifest says {record.size_bytes}"
    elif sha256 != record.sha256:
        yield f"{record.name}: its content was changed"
