"""A verification compares every type there is, and tables as wide as PostgreSQL makes them."""

import pytest

from tests.transfer.small import Small

# type: a value, and a statement that both sides need before
TYPES = {
    "json": ('\'{"b": 1, "a": [null]}\'', ""),
    "jsonb": ("'{\"b\": 1.00}'", ""),
    "json[]": ("array['1', '{}']::json[]", ""),
    "hstore": ("'a=>1'", "create extension hstore"),
    "citext": ("'Ab'", "create extension citext"),
    "point": ("'(1,2)'", ""),
    "polygon": ("'((0,0),(1,1),(1,0))'", ""),
    "xml": ("'<a/>'", ""),
    "tsvector": ("'a:1 b'", ""),
    "money": ("'12.34'", ""),
    "bit(3)": ("'101'", ""),
    "varbit": ("'1011'", ""),
    "inet": ("'10.0.0.1/8'", ""),
    "macaddr": ("'08:00:2b:01:02:03'", ""),
    "interval": ("'1 mon -3 days'", ""),
    "numeric(6,2)": ("'1.5'", ""),
    "int4range": ("'[1,4)'", ""),
    "bytea": ("'\\x00ff'", ""),
    "uuid": ("'c0ffee00-0000-0000-0000-000000000000'", ""),
    "timetz": ("'12:00+08'", ""),
    "jsonpath": ("'$.a'", ""),
    "pair": ("row(1, '{}')", "create type pair as (i int, j json)"),
    "mood": ("'ok'", "create type mood as enum ('ok', 'sad')"),
    "held": ("'{}'", "create domain held as json check (value::text <> '')"),
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("mode", ["stream", "bulk"])
def test_a_column_of_any_type_is_compared(server, tmp_path, kind, mode):
    """Also where it has no hash and no equality; NULL is told from a value, and damage is named."""
    value, before = TYPES[kind]
    table = f"{before}; create table t (id int primary key, a {kind})"
    rows = f"insert into t values (1, {value}), (2, null)"
    small = Small(server, tmp_path).holds(f"{table}; {rows}", table, "tables: {t: {copy: [id, a]}}")

    assert small.load(mode=mode).reasons() == []

    small.there("update t set a = null where id = 1")
    report = small.verify()
    assert [(each.key, each.kind) for each in report.differences] == [("1", "changed")]
    small.close()


@pytest.mark.parametrize("columns", [1200, 1590])
def test_a_table_as_wide_as_can_be_is_verified(server, tmp_path, columns):
    """PostgreSQL joins no more than 1,664 columns; the report says which one is damaged."""
    names = [f"c{number}" for number in range(columns)]
    table = f"create table t (id int primary key, {', '.join(f'{name} bool' for name in names)})"
    rows = f"insert into t (id, {names[-1]}) values (1, true), (2, null)"
    mapping = f"tables: {{t: {{copy: [id, {', '.join(names)}]}}}}"
    small = Small(server, tmp_path).holds(f"{table}; {rows}", table, mapping)

    assert small.load(mode="bulk").reasons() == []

    small.there(f"update t set {names[-1]} = false where id = 1")
    (difference,) = small.verify().differences
    assert [cell.column for cell in difference.cells] == [names[-1]]
    small.close()


def test_rows_of_a_table_without_a_key_are_named_by_what_is_unique(server, tmp_path):
    """As those of Prisma's relations, in every record; nobody finds a row again by its place."""
    table = 'create table "_AToB" ("A" int not null, "B" int not null, {}, unique ("A", "B"))'
    rows = "insert into \"_AToB\" values (1, 7, 'fits'), (2, 8, 'too long'), (3, 9, null)"
    mapping = """
tables:
  _AToB:
    copy: [A, B]
    max_quarantined: 1
    columns:
      n: {when_too_long: truncate, when_null: quarantine, reason: no name}
"""
    small = Small(server, tmp_path).holds(
        f"{table.format('n text')}; {rows}", table.format("n varchar(5) not null"), mapping
    )
    assert small.load().reasons() == []
    assert small.there("select key from _migration.adjusted") == [("2,8",)]
    assert small.there("select key from _migration.quarantine") == [("3,9",)]
    small.close()
