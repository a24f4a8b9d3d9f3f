"""The rules of a mapping, as read from its file; `compile` decides what they mean."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

TIME_OF_RUN = "{time_of_run}"  # a constant: the moment at which the load began
MOST_RECORDED = 1000  # rows of a column of which a load writes down what the mapping itself changes


class Fault(StrEnum):
    """What may be wrong with a value of the source."""

    NULL = "null"
    BLANK = "blank"
    UNCASTABLE = "uncastable"
    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    DUPLICATE = "duplicate"
    ORPHAN = "orphan"
    UNTRIMMED = "untrimmed"
    UNREADABLE = "unreadable"
    LOSSY = "lossy"


class Action(StrEnum):
    """What is done about it; every act but `refuse` and `default` is recorded row by row."""

    REFUSE = "refuse"
    QUARANTINE = "quarantine"
    DEFAULT = "default"
    NULL = "null"
    TRUNCATE = "truncate"
    SHORTEN = "shorten"
    KEEP = "keep"
    PLACEHOLDER = "placeholder"
    SENTINEL = "sentinel"
    TRIM = "trim"
    ROUND = "round"


@dataclass(frozen=True)
class Place:
    """A line of the mapping file."""

    file: str
    line: int

    def __str__(self) -> str:
        """Show it as editors read it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Problem:
    """One thing that keeps a mapping from being used."""

    place: Place
    what: str
    fix: str

    def __str__(self) -> str:
        """Show place, finding and fix on one line."""
        return f"{self.place}: {self.what}; {self.fix}"


@dataclass(frozen=True)
class Given:
    """A value written in the file; tells `default: null` from no default."""

    value: object


@dataclass(frozen=True)
class Lookup:
    """Take a mapped column of another table, found through a column of this row."""

    table: str
    column: str
    through: str


@dataclass(frozen=True)
class Limit:
    """How many rows may be kept out or changed: a number, or a share of its table in percent.

    With both, whichever is more: in a small table, one row is a large share.
    """

    rows: int = 0
    percent: float | None = None

    def of(self, total: int) -> int:
        """Return the number of rows allowed out of `total`."""
        share = 0 if self.percent is None else int(total * self.percent / 100)
        return max(self.rows, share)

    def __str__(self) -> str:
        """Show it as it is written."""
        if self.percent is None:
            return str(self.rows)
        return f"{self.rows} or {self.percent:g}%" if self.rows else f"{self.percent:g}%"


@dataclass(frozen=True)
class ColumnRule:
    """How one destination column gets its value; `words.ColumnWords` says what each part means.

    `source` is the source column; `sql`, `constant`, `lookup` and `generated` stand in its place.
    `when` pairs a fault with the declared action.
    """

    name: str
    place: Place
    source: str | None = None
    cast: str | None = None
    formats: tuple[str, ...] = ()
    order: str | None = None
    zone: str | None = None
    nulls: tuple[str, ...] = ()
    values: tuple[tuple[str, object], ...] = ()
    constant: Given | None = None
    default: Given | None = None
    sentinel: Given | None = None
    placeholder: str | None = None
    sql: str | None = None
    lookup: Lookup | None = None
    write: str | None = None
    pattern: str | None = None
    shape: str | None = None
    secret: bool = False
    link: bool = False
    generated: bool = False
    optional: bool = False
    rewritten: str | None = None
    same: str = "exact"
    when: tuple[tuple[Fault, Action], ...] = ()
    reason: str | None = None
    max_nulled: Limit = Limit()
    max_defaulted: Limit = Limit()

    def action(self, fault: Fault) -> Action | None:
        """Return the declared action for a fault."""
        return dict(self.when).get(fault)


@dataclass(frozen=True)
class Drop:
    """A source column or table left behind on purpose; an optional one may be absent."""

    name: str
    place: Place
    reason: str
    optional: bool = False


@dataclass(frozen=True)
class RowRule:
    """Rows kept out by a condition on the source row, written with `{column}`."""

    place: Place
    condition: str
    reason: str


@dataclass(frozen=True)
class TableRule:
    """How one destination table is filled.

    `also` marks a second destination of a source table that another rule accounts for in full.
    `replace` is the reason why rows already there give way. An `optional` one is left out where
    the source has no such table.
    """

    name: str
    place: Place
    source: str
    also: bool = False
    optional: bool = False
    columns: tuple[ColumnRule, ...] = ()
    drops: tuple[Drop, ...] = ()
    quarantine: tuple[RowRule, ...] = ()
    limit: Limit = Limit()
    replace: str | None = None

    @cached_property
    def by_name(self) -> dict[str, ColumnRule]:
        """Rules of columns by the column's name."""
        return {column.name: column for column in self.columns}

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """What its columns take from other tables."""
        return tuple(column.lookup for column in self.columns if column.lookup)


@dataclass(frozen=True)
class MappingFile:
    """A whole mapping file; `digest` is the sha256 of what it says."""

    file: str
    digest: str
    tables: tuple[TableRule, ...]
    drops: tuple[Drop, ...]

    @property
    def accounted(self) -> frozenset[str]:
        """Name the source tables that a rule accounts for in full."""
        return frozenset(rule.source for rule in self.tables if not rule.also)
