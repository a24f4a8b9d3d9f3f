"""Find what was written on the destination since the load, to keep it on the way back."""

import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from handrail.clients import private_folder
from handrail.transfer.load.stale import moved_of
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.asking import Line, answered, together
from handrail.transfer.session.connection import Connection, connect, reading
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.verify import compare
from handrail.transfer.verify.side import Side, identity, sides_of

INSERTED, UPDATED, DELETED = "inserted", "updated", "deleted"
KINDS = {"extra": INSERTED, "changed": UPDATED, "missing": DELETED}
BATCH = 500


@dataclass(frozen=True)
class TableDelta:
    """What was written on one table since the load; `file` holds every row, if there is one."""

    table: str
    inserted: int
    updated: int
    deleted: int
    file: str | None


@dataclass(frozen=True)
class Delta:
    """Everything written on the destination since the load.

    `source_changed` names tables whose source rows are no longer those that were loaded, so that
    their differences may have been made on either side.
    """

    tables: tuple[TableDelta, ...]
    source_changed: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Count the rows written."""
        return sum(item.inserted + item.updated + item.deleted for item in self.tables)


def delta(plan: Plan, source: str, destination: str, directory: str | Path | None = None) -> Delta:
    """Compare every row with the mapped source row it was loaded from.

    Args:
        plan: The compiled mapping.
        source: URL of the legacy database, frozen since the load; only read.
        destination: URL of the destination; only read.
        directory: Where to write one NDJSON file per changed table. Its rows are whole, password
            hashes included, so the files are readable by their owner only.
    """
    place = Path(directory) if directory is not None else None
    if place is not None:
        private_folder.make(place)
    with reading(source) as ours, connect(destination, name="destination") as theirs:
        theirs.execute("begin isolation level repeatable read read only")
        tables = tuple(_table(plan, table, ours, theirs, place) for table in plan.tables)
        changed = _source_changed(plan, ours, theirs)
        theirs.execute("rollback")
    return Delta(tables, changed)


def _table(
    plan: Plan, table: TablePlan, source: Connection, destination: Connection, place: Path | None
) -> TableDelta:
    sides = sides_of(plan, table, source, destination)
    counts = Counter[str]()
    rows = _rows(sides, identity(plan, table))
    first = next(rows, None)
    if first is None:
        return TableDelta(table.name, 0, 0, 0, None)
    with _file(place, table) as file:
        for row in (first, *rows):
            counts[row["kind"]] += 1
            file.write(json.dumps(row, ensure_ascii=True) + "\n")
    name = _name(table) if place else None
    return TableDelta(table.name, counts[INSERTED], counts[UPDATED], counts[DELETED], name)


def _name(table: TablePlan) -> str:
    return f"{table.name}.delta.ndjson"


@contextmanager
def _file(place: Path | None, table: TablePlan) -> Iterator[TextIO]:
    """Give the file of a table, which is there once it is whole; without a place, none is kept."""
    path = (place / _name(table) if place else Path(os.devnull)).absolute()
    partial = path.with_suffix(".tmp") if place else path
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yield file
        if place:
            file.flush()
            os.fsync(file.fileno())
    if place:
        partial.rename(path)


def _rows(
    sides: tuple[Side, Side], names: tuple[str, ...]
) -> Iterator[dict[str, Any]]:  # Any: JSON
    """Yield each row that differs: what it was, and what it is."""
    columns = [column.name for column in sides[0].table.columns]
    for part in _parts(sides, names):
        before, after = together(_both(sides, names, part))
        for key, kind in part.items():
            row = {"loaded": _named(columns, before.get(key))}
            row["row"] = _named(columns, after.get(key))
            yield {"kind": KINDS[kind], "key": key, **row}


def _parts(sides: tuple[Side, Side], names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield the keys of rows that differ, each with its kind, as many as are read in one go."""
    for bucket in answered(compare.differing_buckets(sides, names)):
        differing = answered(compare.differing(sides, names, bucket))
        kinds = ((each.key, each.kind) for each in differing)
        while part := dict(itertools.islice(kinds, BATCH)):
            yield part


def _both(
    sides: tuple[Side, Side], names: tuple[str, ...], part: dict[str, str]
) -> Iterator[Line[dict[str, Any]]]:  # Any: as the texts of a row come
    """Yield what asks each side for the rows that it has."""
    for side, absent in zip(sides, ("extra", "missing"), strict=True):
        yield compare.texts(side, names, [key for key, kind in part.items() if kind != absent])


def _named(columns: list[str], row: Any) -> dict[str, Any] | None:  # Any: as in `_both`
    return dict(zip(columns, row, strict=True)) if row else None


def _source_changed(plan: Plan, source: Connection, destination: Connection) -> tuple[str, ...]:
    """Hold the source's rows now against the sums recorded when they were loaded."""
    supply = LiveSupply(source, "", text=plan.text_hashes, chunk_rows=None)
    recorded = moved_of(destination, plan)
    now = together([supply.expected(table, done.chunk) for table, done in recorded])
    changed = (
        table.name
        for (table, done), expected in zip(recorded, now, strict=True)
        if expected.sums != done.expected.sums
    )
    return tuple(dict.fromkeys(changed))
