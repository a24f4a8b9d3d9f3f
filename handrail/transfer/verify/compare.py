"""Hold the mapped source against the destination row by row, and name what differs.

One scan of each side gives hash sums per bucket of keys; only buckets that differ are read again.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.hashes import hash_sum
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan

BUCKET_BITS = 14  # of a key, that its bucket leaves out: 16,384 keys
HASH_BUCKETS = 256
INTEGERS = {"smallint", "integer", "bigint"}
# Keys named per table; every difference is counted, so a long list adds nothing.
NAMED_KEYS = 1000
SHOWN_ROWS = 20
ARGUMENTS = 90  # of a function; PostgreSQL takes 100

Bucket = tuple[int, str]


@dataclass(frozen=True)
class Cell:
    """One value that differs; secrets are shown as digests."""

    column: str
    source: str | None
    destination: str | None


@dataclass(frozen=True)
class Difference:
    """One row that differs: `missing` and `extra` are seen from the destination, else `changed`."""

    table: str
    key: str
    kind: str
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What comparing one table came to; `differences` may name fewer rows than differ.

    `rewritten` counts the rows of which the new application has written anew what it may.
    """

    table: str
    source_rows: int
    destination_rows: int
    equal: bool
    differences: tuple[Difference, ...]
    truncated: bool
    rewritten: int = 0


class Side:
    """One side of a table: where its rows come from and how a row is identified there."""

    def __init__(self, session: Connection, table: TablePlan, *, source: bool, text: bool) -> None:
        self.session = session
        self.table = table
        self.source = source
        self.text = text

    def read(self, column: ColumnPlan) -> str:
        """Return the expression of one column on this side."""
        return column.sql if self.source else column.target

    @property
    def numbered(self) -> bool:
        """Say whether the rows have an integer key, so that a range of it can be read alone."""
        return self.table.key is not None and self.table.key_type in INTEGERS

    def key(self) -> str:
        """Return the key's column, before anything is computed from the row."""
        if self.source:
            return f"s.{quoted(self.table.key_source or '')}"
        return quoted(self.table.key or "")

    def rows(self, where: str = "true") -> str:
        """Return FROM and WHERE of the rows that count; `where` is over plain columns."""
        if self.source:
            return f"{self.table.relation(where)} where {self.table.kept()}"
        return f"{self.table.target_rows} where {where}"

    def identity(self, names: tuple[str, ...]) -> str:
        """Return an expression: the row's key as text."""
        found = {column.name: column for column in self.table.columns}
        if len(names) > ARGUMENTS:
            return f"(row({', '.join(self.read(found[name]) for name in names)}))::text"
        parts = ", ".join(f"({self.read(found[name])})::text" for name in names)
        return f"concat_ws(',', {parts})"

    def sums(self, group: str, within: str = "true", where: str = "true") -> str:
        """Return a SELECT: a group of rows, its count, its hash sum."""
        row = hash_sum(self.table.row(source=self.source), text=self.text)
        return f"select {group}, count(*), {row} from {self.rows(within)} and {where} group by 1"


def identity(plan: Plan, table: TablePlan) -> tuple[str, ...]:
    """Return the columns that tell rows apart: the destination's primary key, else all."""
    mapped = {column.name for column in table.columns}
    for unique in (plan.destination.by_name[table.name].primary_key, *table.uniques):
        if unique and set(unique) <= mapped:
            return unique
    return tuple(column.name for column in table.columns)


def both(sides: tuple[Side, Side], ask: Callable[[Side], Any]) -> tuple[Any, Any]:  # Any: as asked
    """Ask both sides at once; each has a session of its own."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, sides)
    return first, second


def compare(
    plan: Plan, table: TablePlan, source: Connection, destination: Connection
) -> Comparison:
    """Compare one table; what the new application may write anew is no difference.

    Args:
        plan: The compiled mapping.
        table: One of its tables.
        source: Session inside one snapshot of the source.
        destination: Session inside one snapshot of the destination.
    """
    whole = _compare(plan, table, source, destination)
    lasting = tuple(column for column in table.columns if not column.rule.rewritten)
    if whole.equal or len(lasting) == len(table.columns):
        return whole
    rest = dataclasses.replace(table, columns=lasting)
    found = _compare(plan, rest, source, destination)
    otherwise = {each.key for each in found.differences}
    rewritten = sum(each.key not in otherwise for each in whole.differences)
    return dataclasses.replace(found, rewritten=rewritten)


def _compare(
    plan: Plan, table: TablePlan, source: Connection, destination: Connection
) -> Comparison:
    text = plan.text_hashes
    sides = (
        Side(source, table, source=True, text=text),
        Side(destination, table, source=False, text=text),
    )
    names = identity(plan, table)
    ours, theirs = both(sides, lambda side: _buckets(side, names))
    bad = _unequal(ours, theirs)
    found: list[Difference] = []
    for bucket in bad:
        found += differing(sides, names, bucket)
        if len(found) >= NAMED_KEYS:
            break
    found = found[:NAMED_KEYS]
    shown = _with_cells(sides, names, found)
    return Comparison(
        table.name,
        sum(bucket[0] for bucket in ours.values()),
        sum(bucket[0] for bucket in theirs.values()),
        not bad,
        tuple(shown),
        truncated=len(found) >= NAMED_KEYS,
    )


def differing_buckets(sides: tuple[Side, Side], names: tuple[str, ...]) -> list[int]:
    """Return the buckets whose rows are not the same on both sides."""
    ours, theirs = both(sides, lambda side: _buckets(side, names))
    return _unequal(ours, theirs)


def _unequal(ours: dict[int, Bucket], theirs: dict[int, Bucket]) -> list[int]:
    return sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))


def _bucket(side: Side, names: tuple[str, ...]) -> str:
    if side.numbered:
        return f"({side.key()})::bigint >> {BUCKET_BITS}"
    return f"(hashtextextended({side.identity(names)}, 0) & {HASH_BUCKETS - 1})"


def _buckets(side: Side, names: tuple[str, ...]) -> dict[int, Bucket]:
    query = side.sums(_bucket(side, names))
    return {row[0]: (row[1], row[2]) for row in side.session.execute(query)}


def differing(
    sides: tuple[Side, Side], names: tuple[str, ...], bucket: int
) -> Iterator[Difference]:
    """Yield the rows of one bucket that differ, without their values."""

    def rows(side: Side) -> dict[str, tuple[int | str, ...]]:
        if side.numbered:
            first, end = bucket << BUCKET_BITS, (bucket + 1) << BUCKET_BITS
            within = f"{side.key()} >= {first} and {side.key()} < {end}"
            query = side.sums(side.identity(names), within)
        else:
            query = side.sums(side.identity(names), where=f"{_bucket(side, names)} = {bucket}")
        return {row[0]: tuple(row[1:]) for row in side.session.execute(query)}

    ours, theirs = both(sides, rows)
    for key in sorted(ours.keys() | theirs.keys(), key=lambda text: (len(text), text)):
        if ours.get(key) != theirs.get(key):
            kind = (
                "changed"
                if key in ours and key in theirs
                else "missing"
                if key in ours
                else "extra"
            )
            yield Difference(sides[0].table.name, key, kind)


def _with_cells(
    sides: tuple[Side, Side], names: tuple[str, ...], found: list[Difference]
) -> Iterator[Difference]:
    wanted = [item.key for item in found if item.kind == "changed"][:SHOWN_ROWS]
    table = sides[0].table
    values = both(sides, lambda side: texts(side, names, wanted)) if wanted else ({}, {})
    for item in found:
        ours, theirs = values[0].get(item.key), values[1].get(item.key)
        if ours is None or theirs is None:
            yield item
            continue
        cells = tuple(
            Cell(column.name, shown(column, mine), shown(column, other))
            for column, mine, other in zip(table.columns, ours, theirs, strict=True)
            if mine != other
        )
        yield Difference(item.table, item.key, item.kind, cells)


def texts(side: Side, names: tuple[str, ...], keys: list[str]) -> dict[str, tuple[str | None, ...]]:
    """Read rows by key, each value as text."""
    if not keys:
        return {}
    columns = ", ".join(f"({side.read(column)})::text" for column in side.table.columns)
    listing = ", ".join(literal(key) for key in keys)
    key = side.identity(names)
    within = "true"
    if side.numbered and names == (side.table.key,):
        within = f"{side.key()} in ({', '.join(keys)})"
    query = f"select {key}, {columns} from {side.rows(within)} and {key} in ({listing})"
    return {row[0]: tuple(row[1:]) for row in side.session.execute(query)}


def shown(column: ColumnPlan, text: str | None) -> str | None:
    """Return a value as a report may hold it."""
    if text is None or not column.secret:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
