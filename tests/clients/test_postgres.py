"""PostgreSQL, against a real server."""

from urllib.parse import quote

import pytest
from rehearsal.postgres import PostgresServer

from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.clients.secret import Secret
from tests.clients.conftest import MARK

PASSWORD = f"p@ss/{MARK}:word%"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a user whose password is all odd characters."""
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        url = server.create_database("clients test")
        admin = Database(Secret.of(url))
        with admin.connect(autocommit=True) as connection:
            connection.execute(f"CREATE ROLE operator LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("CREATE TABLE pets (id int PRIMARY KEY, name text NOT NULL)")
            connection.execute("GRANT ALL ON pets TO operator")
        yield server


def url(server, user="operator", password=PASSWORD, database="clients test", port=None):
    """Return a URL, percent-encoded where it must be."""
    secret = quote(password, safe="")
    return f"postgresql://{user}:{secret}@127.0.0.1:{port or server.port}/{quote(database)}"


@pytest.fixture
def database(server, monkeypatch):
    """The client, by a reference."""
    monkeypatch.setenv("LEGACY_DATABASE_URL", url(server))
    return Database.from_inventory("env:LEGACY_DATABASE_URL")


def test_a_database_is_named_by_reference_only():
    """A URL written into an inventory would end up in git."""
    with pytest.raises(ClientError, match="written out"):
        Database.from_inventory(f"postgresql://u:{MARK}@h/d")

    assert MARK not in repr(Database(Secret.of(MARK)))


def test_a_query_returns_its_rows(database):
    """And a statement without rows returns none."""
    assert database.query("SELECT %s::int + 1, current_user::text", (2,)) == [(3, "operator")]
    assert database.query("SET application_name = 'x'") == []
    assert database.name == "clients test"
    assert database.server_version() >= 130000


def test_a_block_is_committed_at_its_end_and_rolled_back_on_an_error(database):
    """All of it or none."""
    with database.connect() as connection:
        connection.execute("INSERT INTO pets VALUES (1, 'a')")

    def half():
        with database.connect() as connection:
            connection.execute("INSERT INTO pets VALUES (2, 'b')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()

    assert database.query("SELECT id FROM pets") == [(1,)]
    database.query("DELETE FROM pets")
    assert database.query("SELECT id FROM pets") == []


def test_a_failed_statement_is_told_without_its_values(database):
    """The server's message quotes the row; ours names condition, table and constraint."""
    insert = f"INSERT INTO pets VALUES (7, '{MARK}')"
    database.query(insert)

    with pytest.raises(ClientError) as caught:
        database.query(insert)
    assert "UniqueViolation (SQLSTATE 23505) on table `pets`" in caught.value.why

    with pytest.raises(ClientError, match="InvalidTextRepresentation"):
        database.query(f"SELECT '{MARK}'::int")
    with pytest.raises(ClientError, match="UndefinedTable"):
        database.query("SELECT * FROM nothing")


def test_a_session_ended_by_the_server_is_a_lost_connection(database, server):
    """Not a failure of the statement."""
    admin = Database(Secret.of(server.url("postgres")))

    def interrupted():
        with database.connect() as connection:
            admin.query("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
            connection.execute("SELECT 1")

    with pytest.raises(ClientError, match="connection was lost"):
        interrupted()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"password": f"wrong-{MARK}"}, "user or password is refused"),
        ({"user": "nobody-known"}, "user or password is refused"),
        ({"database": "absent"}, "there is no database of that name"),
        ({"port": 1}, "nothing listens there"),
    ],
)
def test_a_connection_that_fails_says_which_way(server, monkeypatch, changes, why):
    """By cause, with the reference and never the URL."""
    monkeypatch.setenv("LEGACY_DATABASE_URL", url(server, **changes))
    database = Database.from_inventory("env:LEGACY_DATABASE_URL")

    with pytest.raises(ClientError) as caught:
        database.query("SELECT 1")

    assert why in caught.value.why
    assert "`env:LEGACY_DATABASE_URL`" in caught.value.what
    assert "127.0.0.1" not in f"{caught.value.why} {caught.value.fix}"


def test_an_unknown_host_is_called_that(monkeypatch):
    """The usual one: the internal URL, used from outside."""
    monkeypatch.setenv("DB", f"postgresql://u:{MARK}@dpg-x-a.invalid/d")

    with pytest.raises(ClientError, match="host name is not known") as caught:
        Database.from_inventory("env:DB").query("SELECT 1")

    assert "external URL" in caught.value.fix


@pytest.mark.parametrize(
    "value", [f"postgresql://u:{MARK}@h:port/d", f"pass {MARK}", "postgres://["]
)
def test_what_is_no_url_is_refused_without_showing_it(monkeypatch, value):
    """The message of libpq quotes the piece it stumbles over."""
    monkeypatch.setenv("DB", value)
    database = Database.from_inventory("env:DB")

    for call in (lambda: database.name, lambda: database.query("SELECT 1")):
        with pytest.raises(ClientError) as caught:
            call()
        assert "postgresql://user:password@host:port/name" in caught.value.fix


def test_an_unset_reference_is_told_as_such(monkeypatch):
    """Before anything is connected to."""
    monkeypatch.delenv("DB", raising=False)

    with pytest.raises(ClientError, match="`DB` is not set"):
        Database.from_inventory("env:DB").query("SELECT 1")
