"""Which tables are meant, whose rows they hold, and which sequence numbers them."""

import json

import psycopg
import pytest

from handrail.clients.errors import ClientError
from handrail.transfer.session.connection import connect
from handrail.transfer.sql import catalog, evidence
from tests.transfer.pair import ask

ONE = "create table t(id int primary key, a text); insert into t values (1, 'x'), (2, 'y')"
EMPTY = "create table t(id int primary key, a text)"
COPY = "tables:\n  t: {copy: [id, a]}\n"


def test_tables_of_other_schemas_are_refused_until_named(small):
    """A second schema's rows are nobody's to forget."""
    billing = "; create schema billing; create table billing.invoice(id int primary key)"
    small.holds(ONE + billing, EMPTY, COPY)
    (found,) = small.problems()
    assert "source table `billing.invoice` is not declared" in found

    dropped = COPY + "drop_tables: {billing.invoice: stays in the archive}\n"
    small.path.write_text(dropped, encoding="utf-8")
    assert small.load().reasons() == []


def test_a_table_of_another_schema_is_mapped_by_both_names(small):
    """`from: schema.table` reads it."""
    small.holds(
        ONE + "; create schema billing; create table billing.invoice(id int primary key, a text);"
        "insert into billing.invoice values (7, 'seven')",
        EMPTY + "; create table invoice(id int primary key, a text)",
        COPY + "  invoice: {from: billing.invoice, copy: [id, a]}\n",
    )
    assert small.load().reasons() == []
    assert small.there("select id, a from invoice") == [(7, "seven")]


def test_the_live_table_is_the_one_the_role_finds(small):
    """`search_path = app, public`: the application's table is app's; the other has to be named."""
    small.holds(ONE, EMPTY, COPY)
    with psycopg.connect(small.urls[0], autocommit=True) as session:
        session.execute("create schema app")
        session.execute("create table app.t(id int primary key, a text)")
        session.execute("insert into app.t values (9, 'live')")
        session.execute(f"alter database {small.names[0]} set search_path = app, public")
    (found,) = small.problems()
    assert "source table `public.t` is not declared" in found

    dropped = COPY + "drop_tables: {public.t: a copy from before the move}\n"
    small.path.write_text(dropped, encoding="utf-8")
    assert small.load().reasons() == []
    assert small.there("select * from t") == [(9, "live")]


def test_a_destination_in_another_schema_is_told_how_to_be_found(small):
    """Its role has to look where the application does."""
    small.holds(ONE, "create schema app; create table app.t(id int primary key, a text)", COPY)
    (found,) = small.problems()
    assert "give the destination's role `search_path = app`" in found

    small.there(f"alter database {small.names[1]} set search_path = app")
    assert small.load().reasons() == []
    assert small.there("select count(*) from app.t") == [(2,)]


def test_two_tables_of_one_name_are_refused(small):
    """`"a.b"` and the table `b` of a schema `a`: a mapping could name one of them only."""
    small.holds(
        f'{ONE}; create table "a.b"(id int); create schema a; create table a.b(id int)', EMPTY, COPY
    )
    with pytest.raises(ClientError, match="cannot be mapped") as caught:
        small.plan()
    assert "would be called `a.b`" in caught.value.why


def test_a_database_that_is_not_in_utf_8_is_refused_by_its_encoding(server):
    """Its bytes may mean anything; neither a draft nor a plan is made of them."""
    name = "bytes_of_any_kind"
    ask(
        server.url("postgres"),
        f"create database {name} encoding 'SQL_ASCII' template template0 lc_collate 'C' "
        "lc_ctype 'C'",
    )
    ask(server.url(name), ONE)
    with (
        connect(server.url(name)) as session,
        pytest.raises(ClientError, match="SQL_ASCII") as caught,
    ):
        catalog.read(session)
    assert "ENCODING 'UTF8'" in caught.value.fix
    server.drop_database(name)


def test_tables_of_an_extension_and_our_own_need_no_word(small):
    """What `create extension` made in a schema of its own is not the application's."""
    small.holds(ONE + "; create schema _migration; create table _migration.x(i int)", EMPTY, COPY)
    assert small.problems() == []


def test_rows_of_a_child_table_are_moved_once(small):
    """A table that others inherit from holds its own rows; theirs are their own table's."""
    small.holds(
        "create table t(id int primary key, a text); create table u() inherits (t);"
        "insert into t values (1, 'x'); insert into u values (2, 'y')",
        "create table t(id int primary key, a text); create table u() inherits (t)",
        COPY + "  u: {copy: [id, a]}\n",
    )
    assert small.load().reasons() == []
    assert small.there("select tableoid::regclass::text, id from t order by id") == [
        ("t", 1),
        ("u", 2),
    ]


# how `id` of the destination gets its numbers, and the next one after rows 1 and 2
SEQUENCES = {
    "that no column owns": ("create sequence s", "default nextval('s')", 3),
    "of another schema": ("create schema o; create sequence o.s", "default nextval('o.s')", 3),
    "with a capital": ('create sequence "S"', "default nextval('\"S\"')", 3),
    "that another table has used further": (
        "create sequence s; create table o(id int default nextval('s')); insert into o values (40)",
        "default nextval('s')",
        41,
    ),
    "that counts down": ("create sequence s increment -1", "default nextval('s')", -1),
    "that begins far above": ("", "generated by default as identity (start 1000)", 1000),
    "in steps": ("", "generated by default as identity (increment 10)", 12),
    "that gave numbers to rows that are gone": (
        "create sequence s; select setval('s', 57)",
        "default nextval('s')",
        58,
    ),
    "that was told where to go on": (
        "create sequence s; alter sequence s restart 500",
        "default nextval('s')",
        500,
    ),
    "that has counted down": (
        "create sequence s increment -1; select setval('s', -9)",
        "default nextval('s')",
        -10,
    ),
}


@pytest.mark.parametrize("case", SEQUENCES)
def test_the_next_number_of_a_sequence_is_free(small, case):
    """Owned or not, shared, or counting down."""
    before, numbered, following = SEQUENCES[case]
    small.holds(ONE, f"{before}; create table t(id int primary key {numbered}, a text)", COPY)

    assert small.load().reasons() == []
    assert small.there("insert into t(a) values ('new') returning id") == [(following,)]


def test_a_table_of_which_no_column_is_filled_is_refused(small):
    """The load could not write a row of nothing; before, nobody would say so."""
    small.holds("create table t()", "create table t()", "tables:\n  t: {}\n")
    (told,) = small.problems()
    assert "no column of `t` is filled" in told
    assert "drop_tables" in told


def test_a_catalog_recorded_before_other_schemas_were_read_is_read(small):
    """A bulk load that an older version began can be told apart, not only fail."""
    small.holds(ONE, EMPTY, COPY)
    stored = json.loads(evidence.write_catalog(small.plan().destination))
    for table in stored["tables"]:
        for later in ("schema", "relation", "inherited"):
            del table[later]
    assert evidence.read_catalog(stored) == small.plan().destination
