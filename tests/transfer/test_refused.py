"""What a server refuses is told in words, wherever it happens; a standby is no source."""

import subprocess

import pytest
from rehearsal import roles
from rehearsal.postgres import PostgresServer
from rehearsal.processes import free_port

from handrail.clients.errors import ClientError
from handrail.transfer import freeze
from handrail.transfer.backup import backup
from handrail.transfer.freeze import NotFrozen
from handrail.transfer.load import load
from handrail.transfer.load.chunks import LoadFailed
from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.session.asking import Question, answers
from handrail.transfer.session.connection import DatabaseRefused, connect, reading
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.verify.verify import verify
from tests.transfer.pair import NUMBERS, ask
from tests.transfer.small import Small


@pytest.fixture(scope="module")
def standby(server, tmp_path_factory):
    """A hot standby of the tests' own server, with the same databases and roles."""
    ask(server.url("postgres"), "create database followed")
    second = PostgresServer(tmp_path_factory.mktemp("standby"))
    second.password, second.port = server.password, free_port()
    second.data = second._data_directory()
    subprocess.run(
        [server.binaries / "pg_basebackup", "--pgdata", second.data, "--write-recovery-conf",
         "--checkpoint=fast", "--dbname", server.url("postgres")],
        check=True, cwd="/", **second._identity(),
    )  # fmt: skip
    second.launch()
    yield second
    second.stop()


def test_a_standby_is_refused_as_source_and_counts_as_no_freeze(standby):
    """It refuses writes, too, but nothing on it stops those that reach it."""
    url = standby.url("followed")
    assert freeze.is_frozen(url) is False
    assert freeze.mark_of(url) is None
    with pytest.raises(NotFrozen, match="standby") as caught:
        freeze.freeze(url)
    assert "primary" in caught.value.fix
    with pytest.raises(ClientError, match="standby"), reading(url):
        raise AssertionError("it was read")


@pytest.mark.parametrize(
    ("statement", "word", "advice"),
    [
        ("select * from nowhere", "does not exist", "preflight"),
        ("select 1 / 0", "division by zero", "preflight"),
        ("select pg_terminate_backend(pg_backend_pid())", "terminating", "server answers"),
        ("set statement_timeout = 1; select pg_sleep(9)", "timeout", "statement_timeout"),
        ("select * from pg_authid", "permission denied", "grant"),
    ],
)
def test_what_a_statement_is_refused_for_is_told(server, statement, word, advice):
    """With what to do, by the kind of refusal; never as a traceback."""
    name = f"plain_{next(NUMBERS)}"
    url = roles.create_owned(server, name)
    with pytest.raises(DatabaseRefused) as caught, connect(url, name="source") as session:
        session.execute(statement)
    assert "source" in caught.value.what
    assert word in caught.value.why
    assert advice in caught.value.fix
    assert caught.value.error is caught.value.__cause__
    server.drop_database(name)


def test_rows_that_a_policy_would_hide_are_refused_with_the_way_on(server):
    """On either side: a load of the rows that are left would look whole."""
    number = next(NUMBERS)
    url = roles.create_owned(server, f"hidden_{number}")
    ask(
        url,
        "create table t (id int); alter table t enable row level security;"
        "alter table t force row level security; create policy p on t using (id = 1)",
    )
    with pytest.raises(DatabaseRefused) as caught, connect(url, name="destination") as session:
        session.execute("select count(*) from public.t")
    assert "row-level security" in caught.value.why
    assert "bypassrls" in caught.value.fix
    assert "no force row level security" in caught.value.fix
    server.drop_database(f"hidden_{number}")


def test_a_plan_over_a_table_that_the_role_may_not_read_says_what_to_grant(server, tmp_path):
    """Not that a rule of the mapping is wrong."""
    table = "create table t (id int primary key)"
    small = Small(server, tmp_path).holds(table, table, "tables: {t: {copy: [id]}}")
    reader = f"reader_{next(NUMBERS)}"
    roles.create(server, reader)
    with pytest.raises(MappingRefused) as caught:
        open_plan(small.path, server.url(small.names[0], reader), small.urls[1])
    (problem,) = caught.value.problems
    assert "permission denied for table t" in problem.what
    assert problem.fix.startswith("grant its user that")
    small.close()


@pytest.mark.parametrize("act", ["backup", "load", "verify"])
def test_a_table_that_the_role_may_not_read_is_named(server, tmp_path, act):
    """Whoever meets it says so, and how to go on."""
    table = "create table t (id int primary key)"
    rows = f"{table}; insert into t values (1)"
    small = Small(server, tmp_path).holds(rows, table, "tables: {t: {copy: [id]}}")
    small.load()
    reader = f"reader_{next(NUMBERS)}"
    roles.create(server, reader)
    plan, url = small.plan(), server.url(small.names[0], reader)
    acts = {
        "backup": lambda: backup.fingerprint(url),
        "load": lambda: small_load(plan, url, small),
        "verify": lambda: verify(plan, url, small.urls[1]),
    }
    with pytest.raises(ClientError) as caught:
        acts[act]()
    assert "permission denied for table t" in caught.value.why
    assert "grant" in caught.value.fix
    small.close()


def small_load(plan, url, small):
    """Load anew, from a source that the role may not read."""
    small.there("drop schema _migration cascade; truncate t")
    with pytest.raises(LoadFailed) as caught:
        load.load(plan, url, small.urls[1], preflighted=True)
    raise caught.value


def test_a_question_that_is_refused_leaves_no_line_of_the_driver(server, caplog):
    """The refusal is told in words; nothing of how it was asked goes to the terminal beside it."""
    with (
        pytest.raises(DatabaseRefused, match="division by zero"),
        connect(server.url("postgres")) as session,
    ):
        answers([Question(session, "select 1"), Question(session, "select 1 / 0")] * 2)

    assert caplog.records == []
