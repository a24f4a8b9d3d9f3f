"""The schema `_migration` on the destination: what was moved, kept out and changed.

It lives beside the data and is written in the same transactions, so the two cannot disagree.
"""

import json
from dataclasses import asdict

from handrail.transfer.session.asking import Line, answered, only, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.catalog import Catalog, Column, Constraint, Index, Table

TABLES = """
create schema if not exists _migration;
create table if not exists _migration.run (
    digest text primary key, mode text not null, started_at timestamptz not null default now(),
    snapshot text, source_version int not null, catalog jsonb not null,
    finished_at timestamptz, rows bigint
);
create table if not exists _migration.chunk (
    digest text not null, table_name text not null, number int not null, lower text, upper text,
    size bigint not null,
    snapshot text, rows bigint, quarantined bigint, adjusted bigint, hash_sum text,
    loaded_at timestamptz, primary key (digest, table_name, number)
);
create table if not exists _migration.quarantine (
    table_name text not null, chunk int not null, source_table text not null,
    key text not null, reason text not null, row_data jsonb not null
);
create table if not exists _migration.adjusted (
    table_name text not null, chunk int not null, key text not null, column_name text not null,
    action text not null, fault text not null, old_value text, new_value text
);
create table if not exists _migration.replaced (
    table_name text not null, reason text not null, row_data jsonb not null
);
create table if not exists _migration.definition (
    digest text not null, position int not null, kind text not null, table_name text not null,
    name text not null, definition text not null, rebuilt_at timestamptz,
    primary key (digest, kind, table_name, name)
);
alter table _migration.run add column if not exists mark text;
alter table _migration.definition add column if not exists attached text[] not null default '{}';
alter table _migration.definition add column if not exists tablespace text;
create index if not exists quarantine_chunk on _migration.quarantine (table_name, chunk);
create index if not exists adjusted_chunk on _migration.adjusted (table_name, chunk)
"""


def exists(session: Connection) -> bool:
    """Say whether a load was ever begun on this destination."""
    return answered(existing(session))


def existing(session: Connection) -> Line[bool]:
    """Ask beside other questions what `exists` says."""
    found = yield from only(session, "select to_regclass('_migration.definition') is not null")
    return bool(found)


def create(session: Connection) -> None:
    """Make the schema and its tables where they are missing."""
    session.execute(TABLES)  # one string of statements is one transaction


def recorded_catalog(session: Connection) -> Line[Catalog | None]:
    """Return the catalog a bulk load began with, while its indexes and keys are down.

    The live catalog would lack what the load itself took away, and give another plan.
    """
    if not (yield from existing(session)):
        return None
    found = yield from rows(
        session,
        "select r.catalog from _migration.run r where r.finished_at is null and exists (select 1 "
        "from _migration.definition d where d.digest = r.digest and d.rebuilt_at is null)",
    )
    return read_catalog(found[0][0]) if found else None


def write_catalog(catalog: Catalog) -> str:
    """Return a catalog as JSON."""
    return json.dumps(asdict(catalog))


def read_catalog(stored: dict[str, object]) -> Catalog:
    """Return the catalog that `write_catalog` wrote."""
    fields = json.loads(json.dumps(stored))

    def table(item: dict[str, list[dict[str, object]]]) -> Table:
        def tupled(given: dict[str, object]) -> dict[str, object]:
            return {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}

        return Table(
            str(item["name"]),
            # what was written before other schemas were read names none
            str(item.get("schema", fields["schema"])),
            str(item.get("relation", item["name"])),
            bool(item.get("inherited", False)),
            tuple(Column(**column) for column in item["columns"]),  # type: ignore[arg-type]
            tuple(Constraint(**tupled(key)) for key in item["constraints"]),  # type: ignore[arg-type]
            tuple(Index(**tupled(index)) for index in item["indexes"]),  # type: ignore[arg-type]
        )

    tables = tuple(table(item) for item in fields["tables"])
    return Catalog(fields["database"], fields["schema"], fields["server_version"], tables)
