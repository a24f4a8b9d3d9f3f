"""What a live database holds: tables, columns, keys, indexes and sequences."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeVar

from handrail.clients.errors import ClientError
from handrail.transfer.session.asking import Line, Question, Rows, answered
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import qualified
from handrail.transfer.sql.system import COLUMNS, CONSTRAINTS, HERE, HOME, INDEXES, TABLES
from handrail.transfer.sql.types import HASHED, NUMBERS, TEXTUAL

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """One column; `type` is the base type without length, `length` counts characters."""

    name: str
    type: str
    length: int | None
    nullable: bool
    generated: bool
    identity: str
    sequence: str | None
    kind: str
    declared: str
    default: str | None

    @property
    def is_builtin(self) -> bool:
        """Say whether every server has its type; a type of a schema's own is told with that."""
        return "." not in self.type

    @property
    def wire(self) -> str:
        """Return the type as which its values travel: what another server may not have, as text."""
        return self.type if self.is_builtin else "text"

    @property
    def is_text(self) -> bool:
        """Say whether its values are texts that any text may be copied to: also labels, citext."""
        return self.type in TEXTUAL or self.kind == "e" or self.type.endswith(".citext")

    @property
    def is_hashed(self) -> bool:
        """Say whether its values have a hash that is equal when they are."""
        return self.is_builtin and self.type in HASHED

    @property
    def is_numbered(self) -> bool:
        """Say whether a sequence gives its values a number: all of a value, or a part of a text."""
        return self.sequence is not None and (self.type in NUMBERS or self.is_text)

    @property
    def has_sequence(self) -> bool:
        """Say whether a row that leaves it out takes a number from a sequence."""
        return bool(self.identity) or "nextval(" in (self.default or "")


@dataclass(frozen=True)
class Constraint:
    """One constraint; `kind` is `p`, `u`, `f`, `c` or `x` as in pg_constraint."""

    name: str
    kind: str
    columns: tuple[str, ...]
    target: str | None
    target_columns: tuple[str, ...]
    deferrable: bool
    validated: bool
    definition: str
    index: str | None

    @property
    def column(self) -> str | None:
        """Name its column, where it is of just one."""
        return self.columns[0] if len(self.columns) == 1 else None


@dataclass(frozen=True)
class Index:
    """One index; `plain` has neither predicate nor expression."""

    name: str
    definition: str
    unique: bool
    plain: bool
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table with what binds it.

    `name` is what a mapping calls it: of another schema than the home, `schema.relation`. The rows
    of a table that others inherit from are its own only; each of the others is a table, too.
    """

    name: str
    schema: str
    relation: str
    inherited: bool
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    indexes: tuple[Index, ...]

    @property
    def qualified(self) -> str:
        """Name the table as SQL does."""
        return qualified(self.schema, self.relation)

    @property
    def rows(self) -> str:
        """Return the FROM item of its own rows."""
        return f"only {self.qualified}" if self.inherited else self.qualified

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns of the primary key; empty without one."""
        return next((key.columns for key in self.constraints if key.kind == "p"), ())

    @property
    def key(self) -> str | None:
        """Name the column of the primary key, where that has just one."""
        return self.primary_key[0] if len(self.primary_key) == 1 else None

    @property
    def uniques(self) -> tuple[tuple[str, ...], ...]:
        """Column sets that hold no two equal rows, whether by constraint or by index."""
        return tuple(
            sorted({index.columns for index in self.indexes if index.unique and index.plain})
        )

    @property
    def foreign_keys(self) -> tuple[Constraint, ...]:
        """References to other tables."""
        return tuple(key for key in self.constraints if key.kind == "f")

    @property
    def parents(self) -> tuple[str, ...]:
        """Name the table of each reference."""
        return tuple(key.target for key in self.foreign_keys if key.target)


@dataclass(frozen=True)
class Catalog:
    """The tables of one database; `schema` is the home, where an unqualified name leads."""

    database: str
    schema: str
    server_version: int
    tables: tuple[Table, ...]

    @cached_property
    def by_name(self) -> dict[str, Table]:
        """Tables by name."""
        return {table.name: table for table in self.tables}

    def sequences(self) -> dict[str, list[tuple[Table, Column]]]:
        """Return the sequences that give columns their numbers, with all these columns."""
        found: dict[str, list[tuple[Table, Column]]] = {}
        for table in self.tables:
            for column in table.columns:
                if column.is_numbered and column.sequence is not None:
                    found.setdefault(column.sequence, []).append((table, column))
        return found

    def shape(self) -> str:
        """Return a sha256 of what the tables look like, whatever the database is called."""
        tables = [asdict(table) for table in self.tables]
        return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def read(connection: Connection, home_schema: str | None = None) -> Catalog:
    """Read the catalogs of a database.

    Args:
        connection: Session on it.
        home_schema: Its home; by default where the `search_path` of the role leads.

    Raises:
        ClientError: the home holds no table, or the database is not in UTF-8.
    """
    return answered(reading(connection, home_schema))


def reading(connection: Connection, home_schema: str | None = None) -> Line[Catalog]:
    """Read the catalogs beside other questions; see `read`."""
    asked = [Question(connection, HERE), Question(connection, HOME, [connection.path])]
    ((encoding, database),), leads_to = yield asked
    if encoding != "UTF8":
        raise ClientError(
            "the database cannot be mapped",
            f"its encoding is {encoding}",
            "restore it into a database created with ENCODING 'UTF8', and map that one",
        )
    home = home_schema or next((str(name) for (name,) in leads_to), "public")
    everything = COLUMNS, CONSTRAINTS, INDEXES, TABLES
    found = yield [Question(connection, query, {"home": home}) for query in everything]
    tables = tuple(_tables(*found))
    _refuse_unclear(database, home, tables)
    return Catalog(database, home, connection.info.server_version, tables)


def _tables(columns: Rows, constraints: Rows, indexes: Rows, tables: Rows) -> Iterator[Table]:
    """Yield the tables, each with what was read of it."""
    own_columns = _by_table((row[0], Column(*row[1:])) for row in columns)
    keys = _by_table((row[0], _constraint(*row[1:])) for row in constraints)
    plain = _by_table((row[0], _index(*row[1:])) for row in indexes)
    for name, schema, relation, inherited in tables:
        own = own_columns[name], keys[name], plain[name]
        yield Table(name, schema, relation, inherited, *own)


def _by_table(found: Iterable[tuple[str, T]]) -> defaultdict[str, tuple[T, ...]]:
    """Return what belongs to each table, in its order."""
    by_name: defaultdict[str, tuple[T, ...]] = defaultdict(tuple)
    for table, item in found:
        by_name[table] += (item,)
    return by_name


def _constraint(  # Any: as a row holds it
    name: str, kind: str, own: Any, target: str | None, others: Any, *rest: Any
) -> Constraint:
    return Constraint(name, kind, tuple(own), target, tuple(others), *rest)


def _index(name: str, *fields: Any) -> Index:  # Any: as a row holds it
    definition, unique, plain, own = fields
    return Index(name, definition, unique, plain, tuple(own))


def _repeated(names: Iterable[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _refuse_unclear(database: str, home: str, tables: tuple[Table, ...]) -> None:
    """Raise where nothing can be mapped, or one name would stand for two tables."""
    if twice := _repeated(table.name for table in tables):
        raise ClientError(
            f"`{database}` cannot be mapped",
            f"two tables would be called `{twice}`: one by this name, one by its schema's",
            f'rename one of them: `alter table {home}."{twice}" rename to NAME`',
        )
    if not tables:
        raise ClientError(
            f"nothing to map in `{database}`",
            "it holds no table this role may see",
            "check the address; where the application makes its tables, let it do so first",
        )
