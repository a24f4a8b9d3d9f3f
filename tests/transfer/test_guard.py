"""What a person wrote in SQL is computed for the rows that are moved, and for no others."""

import pytest

DIVIDED = "create table t(id int primary key, a int); insert into t values (1, 0), (2, 4)"
CAST = """
create table g(id int primary key); insert into g values (1);
create table t(id int primary key, g int, d text, a text);
insert into t values (1, 1, '2024-01-02', '7'), (2, 9, '2024-01-02', 'no'), (3, 1, 'never', 'no')
"""
KEPT_OUT = {
    "by a condition": (
        DIVIDED,
        "create table t(id int primary key, a int not null)",
        (
            "tables: {t: {copy: [id], columns: {a: {sql: '100 / {a}', when_null: quarantine, "
            "reason: none}}, quarantine: [{when: '{a} = 0', reason: zero}], max_quarantined: 1}}"
        ),
        [(2, 25)],
        [("zero", 1)],
    ),
    "by another column, and by a key": (
        CAST,
        (
            "create table g(id int primary key);"
            "create table t(id int primary key, g int references g, d date, a int)"
        ),
        (
            "tables: {g: {copy: [id]}, t: {copy: [id], columns: {"
            "g: {when_orphan: quarantine, reason: no group}, a: {sql: '{a}::int'}, "
            "d: {cast: date, formats: [YYYY-MM-DD], when_uncastable: quarantine, reason: no day}}, "
            "max_quarantined: 2}}"
        ),
        [(1, 7)],
        [("`d` cannot be read: no day", 3), ("`g` refers to a row that is not moved: no group", 2)],
    ),
    "by the first destination of its row": (
        DIVIDED,
        "create table f(id int primary key); create table t(id int primary key, a int)",
        (
            "tables: {f: {from: t, copy: [id], quarantine: [{when: '{a} = 0', reason: zero}], "
            "max_quarantined: 1}, t: {also: t, copy: [id], columns: {a: {sql: '100 / {a}'}}}}"
        ),
        [(2, 25)],
        [("zero", 1)],
    ),
}


@pytest.mark.parametrize("case", KEPT_OUT)
def test_an_expression_is_not_computed_for_a_row_that_is_kept_out(small, case):
    """Neither the preflight nor the load meets the zero; the reason is the one that was given."""
    source, destination, mapping, moved, reasons = KEPT_OUT[case]
    small.holds(source, destination, mapping)

    assert small.preflight().reasons() == []
    assert small.load().reasons() == []
    assert small.there("select id, a from t") == moved
    kept = "select reason, (row_data ->> 'id')::int from _migration.quarantine order by 1"
    assert small.there(kept) == reasons


def test_an_expression_that_fails_on_a_row_that_is_moved_is_still_named(small):
    """The guard hides nothing else."""
    mapping = KEPT_OUT["by a condition"][2].replace("= 0", "= 4")
    small.holds(DIVIDED, KEPT_OUT["by a condition"][1], mapping)

    assert small.refused() == [("t.a", "cannot be computed: division by zero", ["1"], [])]


def test_a_comment_in_sql_ends_nothing_else(small):
    """Nor does what it says, or what is quoted, count as said."""
    small.holds(
        (
            "create table t(id int primary key, a int, b timestamp);"
            "insert into t values (1, 3, '2024-01-02 03:04'), (2, 0, null)"
        ),
        "create table t(id int primary key, a int, b timestamptz)",
        (
            "tables: {t: {copy: [id], columns: {a: {sql: '{a} * 2 -- doubled'}, "
            "b: {sql: '{b} -- at time zone said', zone: Asia/Manila}}, "
            "quarantine: [{when: '{a} = 0 -- zero', reason: zero}], max_quarantined: 1}}"
        ),
    )

    assert small.load().reasons() == []
    found = small.there("select id, a, (b at time zone 'UTC')::text from t")
    assert found == [(1, 6, "2024-01-01 19:04:00")]

    text = small.path.read_text(encoding="utf-8")
    small.path.write_text(text.replace(", zone: Asia/Manila", ""), encoding="utf-8")
    assert "shows a clock without a zone" in small.problems()[0]


def test_a_pattern_is_asked_of_what_sql_gives(small):
    """`pattern` beside `sql:` is one more condition over the same value."""
    small.holds(
        "create table t(id int primary key, a text);"
        f"insert into t values (1, '$2y$10${'a' * 53}'), (2, 'x')",
        "create table t(id int primary key, a text)",
        "tables: {t: {copy: [id], columns: {a: {sql: \"replace({a}, '2y', '2b')\", "
        "pattern: bcrypt, when_malformed: keep, reason: old}}}}",
    )

    assert small.load().reasons() == []
    assert small.there("select key, fault from _migration.adjusted where fault <> 'changed'") == [
        ("2", "malformed")
    ]
