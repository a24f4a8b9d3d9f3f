"""The preflight asks the destination itself: whatever a load would meet there is found before."""

from pathlib import Path

import pytest
import yaml

from handrail.clients.errors import ClientError
from handrail.transfer.load.chunks import LoadFailed
from handrail.transfer.read import preflight
from handrail.transfer.read.preflight import PreflightFailed

CASES = yaml.safe_load(Path(__file__).with_name("trials.yaml").read_text(encoding="utf-8"))


def made(small, kind, case):
    """Make the databases of a case."""
    found = CASES[kind][case]
    return small.holds(found["source"], found["destination"], found["mapping"])


@pytest.mark.parametrize("case", CASES["refused"])
def test_what_the_destination_would_refuse_is_named(small, case):
    """Row, column, value and rule; nothing is there afterwards, and no load begins."""
    expected = CASES["refused"][case]
    made(small, "refused", case)
    found = small.refused()

    assert [each[0] for each in found] == [expected["subject"]]
    assert expected["words"] in found[0][1]
    assert found[0][2] == expected["keys"]
    assert "values" not in expected or found[0][3] == expected["values"]
    assert small.there("select count(*) from t") == [(0,)]
    with pytest.raises(PreflightFailed):
        small.load()
    assert small.there("select to_regclass('_migration.run')") == [(None,)]


@pytest.mark.parametrize("case", CASES["taken"])
def test_what_the_destination_takes_passes_and_is_loaded(small, case):
    """No false alarm: the rows are there afterwards and verified."""
    made(small, "taken", case)
    assert small.preflight().reasons() == []

    assert small.load(mode=CASES["taken"][case].get("mode", "stream")).reasons() == []


def test_a_trial_uses_up_no_number(small):
    """The destination's own sequences are where they were."""
    made(small, "taken", "number that the destination gives")
    small.preflight()

    assert small.there("select last_value, is_called from t_n_seq") == [(1, False)]


def test_a_trigger_that_is_disabled_already_is_told_before_the_load(small):
    """The verification would be the first to say so, after the night's load."""
    small.holds(
        "create table t(id int primary key); insert into t values (1)",
        "create table t(id int primary key);"
        "create function f() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger g before update on t for each row execute function f();"
        "alter table t disable trigger g",
    )
    (found,) = small.preflight().findings
    assert (found.verdict, found.table) == ("noted", "t")
    assert found.what == (
        "trigger `g` on public.t is disabled: a verification fails until it is enabled"
    )
    assert small.load().reasons() == ["triggers of `t` : triggers are disabled"]


def test_rows_that_break_different_rules_are_told_apart(small):
    """Each finding counts its own rows, however many other rows there are."""
    small.holds(
        "create table t(id int primary key, a int, b text);"
        "insert into t select n, n, 'b' || n from generate_series(1, 3000) n;"
        "update t set a = -1 where id % 1000 = 0; update t set b = 'B7' where id = 2900",
        "create table t(id int primary key, a int check (a >= 0), b text);"
        "create unique index u on t(lower(b))",
        "tables:\n  t: {copy: [id, a, b]}\n",
    )  # fmt: skip
    found = {subject: (words, keys) for subject, words, keys, _ in small.refused()}
    assert found["t.a"][1] == ["1000", "2000", "3000"]
    assert found["t.b"][1] == ["2900"]


def test_secret_values_are_not_named(small):
    """A refused row is named by its key; neither value nor the server's words show the secret."""
    small.holds(
        "create table t(id int primary key, a text); insert into t values (1,'hunter2')",
        "create type mood as enum ('ok'); create table t(id int primary key, a mood)",
        "tables:\n  t: {copy: [id], columns: {a: {cast: text, secret: true}}}\n",
    )  # fmt: skip
    assert "hunter2" not in str(small.preflight().as_json())
    assert small.refused()[0][2] == ["1"]


def test_a_role_without_temporary_tables_is_told_what_to_grant(small, server):
    """Where nothing can be tried, nothing is said to be good."""
    made(small, "refused", "check")
    small.there("create role meek login password 'meek'; grant pg_read_all_data to meek")
    small.there(f"revoke temporary on database {small.names[1]} from public")
    address = small.urls[1].replace("rotc:", "meek:", 1).replace(server.password, "meek")
    with pytest.raises(ClientError, match="could not be tried") as caught:
        preflight.check(small.plan(), small.urls[0], address)
    assert "GRANT TEMPORARY" in caught.value.fix


def test_a_trigger_is_named_before_it_runs(small):
    """It may write to somebody; with it off, or accepted, the load goes on."""
    small.holds(
        "create table t(id int primary key, a int); insert into t values (1, -5)",
        "create table t(id int primary key, a int); create function f() returns trigger language "
        "plpgsql as $$begin perform pg_notify('mail', 'x'); return null; end$$; create trigger tr "
        "after insert on t for each row execute function f()",
        "tables:\n  t: {copy: [id, a]}\n",
    )  # fmt: skip
    found = small.preflight()
    assert found.good
    assert [f.what for f in found.findings] == [
        (
            "trigger `tr` on public.t runs public.f() after each row that is moved; it was not "
            "tried: where it refuses a row, the load stops there, and goes on after `alter table "
            'public.t disable trigger "tr"`; enable it again afterwards'
        )
    ]


def test_a_trigger_that_could_not_be_tried_is_named_where_it_refuses(small):
    """It reads another table; disabled as the preflight says, the load goes on where it stopped."""
    small.holds(
        "create table t(id int primary key, a int); insert into t values (1, -5)",
        "create table t(id int primary key, a int); create table quota(n int); create function f() "
        "returns trigger language plpgsql as $$begin if not exists (select from quota) then raise "
        "'no quota'; end if; return new; end$$; create trigger tr before insert on t for each row "
        "execute function f()",
        "tables:\n  t: {copy: [id, a]}\n",
    )  # fmt: skip
    with pytest.raises(LoadFailed) as caught:
        small.load()
    assert "no quota (function f())" in caught.value.why
    assert "disable trigger" in caught.value.fix

    small.there('alter table public.t disable trigger "tr"')

    (left,) = small.load().reasons()
    assert left == "triggers of `t` : triggers are disabled"
    small.there("alter table t enable trigger tr")
    assert small.verify().reasons() == []


def test_a_key_of_one_partition_is_told_with_what_to_do(small):
    """Nothing but its load can try it."""
    small.holds(
        "create table t(id int primary key, g int, a int); insert into t values (1, 1, null)",
        "create table k(id int primary key); create table t(id int, g int, a int) partition by "
        "list (g); create table t1 partition of t for values in (1); "
        "alter table t1 add constraint own foreign key (a) references k",
        "tables:\n  t: {copy: [id, g, a]}\n",
    )
    found = small.preflight()
    assert found.good
    (told,) = [f.what for f in found.findings]
    assert "`own` of the partition public.t1 alone was not tried: FOREIGN KEY (a)" in told
    assert '`alter table public.t1 drop constraint "own"`' in told


def test_a_trigger_that_alters_rows_is_noticed_by_the_load_as_well(small):
    """The preflight may be of another day."""
    made(small, "refused", "trigger that alters")
    with pytest.raises(LoadFailed, match="arrived changed"):
        small.load(mode="stream", preflighted=True)


def test_a_table_of_many_columns_is_tried_moved_and_verified(small):
    """PostgreSQL takes 100 arguments of a function and 1,664 columns of a result."""
    columns = ", ".join(f"c{n} int" for n in range(1200))
    names = ", ".join(f"c{n}" for n in range(1200))
    small.holds(
        f"create table t(id int primary key, {columns}); insert into t(id, c1) values (1, 2)",
        f"create table t(id int primary key, {columns}, check (c1 > 0))",
        f"tables:\n  t: {{copy: [id, {names}]}}\n",
    )
    assert small.load().reasons() == []
