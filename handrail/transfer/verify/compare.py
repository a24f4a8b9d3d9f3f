"""Hold the mapped source against the destination row by row, and name what differs.

One scan of each side gives hash sums per bucket of keys; only buckets that differ are read again.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handrail.transfer.session.asking import Line, Question, Rows, rows, side_by_side
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.verify.side import Side, identity, sides_of

BUCKET_BITS = 14  # of a key, that its bucket leaves out: 16,384 keys
HASH_BUCKETS = 256
# Keys named per table; every difference is counted, so a long list adds nothing.
NAMED_KEYS = 1000
SHOWN_ROWS = 20

Bucket = tuple[int, str]
Texts = tuple[str | None, ...]
Sums = tuple[Sequence[str], Sequence[str]]


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

    `rewritten` counts the rows of which the new application has written anew what it may; `more`
    are the sums that were asked for beside, of the source and of the destination.
    """

    table: str
    source_rows: int
    destination_rows: int
    equal: bool
    differences: tuple[Difference, ...]
    truncated: bool
    rewritten: int = 0
    more: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


def both(sides: tuple[Side, Side], query: Callable[[Side], str]) -> Line[list[Rows]]:
    """Ask both sides at once; each has a session of its own."""
    found = yield [Question(side.session, query(side)) for side in sides]
    return found


def comparing(
    plan: Plan,
    table: TablePlan,
    source: Connection,
    destination: Connection,
    more: Sums = ((), ()),
) -> Line[Comparison]:
    """Compare one table; what the new application may write anew is no difference.

    Args:
        plan: The compiled mapping.
        table: One of its tables.
        source: Session inside one snapshot of the source.
        destination: Session inside one snapshot of the destination.
        more: Further sums, of rows of the source and of the destination, for the same reading.
    """
    whole = yield from _comparing(plan, table, source, destination, more)
    lasting = tuple(column for column in table.columns if not column.rule.rewritten)
    if whole.equal or len(lasting) == len(table.columns):
        return whole
    rest = dataclasses.replace(table, columns=lasting)
    found = yield from _comparing(plan, rest, source, destination)
    return dataclasses.replace(found, rewritten=_rewritten(whole, found), more=whole.more)


def _rewritten(whole: Comparison, found: Comparison) -> int:
    """Count the rows that differ only in what may be written anew."""
    otherwise = {each.key for each in found.differences}
    return sum(each.key not in otherwise for each in whole.differences)


def _comparing(
    plan: Plan,
    table: TablePlan,
    source: Connection,
    destination: Connection,
    more: Sums = ((), ()),
) -> Line[Comparison]:
    sides = sides_of(plan, table, source, destination)
    names = identity(plan, table)
    ours, theirs, sums = yield from _buckets(sides, names, more)
    bad = _unequal(ours, theirs)
    found: list[Difference] = []
    for bucket in bad:
        found += yield from differing(sides, names, bucket)
        if len(found) >= NAMED_KEYS:
            break
    found = found[:NAMED_KEYS]
    shown = yield from _with_cells(sides, names, found)
    return Comparison(
        table.name,
        sum(bucket[0] for bucket in ours.values()),
        sum(bucket[0] for bucket in theirs.values()),
        not bad,
        tuple(shown),
        truncated=len(found) >= NAMED_KEYS,
        more=sums,
    )


def differing_buckets(sides: tuple[Side, Side], names: tuple[str, ...]) -> Line[list[int]]:
    """Return the buckets whose rows are not the same on both sides."""
    ours, theirs, _ = yield from _buckets(sides, names)
    return _unequal(ours, theirs)


def _unequal(ours: dict[int, Bucket], theirs: dict[int, Bucket]) -> list[int]:
    return sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))


def _bucket(side: Side, names: tuple[str, ...]) -> str:
    if side.numbered:
        return f"({side.key()})::bigint >> {BUCKET_BITS}"
    return f"(hashtextextended({side.identity(names)}, 0) & {HASH_BUCKETS - 1})"


def _buckets(
    sides: tuple[Side, Side], names: tuple[str, ...], more: Sums = ((), ())
) -> Line[tuple[dict[int, Bucket], dict[int, Bucket], tuple[tuple[int, ...], tuple[int, ...]]]]:
    """Ask for the buckets of both sides, and for the further sums over all of them."""

    def query(side: Side) -> str:
        return side.sums(_bucket(side, names), more=more[0 if side.source else 1])

    found = yield from both(sides, query)
    ours, theirs = ({row[0]: (row[1], row[2]) for row in each} for each in found)
    mine, other = map(_added, found, more)
    return ours, theirs, (mine, other)


def _added(found: Rows, asked: Sequence[str]) -> tuple[int, ...]:
    """Add up the further sums over all buckets; they come behind key, count and hash."""
    return tuple(sum(int(row[3 + n]) for row in found) for n, _ in enumerate(asked))


def differing(
    sides: tuple[Side, Side], names: tuple[str, ...], bucket: int
) -> Line[list[Difference]]:
    """Find the rows of one bucket that differ, without their values."""

    def query(side: Side) -> str:
        if side.numbered:
            first, end = bucket << BUCKET_BITS, (bucket + 1) << BUCKET_BITS
            within = f"{side.key()} >= {first} and {side.key()} < {end}"
            return side.sums(side.identity(names), within)
        return side.sums(side.identity(names), where=f"{_bucket(side, names)} = {bucket}")

    found = yield from both(sides, query)
    ours, theirs = ({row[0]: tuple(row[1:]) for row in each} for each in found)
    return [
        Difference(sides[0].table.name, key, _kind(key in ours, key in theirs))
        for key in sorted(ours.keys() | theirs.keys(), key=lambda text: (len(text), text))
        if ours.get(key) != theirs.get(key)
    ]


def _kind(ours: bool, theirs: bool) -> str:  # noqa: FBT001 - whether it is on either side
    if ours and theirs:
        return "changed"
    return "missing" if ours else "extra"


def _with_cells(
    sides: tuple[Side, Side], names: tuple[str, ...], found: list[Difference]
) -> Line[list[Difference]]:
    wanted = [item.key for item in found if item.kind == "changed"][:SHOWN_ROWS]
    columns = sides[0].table.columns
    ours, theirs = yield from side_by_side(texts(side, names, wanted) for side in sides)
    return [
        dataclasses.replace(item, cells=_cells(columns, ours.get(item.key), theirs.get(item.key)))
        for item in found
    ]


def _cells(
    columns: Sequence[ColumnPlan], mine: Texts | None, other: Texts | None
) -> tuple[Cell, ...]:
    """Return the values of a row that differ; none where it is not known of both sides."""
    if mine is None or other is None:
        return ()
    return tuple(
        Cell(column.name, shown(column, one), shown(column, two))
        for column, one, two in zip(columns, mine, other, strict=True)
        if one != two
    )


def texts(side: Side, names: tuple[str, ...], keys: list[str]) -> Line[dict[str, Texts]]:
    """Read rows by key, each value as text."""
    if not keys:
        return {}
    columns = ", ".join(f"({side.read(column)})::text" for column in side.table.columns)
    listing = ", ".join(map(literal, keys))
    key, rows_there = side.identity(names), side.rows(_within(side, names, keys))
    query = f"select {key}, {columns} from {rows_there} and {key} in ({listing})"
    found = yield from rows(side.session, query)
    return {row[0]: tuple(row[1:]) for row in found}


def _within(side: Side, names: tuple[str, ...], keys: list[str]) -> str:
    """Return a condition that an index serves, where the keys are numbers."""
    by_number = side.numbered and names == (side.table.key,)
    return f"{side.key()} in ({', '.join(keys)})" if by_number else "true"


def shown(column: ColumnPlan, text: str | None) -> str | None:
    """Return a value as a report may hold it."""
    if text is None or not column.secret:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
