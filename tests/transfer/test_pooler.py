"""A pooler between us and a server, and between a frozen server and its application."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ReadOnlySqlTransaction
from rehearsal import roles

from handrail.transfer import freeze
from handrail.transfer.session import pooled
from handrail.transfer.session.connection import connect
from handrail.transfer.session.pooled import Pooled
from tests.transfer.pair import NUMBERS, ask

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = {mode}
default_pool_size = {size}
"""
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no PgBouncer: apt install pgbouncer")


@pytest.fixture
def owned(server):
    """A database of an owner without superuser, with one table."""
    name = f"pooled_{next(NUMBERS)}"
    url = roles.create_owned(server, name)
    ask(url, "create table t (id int)")
    yield url
    server.drop_database(name)


@contextmanager
def pooler(url, folder, mode, size):
    """Run a real PgBouncer before a server; give the address through it."""
    given = conninfo_to_dict(url)
    with closing(socket.socket()) as place:
        place.bind(("127.0.0.1", 0))
        listen = place.getsockname()[1]
    users, settings = folder / "users.txt", folder / f"{mode}.ini"
    users.write_text(f'"{given["user"]}" "{given["password"]}"\n')
    settings.write_text(SETTINGS.format(**given, listen=listen, users=users, mode=mode, size=size))
    drop = ["-u", "nobody"] if os.getuid() == 0 else []
    for path in (users, settings):
        path.chmod(0o644)
    with subprocess.Popen([PROGRAM, "-q", *drop, settings], stderr=subprocess.DEVNULL) as process:
        try:
            through = psycopg.conninfo.make_conninfo(url, host="127.0.0.1", port=listen)
            wait_for(through)
            yield through
        finally:
            process.kill()


def wait_for(url):
    """Wait until it lets somebody in."""
    for _ in range(100):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("PgBouncer did not start")


@pytest.mark.parametrize(
    ("mode", "size", "why"),
    [
        ("transaction", 5, "another session"),
        ("transaction", 1, "another session"),
        ("statement", 5, "another session"),
        ("session", 1, "no second session"),
    ],
)
def test_a_pooler_that_loses_sessions_is_refused(owned, tmp_path, monkeypatch, mode, size, why):
    """Our time zone, snapshot and locks would be somebody else's, as the application's."""
    monkeypatch.setattr(pooled, "PLACE_SECONDS", 0.3)
    with pooler(owned, tmp_path, mode, size) as through:
        with pytest.raises(Pooled, match=why) as caught:
            connect(through, name="source")
        assert ask(through, "show search_path") == [('"$user", public',)]
    assert "server's own address" in caught.value.fix


def test_a_freeze_and_a_thaw_go_through_a_pooler_that_keeps_sessions(owned, tmp_path):
    """And none of its sessions goes on with what it began with."""
    with pooler(owned, tmp_path, "session", 8) as through:
        ask(through, "insert into t values (1)")
        freeze.freeze(through)
        for _ in range(3):
            with pytest.raises(ReadOnlySqlTransaction):
                ask(through, "insert into t values (2)")
        freeze.thaw(through)
        ask(through, "insert into t values (3)")
    assert ask(owned, "select id from t order by 1") == [(1,), (3,)]


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_an_application_behind_a_pooler_is_stopped(owned, tmp_path, mode):
    """What one of its sessions made of itself, the next one would have: read-write."""
    with pooler(owned, tmp_path, mode, 3) as through, ExitStack() as stack:
        app = [stack.enter_context(psycopg.connect(through, autocommit=True)) for _ in range(3)]
        for each in app:
            each.execute("insert into t values (1)")
        freeze.freeze(owned)
        for _ in range(2):
            anew = stack.enter_context(psycopg.connect(through, autocommit=True))
            anew.execute("set session characteristics as transaction read write")
            with pytest.raises(ReadOnlySqlTransaction):
                anew.execute("insert into t values (2)")
    assert ask(owned, "select count(*) from t") == [(3,)]
