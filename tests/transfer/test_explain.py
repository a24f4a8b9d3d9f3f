"""What a mapping says in SQL is looked at before any row is."""

import datetime as dt

import pytest

from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.read import zone_rules
from handrail.transfer.sql import compile as compiled

ROWS = """
create table t(id int primary key, a timestamp); insert into t values (1, '2024-01-15 12:00');
create table other(k int, v text); insert into other values (1, 'seen')
"""
EMPTY = "create table t(id int primary key, a timestamptz, b text)"


def rule(column, text, more="", quarantine="[]"):
    """Return a mapping in which one column is made by SQL."""
    rest = "      a: {zone: UTC}\n" if column == "b" else ""
    made = f'      {column}: {{sql: "{text}"{more}}}\n'
    return (
        f"tables:\n  t:\n    copy: [id]\n    columns:\n{rest}{made}    quarantine: {quarantine}\n"
        "drop_tables: {other: {reason: looked into only, optional: true}}\n"
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("now()::text", "now"),
        ("CURRENT_DATE::text", "current_date"),
        ("coalesce({id}::text, clock_timestamp()::text)", "clock_timestamp"),
        ("random()::text", "random"),
        ("{id}::text || pg_backend_pid()", "pg_backend_pid"),
        ("txid_current()::text", "txid_current"),
        ("age('2020-01-01'::timestamp)::text", "current_date"),
        ("gen_random_uuid()::text", "gen_random_uuid"),
        ("nextval('public.s')::text", "nextval"),
        ("(select max(v) || localtimestamp::text from public.other)", "localtimestamp"),
        ("age({a})::text", "current_date"),
        ("'today'::date::text", "today"),
        ("(timestamp 'now')::text", "now"),
        ("public.mine()", "mine"),
        ("public.stable_but_now()", "stable_but_now"),
    ],
)
def test_an_expression_that_changes_is_refused(small, text, named):
    """It would pass the preflight and fail the verification for ever."""
    functions = (
        "; create sequence s; create function mine() returns text language plpgsql volatile "
        "as 'begin return 1; end'; create function stable_but_now() returns text "
        "language plpgsql stable as 'begin return now(); end'"
    )
    small.holds(ROWS + functions, EMPTY, rule("b", text))
    (found,) = small.problems()
    assert f"`{named}` gives another value each time" in found
    assert "{time_of_run}" in found


@pytest.mark.parametrize(
    "text",
    [
        "upper('now() is a word')",
        "age({a}, timestamp '2024-01-01')::text",
        "to_char({a}, 'YYYY')",
        "'random()'",
        "(select v from public.other where k = {id})",
    ],
)
def test_a_steady_expression_is_taken(small, text):
    """No false alarm for words, and for functions of the row alone."""
    small.holds(ROWS, EMPTY, rule("b", text))
    assert small.problems() == []
    assert small.load().reasons() == []


def test_a_subselect_is_told_to_write_the_schema(small):
    """The session looks in no schema, so that a name cannot mean two tables."""
    small.holds(ROWS, EMPTY, rule("b", "(select v from other where k = {id})"))
    (found,) = small.problems()
    assert 'relation "other" does not exist' in found
    assert "write a table with its schema: `public.other`" in found


def test_a_number_among_the_rows_of_a_chunk_is_refused(small):
    """`row_number()` would begin anew with each chunk."""
    small.holds(ROWS, EMPTY, rule("b", "(row_number() over (order by {id}))::text"))
    (found,) = small.problems()
    assert "among the rows of one chunk" in found
    assert "generated: true" in found


def test_a_set_of_values_is_refused(small):
    """It would make several rows of one, or none."""
    small.holds(
        "create table t(id int, a int); insert into t values (1, 3)",
        "create table t(id int, a int)",
        "tables: {t: {copy: [id], columns: {a: {sql: 'generate_series(1, {a})'}}}}",
    )
    (found,) = small.problems()
    assert "several rows of one" in found


def test_a_condition_that_keeps_rows_out_is_looked_at_as_well(small):
    """Which rows are kept out must not depend on the hour."""
    mapping = rule("b", "'x'", quarantine="[{when: '{a} < now()', reason: old}]")
    small.holds(ROWS, EMPTY, mapping)
    (found,) = small.problems()
    assert "`now` gives another value" in found


def test_sql_over_a_timestamp_without_zone_needs_one(small):
    """Like any other column: the session's zone would be taken silently."""
    small.holds(ROWS, EMPTY, rule("a", "{a}::timestamptz"))
    (found,) = small.problems()
    assert "`a` shows a clock without a zone" in found

    mapping = rule("a", "date_trunc('hour', {a})", ", zone: Asia/Manila")
    small.path.write_text(mapping, encoding="utf-8")
    assert small.load().reasons() == []
    assert small.there("select a::text from t") == [("2024-01-15 04:00:00+00",)]


def test_sql_that_turns_a_moment_into_a_clock_needs_a_zone(small):
    """The other way round as well."""
    small.holds(
        "create table t(id int primary key, a timestamptz)",
        "create table t(id int primary key, a timestamp)",
        'tables:\n  t: {copy: [id], columns: {a: {sql: "{a}::timestamp"}}}\n',
    )
    (found,) = small.problems()
    assert "`a` is a moment" in found


def test_sql_that_names_the_zone_itself_needs_no_other(small):
    """`at time zone` has dealt with it."""
    small.holds(ROWS, EMPTY, rule("a", "{a} at time zone 'Asia/Manila'"))
    assert small.load().reasons() == []
    assert small.there("select a::text from t") == [("2024-01-15 04:00:00+00",)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("{a} at time zone '+08:00'", "name the place, as `Asia/Manila`"),
        ("{a} AT  TIME\tZONE 'UTC+8'", "name the place"),
        ("timezone('GMT-5', {a})", "PostgreSQL takes its sign for west"),
        ("timezone ( 'Asia/Manilla', {a} )", "did you mean `Asia/Manila`?"),
    ],
)
def test_a_zone_that_sql_names_is_one_as_well(small, said, meant):
    """What `zone:` would be refused for is not taken silently from an expression."""
    small.holds(ROWS, EMPTY, rule("a", said))
    (found,) = small.problems()
    assert "names no time zone" in found
    assert meant in found


def test_a_condition_names_a_zone_like_any_expression(small):
    """Rows would be kept out by a clock that nobody has; a comment names none."""
    when = "[{when: \"{a} at time zone '+08:00' > '2024-01-01'\", reason: old}]"
    small.holds(ROWS, EMPTY, rule("b", "{id}::text -- at time zone '+08:00'", quarantine=when))
    (found,) = small.problems()
    assert "`t.quarantine`: `at time zone '+08:00'` names no time zone" in found


@pytest.mark.parametrize(
    ("source", "there", "said", "told"),
    [
        ("date", "timestamptz", "{a}", "shows a clock without a zone"),
        ("timestamptz", "date", "{a}::date", "is a moment"),
        ("timestamptz", "time", "{a}::time", "is a moment"),
    ],
)
def test_a_day_and_a_moment_need_a_zone_between_them(small, source, there, said, told):
    """The night of one place is the morning of another: the day would be another one."""
    small.holds(
        f"create table t(id int primary key, a {source}); insert into t values (1, '2024-01-15')",
        f"create table t(id int primary key, a {there})",
        f"tables: {{t: {{copy: [id], columns: {{a: {{sql: '{said}'}}}}}}}}",
    )
    (found,) = small.problems()
    assert told in found


def test_a_day_is_the_midnight_of_its_zone(small):
    """Of a date and a timestamp side by side, too."""
    small.holds(
        "create table t(id int primary key, a date, b timestamp);"
        "insert into t values (1, '2024-01-15', null), (2, null, '2024-01-15 12:00')",
        EMPTY.replace(", b text", ""),
        "tables: {t: {copy: [id], columns: {a: {sql: 'coalesce({a}, {b})', zone: Asia/Manila}}}}",
    )
    assert small.load().reasons() == []
    found = small.there("select a::text from t order by id")
    assert found == [("2024-01-14 16:00:00+00",), ("2024-01-15 04:00:00+00",)]


def test_a_text_that_names_no_zone_is_no_moment(small):
    """PostgreSQL would read it in the zone of our session."""
    small.holds(
        "create table t(id int primary key, a text); insert into t values "
        "(1, '2024-01-15 12:00'), (2, '2024-01-15T12:00:00Z'), (3, '2024-01-15 12:00+08'), "
        "(4, '2024-01-15 12:00 PM'), (5, null)",
        "create table t(id int primary key, a timestamptz)",
        'tables:\n  t: {copy: [id], columns: {a: {sql: "{a}::timestamptz"}}}\n',
    )
    (found,) = small.refused()
    assert found[2:] == (["1", "4"], ["2024-01-15 12:00", "2024-01-15 12:00 PM"])
    assert "a clock without a zone" in found[1]


CLOCKS = (
    "create table t(id int primary key, a timestamp); insert into t values "
    "(1, '2024-03-31 02:30'), (2, '2024-10-27 02:30'), (3, '2024-07-01 12:00'), (4, null)"
)


def zoned(zone):
    """Return a mapping that reads a clock in a zone."""
    return f"tables:\n  t:\n    copy: [id]\n    columns:\n      a: {{zone: {zone}}}\n"


def test_a_time_that_never_was_is_refused_and_one_that_was_twice_is_noted(small):
    """Clocks in Berlin went forward on 31 March and back on 27 October."""
    small.holds(CLOCKS, EMPTY, zoned("Europe/Berlin"))
    found = {f.verdict: f for f in small.preflight().findings}

    assert (found["refused"].keys, found["refused"].values) == (("1",), ("2024-03-31 02:30:00",))
    assert "never showed this time" in found["refused"].what
    assert found["noted"].keys == ("2",)
    assert "twice; it is read as after it was set back" in found["noted"].what


def test_a_text_that_is_read_as_a_clock_is_looked_at_like_one(small):
    """As far as it is sure to be one; any other is read by the server alone."""
    small.holds(
        "create table t(id int primary key, a text); insert into t values (1, '2024-03-31 02:30'), "
        "(2, '2024-10-27T02:30:00'), (3, 'Feb 3 2024 10:00'), (4, null)",
        EMPTY,
        'tables:\n  t: {copy: [id], columns: {a: {sql: "{a}::timestamp(0) at time zone '
        "'Europe/Berlin'\"}}}\n",
    )
    found = [(f.verdict, f.keys) for f in small.preflight().findings if "its clock" in f.what]
    assert found == [("refused", ("1",)), ("noted", ("2",))]


def test_a_midnight_that_never_was_is_refused(small):
    """Clocks in Sao Paulo were set forward at midnight."""
    small.holds(
        "create table t(id int primary key, a date); insert into t values (1, '2018-11-04'), "
        "(2, '2018-11-05')",
        EMPTY,
        'tables:\n  t: {copy: [id], columns: {a: {sql: "{a}::timestamp at time zone '
        "'America/Sao_Paulo'\"}}}\n",
    )
    ((_, what, keys, shown),) = small.refused()
    assert ("never showed" in what, keys, shown) == (True, ["1"], ["2018-11-04"])


def test_a_server_with_other_clocks_than_ours_is_told(small, monkeypatch):
    """One of both is out of date: a zone's history is written anew, and its rules, too."""

    def later(name):
        return dt.timezone(dt.timedelta(hours=8 if name == "Asia/Manila" else 1))

    monkeypatch.setattr(zone_rules, "ZoneInfo", later)
    small.holds(CLOCKS, EMPTY, zoned("Asia/Manila"))
    assert small.preflight().findings == ()
    small.path.write_text(zoned("Europe/Berlin"))
    told = [f for f in small.preflight().findings if "out of date" in f.what]
    assert [(f.verdict, f.rows, f.keys) for f in told] == [("noted", 2, ("1", "3"))]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Manila"])
def test_a_zone_whose_clocks_are_not_set_finds_nothing(small, zone):
    """Every time was once."""
    small.holds(CLOCKS, EMPTY, zoned(zone))
    assert small.preflight().findings == ()


def test_a_plan_is_compiled_once_while_nothing_changed(small, monkeypatch):
    """Each clause of a step opens it; both catalogs are read each time, and what differs counts."""
    explained = []
    explain = compiled.explain
    monkeypatch.setattr(
        compiled, "explain", lambda plan, session: explained.append(explain(plan, session))
    )
    small.holds(ROWS, EMPTY, rule("b", "upper('x')"))
    first = small.plan()
    moment = first.moment
    again = [each for _ in range(3) if (each := small.plan()).moment == moment]
    assert all(each is first for each in again)
    before = len(explained)

    small.holds("alter table t add c int", "", rule("b", "upper('x')"))
    with pytest.raises(MappingRefused, match=r"`t\.c` is not declared"):
        small.plan()
    small.holds("alter table t drop c", "", rule("b", "lower('x')"))

    assert "lower" in small.plan().table("t").rows()
    assert len(explained) == before + 1
