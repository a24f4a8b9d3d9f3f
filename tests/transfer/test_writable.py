"""What a load would meet on the destination as a whole is told before it, and what it leaves."""

import pytest

ONE = "create table t(id int primary key, a text); insert into t values (1, 'x')"
EMPTY = "create table t(id int primary key, a text)"
COPY = "tables:\n  t: {copy: [id, a]}\n"


def test_a_read_only_destination_is_refused_with_what_to_take_back(small):
    """A freeze of it may still be on."""
    small.holds(ONE, EMPTY, COPY)
    small.there(f"alter database {small.names[1]} set default_transaction_read_only = on")
    ((subject, what, _, _),) = small.refused()
    assert subject == "t."
    assert "read-only" in what
    assert "default_transaction_read_only" in what


@pytest.mark.parametrize("tag", ["CREATE SCHEMA", "DROP INDEX", "ALTER TABLE", "COMMENT"])
def test_an_event_trigger_that_refuses_a_load_is_named(small, tag):
    """Whichever of the load's commands it watches; nothing of the question is left there."""
    guard = (
        "create function no() returns event_trigger language plpgsql as "
        "$$ begin raise 'not here'; end $$; create event trigger \"Guard\" on ddl_command_start "
        f"when tag in ('{tag}') execute function no()"
    )
    small.holds(ONE, f"{EMPTY}; {guard}", COPY)
    ((_, what, _, _),) = small.refused()
    assert "not here" in what
    assert '`alter event trigger "Guard" disable`' in what
    assert small.there("select to_regnamespace('handrail_probe')") == [(None,)]

    small.there('alter event trigger "Guard" disable')

    assert small.load(mode="bulk").reasons() == []


def test_a_published_table_without_an_identity_is_refused(small):
    """Its rows could be put there, and not exchanged when the source's change."""
    keyless = "create table t(id int, a text); create publication p for table t"
    small.holds(ONE, keyless, COPY)
    ((_, what, _, _),) = small.refused()
    assert "replica identity full" in what

    small.there("alter table t replica identity full")

    assert small.load().reasons() == []


def test_materialized_views_are_told_on_both_sides(small):
    """One over a view over the table as well; a refresh is nobody's by itself."""
    small.holds(
        f"{ONE}; create materialized view old as select * from t",
        f"{EMPTY}; create view v as select * from t; create materialized view m as select * from v;"
        "create materialized view other as select 1",
        COPY,
    )
    found = small.preflight()
    assert found.good
    told = [f"{f.table}: {f.what}" for f in found.findings]
    assert len(told) == 2
    assert told[0].startswith("public.old: is a materialized view")
    assert "`refresh materialized view public.m` after the load" in told[1]
