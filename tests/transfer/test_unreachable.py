"""No session: said in a line that a person understands, with what to do, and without a password."""

import socket
from urllib.parse import quote

import psycopg
import pytest

from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.clients.secret import Secret
from handrail.transfer.load.admission import LOCK_WAIT_SECONDS
from handrail.transfer.session import programs
from handrail.transfer.session.connection import connect
from handrail.transfer.session.unreachable import DatabaseUnreachable

WRONG = "hunter2-hunter2"


def refusal(url):
    """Return what stands in the way of a session; each part is one line and shows no password."""
    with pytest.raises(DatabaseUnreachable) as caught:
        connect(url, name="source")
    found = caught.value
    for part in (found.what, found.why, found.fix):
        assert "\n" not in part
        assert "hunter2" not in part
    assert "the source" in f"{found.what} {found.fix}"
    return found


@pytest.fixture
def port():
    """A port at which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_wrong_password_is_told_as_such(server):
    """Of a real server that asks for one."""
    found = refusal(f"postgresql://rotc:{WRONG}@127.0.0.1:{server.port}/postgres")
    assert found.why == "password authentication failed for user `rotc`"
    assert "put the right user and password into the address of the source" in found.fix
    assert f"`127.0.0.1:{server.port}`" in found.what


def test_an_unknown_database_is_told_by_its_name(server):
    """The server is right, the name is not."""
    found = refusal(server.url("no_such"))
    assert found.why == "the database `no_such` does not exist there"
    assert found.fix.startswith("create it, or correct its name")
    assert server.password not in f"{found.what} {found.fix}"


def test_a_refused_connection_names_the_place(port):
    """Nothing listens there."""
    found = refusal(f"postgresql://rotc:{WRONG}@127.0.0.1:{port}/x")
    assert found.why == "connection refused: nothing listens there"
    assert f"`127.0.0.1:{port}`" in found.what
    assert "host and port" in found.fix


def test_a_name_that_does_not_resolve_is_told_by_that_name():
    """No name below `invalid` ever does."""
    found = refusal(f"postgresql://rotc:{WRONG}@db.invalid/x")
    assert found.why == "the host name `db.invalid` is not known here"
    assert "external URL" in found.fix


@pytest.mark.parametrize("password", ["one@hunter2", "1/hunter2", "on/hunter2", "@/hunter2:"])
def test_a_password_that_was_not_encoded_is_not_shown_in_pieces(password, port):
    """Its pieces end up in host, port and name."""
    found = refusal(f"postgresql://rotc:{password}@127.0.0.1:{port}/x")
    assert "%40" in found.fix


def test_a_password_that_was_encoded_works(server):
    """The way out that the refusal names."""
    password = "a@b/c:d%e"
    with psycopg.connect(server.url("postgres"), autocommit=True) as session:
        session.execute(f"create role odd login password '{password}'")
    url = f"postgresql://odd:{quote(password, safe='')}@127.0.0.1:{server.port}/postgres"
    with connect(url) as session:
        assert session.execute("select current_user").fetchone() == ("odd",)


def test_an_option_that_makes_no_sense_is_told():
    """As libpq words it; what it says goes on one line."""
    found = refusal(f"postgresql://rotc:{WRONG}@127.0.0.1:1/x?sslmode=bogus")
    assert "TLS" in found.why
    assert "sslmode" in found.fix


@pytest.mark.parametrize(
    ("query", "named", "advised"),
    [
        ("schema=public", ["`schema`"], "are named `schema.table`"),
        (
            "pgbouncer=true&connection_limit=1",
            ["`pgbouncer`", "`connection_limit`"],
            "the pooler's",
        ),
        ("sslmode=require&sslaccept=strict", ["`sslaccept`"], "`sslmode=verify-full`"),
        ("currentSchema=public", ["`currentSchema`"], "leave it out"),
        ("ssl=1", ["`ssl`"], "`sslmode=require`"),
        ("frobnicate=1", ["`frobnicate`"], "leave it out"),
    ],
)
def test_a_parameter_that_is_not_libpq_s_is_told_by_name(server, query, named, advised):
    """As every Prisma .env has one; with what to write instead, and without the password."""
    url = f"{server.url('postgres')}?{query}"
    found = refusal(url)
    told_by_client = Database(Secret.of(url))
    with pytest.raises(ClientError) as caught:
        told_by_client.query("select 1")
    with pytest.raises(ClientError) as of_programs:
        programs.environment(url)

    for each in (found, caught.value, of_programs.value):
        assert all(name in each.why for name in named)
        assert "of libpq" in each.why
        assert advised in each.fix
        assert server.password not in f"{each.what} {each.why} {each.fix}"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("host=127.0.0.1 password=hunter2 schema=public", "`schema` is no parameter of libpq"),
        ("postgresql://u/hun?ter2=x@h/d", "not percent-encoded"),
        ("postgresql://u:hunter2%zz@h/d", "not a PostgreSQL URL"),
        ("postgresql+psycopg2://u:hunter2@h/d", "it begins with `postgresql+psycopg2:`"),
        ("jdbc:postgresql://h/d?password=hunter2", "it begins with `jdbc:`"),
        ("prisma://x/?api_key=hunter2", "it begins with `prisma:`"),
        ('"postgresql://u:hunter2@h/d"', "blanks or quotes"),
        (" postgresql://u:hunter2@h/d", "blanks or quotes"),
        ("DATABASE_URL=postgresql://u:hunter2@h/d", "`DATABASE_URL` is no parameter of libpq"),
    ],
)
def test_an_address_of_another_form_is_told_as_what_it_is(form, told):
    """Copied out of another client's settings, it says what has to change."""
    found = refusal(form)
    assert told in found.why
    assert "ter2" not in f"{found.what} {found.why} {found.fix}"


def test_a_server_gives_a_cut_line_up_before_the_next_load_would_be_refused(server):
    """Its locks go, too; but for one who reads many rows, and may take his time over them."""
    names = ("keepalives_idle", "keepalives_interval", "keepalives_count", "user_timeout")
    query = ", ".join(f"(select setting::int from pg_settings where name = 'tcp_{name}')"
                      for name in names)  # fmt: skip
    found = {}
    for side in ("source", "destination"):
        with connect(server.url("postgres"), name=side) as session:
            found[side] = session.execute(f"select {query}").fetchone()

    idle, interval, count, timeout = found["destination"]
    assert 0 < idle + interval * count < LOCK_WAIT_SECONDS
    assert 0 < timeout / 1000 < LOCK_WAIT_SECONDS
    assert found["source"] == (idle, interval, count, 0)
