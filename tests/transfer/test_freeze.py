"""A freeze counts every session, ends what it may, and says who else would write on."""

import subprocess
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from psycopg.errors import ReadOnlySqlTransaction
from rehearsal import roles

from handrail.transfer import freeze
from handrail.transfer.backup import backup
from handrail.transfer.freeze import NotFrozen
from handrail.transfer.session import mark, others, programs
from handrail.transfer.session.connection import connect
from tests.transfer.pair import NUMBERS, ask


class Owned:
    """A database of an owner without superuser, as every managed PostgreSQL gives it."""

    def __init__(self, server):
        number = next(NUMBERS)
        self.server, self.name = server, f"owned_{number}"
        self.owner, self.user, self.stranger = self.name, f"user_{number}", f"stranger_{number}"
        self.url = roles.create_owned(server, self.name)
        ask(self.url, "create table t (id int primary key)")
        for role in (self.user, self.stranger):
            roles.create(server, role)
            ask(self.url, f"grant insert, select on t to {role}")
        ask(server.url("postgres"), f"grant {self.user} to {self.owner}")

    @contextmanager
    def session(self, role):
        """Open a session of a role that lives through the block."""
        with psycopg.connect(
            self.server.url(self.name, role), autocommit=True, application_name=f"app of {role}"
        ) as open_session:
            yield open_session

    @property
    def read_only(self):
        """Say whether new sessions are."""
        return ask(self.url, "show default_transaction_read_only") == [("on",)]


@pytest.fixture
def owned(server):
    """One such database of this test alone."""
    made = Owned(server)
    yield made
    server.drop_database(made.name)


def test_a_session_of_another_role_is_ended_where_the_owner_may(owned):
    """Though PostgreSQL does not tell the owner what kind of session it is."""
    with ExitStack() as stack:
        writer = stack.enter_context(owned.session(owned.user))
        frozen = freeze.freeze(owned.url)

        with pytest.raises(psycopg.OperationalError):
            writer.execute("insert into t values (1)")

    assert frozen.sessions_ended == 1
    assert frozen.left == ()
    assert freeze.mark_of(owned.url) == frozen.mark
    assert ask(owned.url, "select count(*) from t") == [(0,)]


def test_a_session_that_would_write_on_is_refused_by_role_application_and_pid(owned):
    """Nothing is changed then: no half-frozen system is left behind."""
    with owned.session(owned.stranger) as writer:
        pid = writer.info.backend_pid
        with pytest.raises(NotFrozen) as caught:
            freeze.freeze(owned.url)

    for told in (owned.stranger, f"app of {owned.stranger}", str(pid)):
        assert told in caught.value.why
    assert "suspend the service" in caught.value.fix
    assert "rotate" in caught.value.fix
    assert not owned.read_only
    assert freeze.mark_of(owned.url) is None


def test_a_superusers_session_is_told_apart(owned):
    """No grant to the owner helps there: a superuser has to end it."""
    with psycopg.connect(owned.server.url(owned.name)), pytest.raises(NotFrozen) as caught:
        freeze.freeze(owned.url)
    assert "superuser" in caught.value.fix
    assert "pg_terminate_backend" in caught.value.fix


def test_a_role_named_with_a_reason_is_told_and_let_be(owned):
    """As a provider's monitoring; its session lives on."""
    with owned.session(owned.stranger) as watcher:
        frozen = freeze.freeze(owned.url, let_be={owned.stranger: "monitoring"})
        assert watcher.execute("select 1").fetchone() == (1,)
    assert [each.role for each in frozen.left] == [owned.stranger]


def test_a_thaw_says_who_has_to_connect_anew(owned):
    """A session that began read-only, and is not the owner's to end, would refuse users' writes."""
    freeze.freeze(owned.url)
    with owned.session(owned.stranger) as reader, owned.session(owned.user) as ended:
        thawed = freeze.thaw(owned.url)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("insert into t values (1)")
        with pytest.raises(psycopg.OperationalError):
            ended.execute("select 1")
    assert [each.role for each in thawed.left] == [owned.stranger]
    with owned.session(owned.user) as anew:
        anew.execute("insert into t values (1)")
    assert ask(owned.url, "select to_regnamespace('_migration') is null") == [(True,)]


def test_a_prepared_transaction_stops_it(owned):
    """It would be committed after the freeze, by nobody's session."""
    with psycopg.connect(owned.url) as session:
        session.execute("insert into t values (7)")
        session.execute("prepare transaction 'waits'")
    with pytest.raises(NotFrozen, match="waits"):
        freeze.freeze(owned.url)
    ask(owned.url, "rollback prepared 'waits'")


def test_a_transaction_prepared_while_sessions_end_is_noticed(owned, monkeypatch):
    """Nothing stays of the freeze then: the application is not left without a word."""
    end_all = others.end_all
    with psycopg.connect(owned.url) as session:
        session.execute("insert into t values (8)")

        def prepared(*given, **named):
            session.execute("prepare transaction 'late'")
            return end_all(*given, **named)

        monkeypatch.setattr(others, "end_all", prepared)
        with pytest.raises(NotFrozen, match="late"):
            freeze.freeze(owned.url)
    assert not owned.read_only
    ask(owned.url, "rollback prepared 'late'")


def test_a_role_whose_own_setting_lets_it_write_is_refused_or_let_be(owned):
    """Each session that it begins afterwards would; what it has in this database comes first."""
    user, superuser = owned.user, owned.server.url("postgres")
    ask(superuser, f"alter role {user} set default_transaction_read_only = on")
    here = f"alter role {user} in database {owned.name}"
    ask(superuser, f"{here} set default_transaction_read_only = off")
    with pytest.raises(NotFrozen) as caught:
        freeze.freeze(owned.url)
    assert user in caught.value.why
    assert f'alter role "{user}"' in caught.value.fix
    assert not owned.read_only

    assert freeze.freeze(owned.url, let_be={user: "a monitor"}).overrides == (user,)


WAYS = (
    "set default_transaction_read_only = off",
    "set session characteristics as transaction read write",
    "begin; set transaction read write",
    "begin read write",
    "set session default_transaction_read_only = off; prepare p as insert into t values (1)",
)
WRITES = (
    "insert into t values (1)",
    "update t set id = 2",
    "delete from t",
    "truncate t",
    "select writes()",
    "insert into seen values (1)",
    "insert into parts values (5)",
    "insert into part_of_five values (5)",
    'insert into o."we""ird %s {x}" values (1)',
)


def test_a_session_that_makes_itself_read_write_is_refused_all_the_same(owned):
    """By whatever words, whatever it writes, the owner too: as a read-only transaction would be."""
    ask(
        owned.url,
        "create function writes() returns void language sql security definer as "
        "'insert into public.t values (3)'; create view seen as select * from t; "
        "create table parts (id int) partition by list (id); "
        "create table part_of_five partition of parts for values in (5); "
        'create schema o; create table o."we""ird %s {x}" (id int); '
        f"grant all on all tables in schema public, o to {owned.user}; "
        f"grant usage on schema o to {owned.user}",
    )
    before = dumped(owned)
    freeze.freeze(owned.url)
    for number, way in enumerate(WAYS):
        role = (owned.user, owned.owner)[number % 2]
        for write in WRITES:
            with owned.session(role) as writer:
                writer.execute(way)
                with pytest.raises(ReadOnlySqlTransaction):
                    writer.execute(write)
    assert freeze.standing(owned.url).open_tables == ()
    freeze.thaw(owned.url)
    with owned.session(owned.user) as writer:
        writer.execute("insert into t values (1); truncate parts")
    ask(owned.url, "delete from t")
    assert dumped(owned) == before


def dumped(owned):
    """Return the tables as pg_dump writes them; what it makes up for each dump is left out."""
    done = subprocess.run(
        [programs.find(150000) / "pg_dump", "--schema-only"],
        env=programs.environment(owned.url),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "restrict" not in line]


def test_a_freeze_that_is_taken_back_by_hand_leaves_nothing_that_refuses(owned):
    """Nor does a copy: the triggers ask the database that they are in."""
    freeze.freeze(owned.url)
    copy = f"copy_of_{owned.name}"
    ask(owned.server.create_database(copy, owned.name), "insert into t values (1)")
    owned.server.drop_database(copy)

    by_hand = f"begin read write; alter database {owned.name} reset all; commit"
    ask(owned.url, by_hand)

    with owned.session(owned.user) as writer:
        writer.execute("insert into t values (1)")


def test_a_backup_of_a_frozen_database_comes_back_without_its_triggers(owned, tmp_path):
    """It takes writes, and none of them is left in it."""
    before = dumped(owned)
    freeze.freeze(owned.url)
    backup.take(owned.url, tmp_path / "backup")
    backup.restore(owned.url, tmp_path / "backup")
    ask(owned.url, "insert into t values (1); delete from t; drop schema _migration cascade")
    assert dumped(owned) == before


def test_a_write_under_way_in_a_session_that_nobody_may_end_stops_the_freeze(owned, monkeypatch):
    """It came after the others were ended, and made itself read-write."""
    end_all = others.end_all
    with ExitStack() as stack:

        def came(*given, **named):
            ended = end_all(*given, **named)
            writer = stack.enter_context(owned.session(owned.stranger))
            writer.execute("begin read write; insert into t values (1)")
            return ended

        monkeypatch.setattr(others, "end_all", came)
        with pytest.raises(NotFrozen, match=owned.stranger):
            freeze.freeze(owned.url)
    assert not owned.read_only
    assert "refuse_writes" not in "".join(dumped(owned))


def test_a_table_of_another_role_is_told(owned):
    """It takes no trigger from the owner of the database; all others do."""
    superuser = owned.server.url(owned.name)
    ask(superuser, f"create table theirs (id int); alter table theirs owner to {owned.stranger}")
    assert freeze.freeze(owned.url).open_tables == ("public.theirs",)
    assert freeze.standing(owned.url).open_tables == ("public.theirs",)


def test_a_session_of_a_dropped_role_counts(owned):
    """PostgreSQL lets it work on by what everybody may do."""
    gone = f"gone_{owned.name}"
    roles.create(owned.server, gone)
    with owned.session(gone):
        ask(owned.server.url("postgres"), f"drop role {gone}")
        with pytest.raises(NotFrozen, match="dropped role"):
            freeze.freeze(owned.url)


def test_an_owner_that_is_read_only_by_itself_is_no_freeze(owned):
    """The database's own setting tells; the way back names what is in its way."""
    ask(owned.url, f"alter database {owned.name} set default_transaction_read_only = true")
    assert freeze.is_frozen(owned.url)
    here = f"begin read write; alter database {owned.name} reset all; commit"
    ask(owned.url, here)
    closed = f"alter role {owned.owner} set default_transaction_read_only = on"
    ask(owned.server.url("postgres"), closed)
    assert not freeze.is_frozen(owned.url)
    freeze.freeze(owned.url)
    assert freeze.standing(owned.url).frozen
    with pytest.raises(NotFrozen) as caught:
        freeze.thaw(owned.url)
    assert f"`alter role {owned.owner} reset" in caught.value.fix
    assert not freeze.is_frozen(owned.url)


def test_an_event_trigger_that_forbids_the_mark_leaves_nothing_behind(owned):
    """It is named; and it is nobody's freeze that it refuses what asks for one."""
    guard = (
        "create function no() returns event_trigger language plpgsql as $$ begin raise 'shut'; "
        "end $$; create event trigger guard on ddl_command_start execute function no()"
    )
    ask(owned.server.url(owned.name), guard)
    assert not freeze.standing(owned.url).frozen
    with pytest.raises(NotFrozen, match="shut") as caught:
        freeze.freeze(owned.url)
    assert '`alter event trigger "guard" disable`' in caught.value.fix
    assert not owned.read_only


def test_a_new_freeze_is_a_new_mark(owned):
    """And a mark counts no longer once somebody lets writes through and stops them again."""
    first = freeze.freeze(owned.url).mark
    with connect(owned.url) as session:
        session.execute("begin read write")
        session.execute(f"alter database {owned.name} reset default_transaction_read_only")
        session.execute("commit")
    assert freeze.mark_of(owned.url) is None
    with connect(owned.url) as session:
        session.execute(f"alter database {owned.name} set default_transaction_read_only = on")
        assert mark.read(session) is None

    second = freeze.freeze(owned.url).mark

    assert second not in {first, None}
    assert freeze.mark_of(owned.url) == second


def test_background_workers_do_not_count(server, owned):
    """An autovacuum worker, say, has no role that signed in."""
    with connect(server.url("postgres")) as session:
        kinds = session.execute("select distinct backend_type from pg_stat_activity").fetchall()
    assert len(kinds) > 1
    assert freeze.freeze(owned.url).left == ()
