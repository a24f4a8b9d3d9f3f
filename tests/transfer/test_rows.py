"""Nothing passes the preflight and fails, or changes silently, in the load: rows and references."""

import json
from pathlib import Path

import pytest
import yaml

from handrail.clients.errors import ClientError
from handrail.transfer.load import load
from handrail.transfer.load.catchup import catch_up
from handrail.transfer.read import preflight, standing
from handrail.transfer.read.preflight import PreflightFailed

TWO = "create table t(id int primary key, a int)"
COPY = "tables:\n  t: {copy: [id, a]}\n"


def only(small):
    """Return the one thing that is refused."""
    (found,) = small.refused()
    return found


# an expression that fails on some rows: source, type there, rule, keys, words
FAILING = {
    "uuid": ("text", "'not-a-uuid'", "uuid", '{sql: "{a}::uuid"}', "invalid input syntax"),
    "integer": ("text", "'7x'", "int", '{sql: "{a}::int"}', "invalid input syntax"),
    "too large a number": ("bigint", "5000000000", "int", '{sql: "{a}::int"}', "out of range"),
    "narrow float": ("float8", "1e300", "real", '{sql: "{a}::real"}', "out of range"),
    "division": ("int", "0", "int", '{sql: "10 / {a}"}', "division by zero"),
    "text with dollars": (
        "text",
        "'$'",
        "int",
        "{sql: \"replace({a}, '$block$', '')::int\"}",
        "inv",
    ),
    "NUL in JSON": ("json", "'\"\\u0000\"'", "jsonb", "{}", "unsupported Unicode escape"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_row_on_which_an_expression_fails_is_named(small, case):
    """Not a traceback, and not the first such row alone."""
    kind, bad, wanted, rule, words = FAILING[case]
    small.holds(
        f"create table t(id int primary key, a {kind}); insert into t "
        f"select n, null from generate_series(1, 3000) n; update t set a = {bad} "
        "where id in (7, 2900)",
        f"create table t(id int primary key, a {wanted})",
        f"tables:\n  t: {{copy: [id], columns: {{a: {rule}}}}}\n",
    )
    subject, what, keys, _ = only(small)
    assert (subject, keys) == ("t.a", ["7", "2900"])
    assert words in what


def test_a_condition_that_fails_is_named_with_its_rows(small):
    """`quarantine` is an expression as well."""
    small.holds(
        f"{TWO}; insert into t values (1, 1), (2, 0)", TWO,
        COPY.replace("]}", "], quarantine: [{when: '10 / {a} > 5', reason: x}]}"),
    )  # fmt: skip
    subject, what, keys, _ = only(small)
    assert (subject, keys) == ("t.", ["2"])
    assert "division by zero" in what


def test_a_secret_on_which_an_expression_fails_is_not_shown(small):
    """The server quotes what it cannot read."""
    small.holds(
        "create table t(id int primary key, a text); insert into t values (1, 'hunter2')",
        "create table t(id int primary key, a uuid)",
        'tables:\n  t: {copy: [id], columns: {a: {sql: "{a}::uuid", secret: true}}}\n',
    )
    assert only(small)[2] == ["1"]
    assert "hunter2" not in json.dumps(small.preflight().as_json())


# moments that Python has not: type, value
UNREADABLE = {
    "infinity": ("timestamptz", "'infinity'"),
    "before the first year": ("timestamptz", "'0044-03-15 00:00 BC'"),
    "after year 9999": ("timestamp", "'275760-09-13'"),
    "endless day": ("date", "'-infinity'"),
    "hour 24": ("time", "'24:00'"),
    "long interval": ("interval", "'3000000 years'"),
    "array": ("date[]", "'{2024-01-01,infinity}'"),
    "range": ("daterange", "'[2024-01-01,infinity]'"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_moment_that_python_cannot_hold_is_refused(small, case):
    """Django would raise each time it reads the row."""
    kind, bad = UNREADABLE[case]
    table = f"create table t(id int primary key, a {kind})"
    small.holds(f"{table}; insert into t values (1, null), (2, {bad})", table, COPY)
    subject, what, keys, _ = only(small)
    assert (subject, keys) == ("t.a", ["2"])
    assert "Python cannot" in what


def test_an_unreadable_moment_is_treated_as_declared(small):
    """`when_unreadable` keeps the row out, empties the column, or lets a value stand in."""
    table = "create table t(id int primary key, a timestamptz)"
    rule = '{when_unreadable: "null", max_nulled: 1}'
    small.holds(
        f"{table}; insert into t values (1, 'infinity'), (2, '2024-01-01 00:00+00')", table,
        f"tables:\n  t: {{copy: [id], columns: {{a: {rule}}}}}\n",
    )  # fmt: skip
    assert small.load().reasons() == []
    assert small.there("select id, a is null from t order by id") == [(1, True), (2, False)]
    assert small.there("select key, old_value from _migration.adjusted") == [("1", "infinity")]


LOSSY = {
    "digits of a bigint": ("bigint", "9007199254740993", "float8", '{sql: "{a}::float8"LOSSY}'),
    "digits of a double": ("float8", "0.12345678901234", "real", '{sql: "{a}::real"LOSSY}'),
    "a fraction": ("numeric", "2.5", "int", '{sql: "{a}::int"LOSSY}'),
    "a key of a text that says it twice": (
        "text",
        '\'{"a": 1, "a": 2}\'',
        "jsonb",
        "{cast: jsonLOSSY}",
    ),
    "the time of day": ("timestamp", "'2024-01-01 10:00'", "date", '{sql: "{a}::date"LOSSY}'),
}


@pytest.mark.parametrize("case", LOSSY)
def test_digits_that_a_cast_would_lose_are_refused_or_recorded(small, case):
    """Silently nothing is rounded: it is refused, or `when_lossy: round` puts it on record."""
    kind, value, wanted, rule = LOSSY[case]
    mapping = "tables:\n  t: {copy: [id], columns: {a: RULE}}\n"
    small.holds(
        f"create table t(id int primary key, a {kind}); insert into t values (1, {value})",
        f"create table t(id int primary key, a {wanted})",
        mapping.replace("RULE", rule.replace("LOSSY", "")),
    )
    assert only(small)[0] == "t.a"
    assert "loses part of its value" in only(small)[1]

    declared = rule.replace("LOSSY", ", when_lossy: round")
    small.path.write_text(mapping.replace("RULE", declared), encoding="utf-8")
    small.load()
    ((old, new),) = small.there("select old_value, new_value from _migration.adjusted")
    assert old.startswith(value.strip("'"))
    assert new != old


def test_a_scale_is_rounded_where_that_is_declared(small):
    """`when_lossy: round` speaks for the precision of the column as well."""
    small.holds(
        "create table t(id int primary key, a numeric); insert into t values (1,1.255),(2,1.5)",
        "create table t(id int primary key, a numeric(6,2))",
        "tables:\n  t: {copy: [id], columns: {a: {when_lossy: round}}}\n",
    )
    assert small.load().reasons() == []
    assert small.there("select key, new_value from _migration.adjusted") == [("1", "1.26")]


@pytest.mark.parametrize(
    ("value", "wanted"), [("1234567890123456", "float8"), ("0.1", "float8"), ("2.00", "int")]
)
def test_a_cast_that_loses_nothing_passes(small, value, wanted):
    """A number that is the same afterwards is no loss, whatever its text."""
    small.holds(
        f"create table t(id int primary key, a numeric); insert into t values (1, {value})",
        f"create table t(id int primary key, a {wanted})",
        f'tables:\n  t: {{copy: [id], columns: {{a: {{sql: "{{a}}::{wanted}"}}}}}}\n',
    )
    assert small.preflight().reasons() == []


YEARS = (
    "create table t(id int primary key, a text); insert into t "
    "select n, case when n <= 3 then 'Irregular' when n = 4 then '3rd' else '2' end "
    "from generate_series(1, 10) n"
)


@pytest.mark.parametrize(("bound", "good"), [("", False), (", max_nulled: 3", False),
                                             (", max_nulled: 4", True),
                                             (', max_nulled: "40%"', True)])  # fmt: skip
def test_values_turned_to_null_are_bounded(small, bound, good):
    """287 of 500 years turned to NULL is not good, unless that many were expected."""
    rule = f'{{cast: integer, when_uncastable: "null"{bound}}}'
    small.holds(YEARS, TWO, f"tables:\n  t: {{copy: [id], columns: {{a: {rule}}}}}\n")
    found = small.preflight()

    assert found.good is good
    assert good or "4 of 10 rows would become NULL" in found.reasons()[0]
    (adjusted,) = [f for f in found.findings if f.verdict == "adjusted"]
    assert adjusted.texts == (("Irregular", 3), ("3rd", 1))


def test_values_that_something_stands_in_for_are_bounded(small):
    """`max_defaulted` counts sentinels and placeholders."""
    rule = "{when_null: sentinel, sentinel: 0MORE}"
    mapping = f"tables:\n  t: {{copy: [id], columns: {{a: {rule}}}}}\n"
    small.holds(
        f"{TWO}; insert into t values (1, null), (2, 3)",
        "create table t(id int primary key, a int not null)",
        mapping.replace("MORE", ""),
    )
    assert "1 of 2 rows would get a stand-in, `max_defaulted` allows 0" in only(small)[1]

    small.path.write_text(mapping.replace("MORE", ', max_defaulted: "50%"'), encoding="utf-8")
    assert small.load().reasons() == []


ORPHANS = yaml.safe_load(Path(__file__).with_name("orphans.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", ORPHANS)
def test_a_row_whose_parent_is_not_moved_is_named(small, case):
    """Whatever the key looks like, and whatever the source claims."""
    expected = ORPHANS[case]
    small.holds(expected["source"], expected["destination"], expected["mapping"])
    found = only(small)
    assert (found[0], found[2]) == (expected["subject"], expected["keys"])


def test_rows_that_would_give_way_are_named_and_need_a_word(small):
    """Without `replace` nothing is touched; with it, the preflight says how many and which."""
    small.holds(f"{TWO}; insert into t values (1, 2)", f"{TWO}; insert into t values (99, 1)", COPY)
    assert only(small)[1:3] == (
        "rows are there that nobody declared: write `replace: <why>`", ["99"],
    )  # fmt: skip
    small.path.write_text(COPY.replace("]}", "], replace: migrations made it}"), encoding="utf-8")
    (noted,) = [f for f in small.preflight().findings if "give way" in f.what]
    assert (noted.rows, noted.keys, noted.verdict) == (1, ("99",), "noted")


def test_rows_that_others_hold_on_to_cannot_give_way(small):
    """The delete would fail in the load, or take rows along that nobody mapped."""
    small.holds(
        f"{TWO}; insert into t values (1, 2)",
        f"{TWO}; insert into t values (99, 1); create table log(t int references t on delete "
        "cascade); insert into log values (99)",
        COPY.replace("]}", "], replace: migrations made it}"),
    )
    assert "rows of `log` refer to those that would give way" in only(small)[1]


def test_a_number_beyond_the_end_of_its_sequence_is_refused(small):
    """The load would end in setting it."""
    small.holds(
        f"{TWO}; insert into t values (500, 2)",
        "create table t(id int primary key generated by default as identity (maxvalue 99), a int)",
        COPY,
    )
    assert only(small)[1] == "its sequence `public.t_id_seq` ends at 99, the rows at 500"


def test_a_large_object_is_refused(small):
    """The number would arrive, and what it names would not."""
    small.holds(
        "create table t(id int primary key, a oid); insert into t values (1, "
        "lo_from_bytea(0, 'x')), (2, 77)",
        "create table t(id int primary key, a oid)", COPY,
    )  # fmt: skip
    assert only(small)[1:3] == ("names a large object, whose contents do not travel", ["1"])


def test_what_is_dropped_or_changed_is_counted(small):
    """Dropped tables and columns with their rows, and values that `sql:` makes others of."""
    small.holds(
        "create table t(id int primary key, a int, gone text); insert into t values "
        "(1, 1, 'x'), (2, 2, null), (3, 0, 'z'); create table lost(i int);"
        "insert into lost values (1), (2)",
        TWO,
        'tables:\n  t: {copy: [id], columns: {a: {sql: "{a} * 10"}}, drop: {gone: no use}}\n'
        "drop_tables: {lost: no use}\n",
    )
    found = {f"{f.table}.{f.column}": f for f in small.preflight().findings}
    assert {name: each.rows for name, each in found.items()} == {"t.gone": 2, "lost.": 2, "t.a": 2}
    assert found["t.a"].values == ("1 becomes 10", "2 becomes 20")


def test_what_is_dropped_or_changed_is_recorded_row_by_row(small):
    """Of each column the first thousand, and more is told before; also after a catch-up."""
    small.holds(
        "create table t(id int primary key, a text, b text, token text, c int);"
        "insert into t select n, 'X' || n, 'gone', 's3cret', n from generate_series(1, 1200) n;"
        "update t set a = lower(a) where id > 3; update t set b = null where id > 1100",
        "create table t(id int primary key, a text, b int)",
        "tables:\n  t:\n    copy: [id]\n    max_quarantined: 1\n    columns:\n"
        "      a: {sql: 'lower({a})'}\n      b: {from: c}\n"
        "    quarantine: [{when: '{id} = 2', reason: out}]\n"
        "    drop: {b: nobody reads it, token: signs in again}\n",
    )
    told = {f.column: f.what for f in small.preflight().findings}
    assert told["b"].endswith("nobody reads it; a load records the first 1000")
    plan = small.plan()
    load.load(plan, *small.urls)
    small.here("update t set c = 0 where id = 7")
    catch_up(plan, *small.urls, bound_seconds=60)

    recorded = "select count(*), min(key), min(old_value), min(new_value) from _migration.adjusted "
    recorded += "where table_name = 't' and (action, column_name) = ('{}', '{}')"
    assert small.there(recorded.format("sql", "a")) == [(2, "1", "X1", "x1")]
    assert small.there(recorded.format("drop", "b")) == [(1000, "1", "gone", None)]
    assert small.there(recorded.format("drop", "token")) == [(1000, "1", "withheld", None)]
    assert small.verify().reasons() == []


def test_a_row_without_a_primary_key_is_named_by_a_unique_pair(small):
    """Where a row lies says nothing to a person, and changes."""
    small.holds(
        "create table t(x int not null, y int not null, a int, unique (x, y));"
        "insert into t values (1, 2, -5)",
        "create table t(x int not null, y int not null, a int check (a > 0))",
        "tables:\n  t: {copy: [x, y, a]}\n",
    )
    assert only(small)[2] == ["1,2"]


def test_an_answer_on_record_stands_until_rows_or_plan_change(small, tmp_path, monkeypatch):
    """Export and load in one freeze read every row once, not once each."""
    record = tmp_path / "run" / standing.FILE
    small.holds(f"{TWO}; insert into t values (1, 2)", TWO, COPY)
    asked = []
    checked = preflight.check
    monkeypatch.setattr(preflight, "check", lambda *a, **k: asked.append(1) or checked(*a, **k))

    for _ in range(2):
        preflight.require(small.plan(), *small.urls, record=record)
    assert len(asked) == 1
    assert record.stat().st_mode & 0o077 == 0
    small.here("insert into t values (2, 3)")
    preflight.require(small.plan(), *small.urls, record=record)
    assert len(asked) == 2
    small.path.write_text(COPY.replace("a]", 'a], max_quarantined: "1%"'), encoding="utf-8")
    load.load(small.plan(), *small.urls, record=record)
    assert len(asked) == 3


def test_a_bad_answer_on_record_never_stands(small, tmp_path):
    """Only what was good is spared."""
    record = tmp_path / standing.FILE
    small.holds(f"{TWO}; insert into t values (1, -2)", f"{TWO[:-1]} check (a > 0))", COPY)
    preflight.check(small.plan(), *small.urls, record=record)
    with pytest.raises(PreflightFailed, match="violates"):
        preflight.require(small.plan(), *small.urls, record=record)


def test_rights_that_a_load_needs_are_asked_for_before_it(small, server):
    """A role that may read, and not write, is told what it lacks."""
    small.holds(f"{TWO}; insert into t values (1, 2)", TWO, COPY)
    small.there("create role reader login password 'reader'; grant pg_read_all_data to reader")
    small.there("revoke create on schema public from public")
    address = small.urls[1].replace("rotc:", "reader:", 1).replace(server.password, "reader")
    reasons = " ".join(preflight.check(small.plan(), small.urls[0], address).reasons())
    assert "may not create the schema `_migration`" in reasons
    assert "may not read and insert rows" in reasons
    assert "does not own the table" in reasons
    assert "may not create in its schema" in reasons


def test_finding_examples_takes_no_longer_where_a_parent_is_large(small):
    """With a limit behind an anti-join the planner reads the parents once for each row."""
    small.holds(
        "create table p(id int); insert into p select generate_series(1, 20000);"
        f"{TWO}; insert into t select n, n from generate_series(1, 20000) n;"
        "update t set a = -1 where id % 1000 = 0; analyze",
        "create table p(id int primary key); create table t(id int primary key, a int references p"
        ")",
        "tables:\n  p: {copy: [id]}\n  t: {copy: [id, a]}\n",
    )
    small.here("set statement_timeout = '20s'")
    subject, _, keys, _ = only(small)
    assert (subject, len(keys)) == ("t.a", 5)


def test_a_database_that_goes_away_is_told_in_words(small):
    """No traceback for what an operator has to mend."""
    small.holds(f"{TWO}; insert into t values (1, 2)", TWO, COPY)
    with pytest.raises(ClientError, match="does not exist there"):
        preflight.check(small.plan(), small.urls[0], small.urls[1] + "_gone")
