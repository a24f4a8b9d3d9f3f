"""A database that is put back is as it was: not its rows alone, but all that surrounds them."""

import subprocess
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from rehearsal import roles

from handrail.clients.errors import ClientError
from handrail.transfer.backup import backup, restore
from handrail.transfer.backup.backup import BackupFailed
from handrail.transfer.backup.properties import setting_value
from handrail.transfer.session import others, programs
from handrail.transfer.session.programs import ProgramFailed
from tests.transfer.pair import NUMBERS, ask


@pytest.fixture
def owned(server):
    """A database of an owner without superuser, with a role beside it; its name, and its URL."""
    number = next(NUMBERS)
    name = f"back_{number}"
    url = roles.create_owned(server, name)
    ask(url, "create table t (id int primary key); insert into t select generate_series(1, 9)")
    roles.let_use(server, name, f"app_{name}")
    yield name, url
    for database in databases_like(server, name):
        ask(server.url("postgres"), f'alter database "{database}" is_template false')
        server.drop_database(database)


def databases_like(server, name):
    """Return the databases of that name, and those that ways back made of it."""
    rows = ask(server.url("postgres"), "select datname from pg_database order by 1")
    return [found for (found,) in rows if found == name or found.startswith(f"{name}_")]


def told_by_dumpall(server, name):
    """Return what pg_dumpall and pg_dump say of a database beside its tables."""
    url = server.url(name)
    place = programs.find(150000)
    said = subprocess.run(
        [place / "pg_dump", "--create", "--schema-only", "--exclude-schema=*"],
        env=programs.environment(url), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return sorted(line for line in said.splitlines() if name in line and line[:2] != "--")


SURROUNDINGS = (
    "set role {name}; create schema app; create table app.z (i int)",
    "alter database {name} set search_path = app, public",
    "alter database {name} set temp_tablespaces = ''",
    "alter database {name} set statement_timeout = '77s'",
    "alter database {name} set \"my.own\" = 'it''s'",
    'alter role app_{name} in database {name} set search_path = "$user", "Odd, name", app',
    "alter role app_{name} in database {name} set work_mem = '5MB'",
    "grant connect, temporary on database {name} to app_{name} with grant option",
    "revoke temporary on database {name} from public",
    "comment on database {name} is 'it''s ours'",
    "alter database {name} connection limit 33",
    "alter database {name} is_template true",
)


def test_everything_that_surrounds_the_rows_comes_back(server, owned, tmp_path):
    """Settings, lists among them, of all and of single roles; rights, limit, comment, owner."""
    name, _ = owned
    for statement in SURROUNDINGS:
        ask(server.url(name), statement.format(name=name))
    before = told_by_dumpall(server, name)
    backup.take(server.url(name), tmp_path / "b")
    assert backup.prove(server.url(name), tmp_path / "b").not_carried == ()
    ask(server.url(name), "delete from t")

    done = backup.restore(server.url(name), tmp_path / "b")

    assert done.not_carried == ()
    assert told_by_dumpall(server, name) == before
    assert ask(server.url(name), "show search_path") == [("app, public",)]
    visible = "select count(*) from pg_class where relname = 'z' and pg_table_is_visible(oid)"
    assert ask(server.url(name), visible) == [(1,)]
    assert ask(server.url(name), "select count(*) from t") == [(9,)]


def test_an_owner_without_superuser_puts_its_database_back(server, owned, tmp_path):
    """And is told before the night what somebody else would have to do then."""
    name, url = owned
    for statement in SURROUNDINGS:
        ask(server.url(name), statement.format(name=name))
    backup.take(url, tmp_path / "b")

    proof = backup.prove(url, tmp_path / "b")
    done = backup.restore(url, tmp_path / "b")

    assert backup.proof(tmp_path / "b") == proof
    for statements in (proof.not_carried, done.not_carried):
        assert statements
        assert not [each for each in statements if "search_path" in each and "role" not in each]
    assert [each.split(";")[0] for each in proof.not_carried] == [
        each.split(";")[0].replace(done.kept_as.replace("replaced", "restored"), name)
        for each in done.not_carried
    ]
    for statement in proof.not_carried:
        ask(server.url("postgres"), statement)
    assert ask(url, "show search_path") == [("app, public",)]


def test_encoding_and_locale_come_back(server, tmp_path):
    """They are those of the database, not the server's usual ones."""
    name = f"latin_{next(NUMBERS)}"
    ask(
        server.url("postgres"),
        f"create database {name} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0",
    )
    backup.take(server.url(name), tmp_path / "b")
    done = backup.restore(server.url(name), tmp_path / "b")
    assert ask(server.url(name), "show server_encoding") == [("LATIN1",)]
    server.drop_database(done.kept_as)
    server.drop_database(name)


def test_a_session_that_is_not_ours_to_end_is_refused_before_anything(server, owned, tmp_path):
    """By role and pid; a retry leaves nothing behind, and goes through once the session is gone."""
    name, url = owned
    backup.take(url, tmp_path / "b")
    with psycopg.connect(server.url(name)) as superuser:
        for _ in range(2):
            with pytest.raises(BackupFailed) as caught:
                backup.restore(url, tmp_path / "b")
            assert str(superuser.info.backend_pid) in caught.value.why
            assert "superuser" in caught.value.fix
            assert databases_like(server, name) == [name]
    with psycopg.connect(server.url(name, f"app_{name}")):  # ends: the owner may
        backup.restore(url, tmp_path / "b")
    assert len(databases_like(server, name)) == 2


def test_a_session_that_comes_before_the_swap_leaves_nothing_behind(
    server, owned, tmp_path, monkeypatch
):
    """What was restored by then is removed with the refusal."""
    name, url = owned
    backup.take(url, tmp_path / "b")
    with ExitStack() as stack:
        swap = restore._swap

        def come(*given):
            stack.enter_context(psycopg.connect(server.url(name)))
            swap(*given)

        monkeypatch.setattr(restore, "_swap", come)
        with pytest.raises(BackupFailed, match="was not put back"):
            backup.restore(url, tmp_path / "b")
    assert databases_like(server, name) == [name]


def test_what_a_killed_way_back_had_restored_is_removed_by_the_next(server, owned, tmp_path):
    """It was never in use; what replaced databases hold stays."""
    name, url = owned
    backup.take(url, tmp_path / "b")
    left = f"{name}_restored_20260101T000000000000Z"
    evidence = f"{name}_replaced_20260101T000000000000Z"
    for each in (left, evidence):
        server.create_database(each, owner=name)
    backup.restore(url, tmp_path / "b")
    assert left not in databases_like(server, name)
    assert evidence in databases_like(server, name)


def test_a_copy_goes_with_who_may_be_ended_and_names_who_stays(server, owned, monkeypatch):
    """Not by force, which fails for an owner while autovacuum looks at the copy."""
    name, url = owned
    monkeypatch.setattr(others, "DROP_SECONDS", 0)
    copy = f"{name}_copy"
    server.create_database(copy, owner=name)
    with restore.maintenance(url, name) as session:
        with psycopg.connect(server.url(copy)) as superuser:
            with pytest.raises(ClientError, match="could not be dropped") as caught:
                others.drop(session, copy)
            assert str(superuser.info.backend_pid) in caught.value.why
            assert f'drop database "{copy}"' in caught.value.fix
        with psycopg.connect(make_conninfo(url, dbname=copy)):
            others.drop(session, copy)
    assert databases_like(server, name) == [name]


def test_rows_against_a_declared_key_are_named_by_the_first_error(server, owned, tmp_path):
    """They cannot be restored: PostgreSQL's own first words, with the key they are about."""
    name, url = owned
    ask(
        server.url(name),
        "create table c (t int constraint c_of_t references t); set session_replication_role = "
        "replica; insert into c values (77)",
    )
    backup.take(server.url(name), tmp_path / "b")
    with pytest.raises(ProgramFailed) as caught:
        backup.prove(server.url(name), tmp_path / "b")
    assert 'violates foreign key constraint "c_of_t"' in caught.value.why
    assert "ADD CONSTRAINT" in caught.value.why or "ALTER TABLE" in caught.value.why
    assert "77" not in caught.value.why
    assert url  # the owner's: the proof is the same


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("app, public", "'app', 'public'"),
        ('"$user", public', "'$user', 'public'"),
        ('"Odd, name", "with ""quotes"""', "'Odd, name', 'with \"quotes\"'"),
        ('""', "''"),
    ],
)
def test_a_list_is_written_element_by_element(stored, written):
    """As one text it would be one long name."""
    assert setting_value("search_path", stored) == written
    assert setting_value("work_mem", "5MB") == "'5MB'"
