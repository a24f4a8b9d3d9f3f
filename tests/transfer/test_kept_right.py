"""Rows of awkward kinds that arrive as they are, and go on doing so."""

import itertools

import pytest

from tests.transfer.small import Small

ODD = (
    r"('', 'empty'), (' ', 'blank'), ('é', 'one'), ('e' || chr(769), 'two'), (E'\t', 'tab'), "
    r"('\N', 'null?'), ('A', 'large'), ('a', 'small')"
)
ARRAYS = """
create table t (id uuid primary key, a int[], b bytea, c inet, d interval, e bit(4), f macaddr,
    g text[])
"""
ARRAYS_ROWS = r"""
insert into t values
('c0ffee00-0000-0000-0000-000000000001', '{1,null,3}', '\x00ff', '10.0.0.0/8',
 '1 mon -2 days 03:04:05', '1010', '08:00:2b:01:02:03', '{"a,b",NULL,""}'),
('c0ffee00-0000-0000-0000-000000000002', '{{1,2},{3,4}}', '', '::1', '0', '0000',
 '00:00:00:00:00:00', '{}')
"""
SIDES = {
    "equal rows without a key": (
        "create table t (a int, b text)",
        "insert into t values (1, 'x'), (1, 'x'), (null, null), (null, null)",
        "[a, b]",
    ),
    "a child before its parent in one table": (
        "create table t (id int primary key, parent int references t, a text)",
        "insert into t values (2, null, 'p'), (1, 2, 'c'), (3, 3, 'own')",
        "[id, parent, a]",
    ),
    "texts of megabytes": (
        "create table t (id int primary key, a text)",
        "insert into t select g, repeat(md5(g::text), 100000) from generate_series(1, 3) g",
        "[id, a]",
    ),
    "odd texts as keys": (
        "create table t (id text primary key, a text)",
        f"insert into t values {ODD}",
        "[id, a]",
    ),
    "arrays, bytes, addresses, intervals, bits": (ARRAYS, ARRAYS_ROWS, "[id, a, b, c, d, e, f, g]"),
}


@pytest.mark.parametrize(("kind", "mode"), list(itertools.product(SIDES, ("stream", "bulk"))))
def test_rows_of_an_awkward_kind_arrive_as_they_are(server, tmp_path, kind, mode):
    """Verified, and read back as text, row by row."""
    table, rows, columns = SIDES[kind]
    small = Small(server, tmp_path).holds(
        f"{table}; {rows}", table, f"tables: {{t: {{copy: {columns}}}}}"
    )

    report = small.load(mode=mode)

    assert report.reasons() == []
    assert report.tables[0].quarantined == 0
    query = "select t::text from t order by 1"
    assert small.there(query) == small.source(query)
    small.close()


def test_a_stream_does_without_the_keys_of_a_circle_for_the_load(small):
    """Whatever passes the preflight is loaded in either mode; the keys are as they were."""
    keys = "alter table a add foreign key (b) references b on delete cascade"
    tables = "create table {0}(id int primary key, {1} int{2})"
    small.holds(
        f"{tables.format('a', 'b', '')}; {tables.format('b', 'a', '')};"
        "insert into a values (1, 2), (2, 1); insert into b values (1, 1), (2, 2)",
        f"{tables.format('a', 'b', '')}; {tables.format('b', 'a', ' references a')}; {keys}",
    )
    bound = "select conname, pg_get_constraintdef(oid) from pg_constraint order by 1"
    before = small.there(bound)

    assert small.preflight().reasons() == []
    assert small.load(mode="stream").reasons() == []
    found = [each for each in small.there(bound) if each in before]
    assert found == before


def test_a_real_shows_the_same_digits_in_the_wider_type(small):
    """0.1 is 0.1 there, not 0.10000000149011612; it is the same `real` again."""
    values = ["0.1", "3.4e+38", "NaN", "-Infinity", "16777216", "1e-45", "-0", "0.3"]
    rows = ", ".join(f"({n}, '{each}')" for n, each in enumerate(values))
    small.holds(
        f"create table t(id int primary key, a real); insert into t values {rows}",
        "create table t(id int primary key, a double precision)",
    )

    assert small.load().reasons() == []
    assert [text for (text,) in small.there("select a::text from t order by id")] == values
