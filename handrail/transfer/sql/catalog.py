"""What a live database holds: tables, columns, keys, indexes and sequences."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from handrail.clients.errors import ClientError
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.sql.types import TEXTUAL

COLUMNS = """
select c.relname, a.attname, format_type(b.oid, -1),
       case when a.atttypmod > 4 and t.typname in ('varchar', 'bpchar') then a.atttypmod - 4 end,
       not (a.attnotnull or t.typnotnull), a.attgenerated <> '', a.attidentity,
       pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname),
       t.typtype::text, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
cross join lateral (
    with recursive base as (
        select t.oid, t.typbasetype
        union all select o.oid, o.typbasetype from base join pg_type o on o.oid = base.typbasetype
    ) select oid from base where typbasetype = 0
) b
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname, a.attnum
"""
CONSTRAINTS = """
select c.relname, k.conname, k.contype::text,
       array(select a.attname::text from unnest(k.conkey) with ordinality u(n, o)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by u.o),
       f.relname,
       array(select a.attname::text from unnest(k.confkey) with ordinality u(n, o)
             join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by u.o),
       k.condeferrable, k.convalidated, pg_get_constraintdef(k.oid), i.relname
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_class f on f.oid = k.confrelid
left join pg_class i on i.oid = k.conindid and k.contype in ('p', 'u', 'x')
where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition
      and k.contype in ('p', 'u', 'f', 'c', 'x')
order by c.relname, k.conname
"""
INDEXES = """
select c.relname, i.relname, pg_get_indexdef(x.indexrelid), x.indisunique,
       x.indpred is null and x.indexprs is null,
       array(select a.attname::text from unnest(x.indkey::int[]) with ordinality u(n, o)
             join pg_attribute a on a.attrelid = x.indrelid and a.attnum = u.n
             where u.o <= x.indnkeyatts order by u.o)
from pg_index x
join pg_class c on c.oid = x.indrelid
join pg_class i on i.oid = x.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname, i.relname
"""


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
    """One table with what binds it."""

    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    indexes: tuple[Index, ...]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns of the primary key; empty without one."""
        return next((key.columns for key in self.constraints if key.kind == "p"), ())

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


@dataclass(frozen=True)
class Catalog:
    """One schema of one database."""

    database: str
    schema: str
    server_version: int
    tables: tuple[Table, ...]

    @cached_property
    def by_name(self) -> dict[str, Table]:
        """Tables by name."""
        return {table.name: table for table in self.tables}

    def shape(self) -> str:
        """Return a sha256 of what the tables look like, whatever the database is called."""
        tables = [asdict(table) for table in self.tables]
        return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def read(connection: Connection, schema: str = "public") -> Catalog:
    """Read the catalogs of one schema.

    Raises:
        ClientError: the schema holds no table, or the database is not in UTF-8.
    """
    encoding = value(connection, "select getdatabaseencoding()")
    if encoding != "UTF8":
        raise ClientError(
            "the database cannot be mapped",
            f"its encoding is {encoding}",
            "restore it into a database created with ENCODING 'UTF8', and map that one",
        )
    columns: dict[str, list[Column]] = {}
    for table, *fields in connection.execute(COLUMNS, [schema]):
        columns.setdefault(table, []).append(Column(*fields))
    constraints: dict[str, list[Constraint]] = {}
    for table, name, kind, own, target, others, *rest in connection.execute(CONSTRAINTS, [schema]):
        constraint = Constraint(name, kind, tuple(own), target, tuple(others), *rest)
        constraints.setdefault(table, []).append(constraint)
    indexes: dict[str, list[Index]] = {}
    for table, name, definition, unique, is_plain, own in connection.execute(INDEXES, [schema]):
        indexes.setdefault(table, []).append(Index(name, definition, unique, is_plain, tuple(own)))
    database = value(connection, "select current_database()")
    if not columns:
        raise ClientError(
            f"nothing to map in `{database}`",
            f"schema `{schema}` holds no table this role may see",
            "check the address; where the application makes its tables, let it do so first",
        )
    tables = tuple(
        Table(
            name,
            tuple(members),
            tuple(constraints.get(name, ())),
            tuple(indexes.get(name, ())),
        )
        for name, members in columns.items()
    )
    return Catalog(database, schema, connection.info.server_version, tables)
