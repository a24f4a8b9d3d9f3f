"""The legacy server answers, refuses and survives as the one it stands for."""

import contextlib
import json
import subprocess
import time

import psycopg
import pytest
import websocket
from rehearsal.binaries import find_node
from rehearsal.seed import TABLES
from rehearsal.seed.passwords import CANARIES

from tests.rehearsal_legacy.node_server import TIMEOUT_SECONDS, NodeServer


def eventually(condition):
    """Wait for a condition to hold, and fail when it never does."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def set_read_only(url, value):
    """Freeze or thaw the database for new sessions and end those it has."""
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            (name,),
        )


@contextlib.contextmanager
def browser(server):
    """A WebSocket to the server; `close()` would leave the socket open once the server closed."""
    url = f"ws://127.0.0.1:{server.port}/ws"
    channel = websocket.create_connection(url, timeout=TIMEOUT_SECONDS)
    try:
        yield channel
    finally:
        channel.shutdown()


@pytest.fixture
def canaries(filled):
    """The accounts whose passwords are known."""
    return filled[1]


def test_server_listens_soon_after_its_start(server):
    """A platform that waits for the port does not wait long."""
    assert server.start_seconds < 5, server.output  # less than one on a quiet machine
    assert server.call("GET", "/health").json() == {"status": "ok"}


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.username)
def test_canary_logs_in_with_its_role(server, canary):
    """Each known password opens its account: three prefixes, UTF-8, more than 72 bytes."""
    answer = server.login({"username": canary.username, "password": canary.password})

    assert answer.status_code == 200
    assert answer.json()["token"]
    user = answer.json()["user"]
    assert (user["username"], user["role"]) == (canary.username, canary.role)


def test_login_refuses_a_wrong_password(server, canaries):
    """A wrong password is a 401 and yields no token."""
    answer = server.login(canaries[0] | {"password": "wrong"})

    assert answer.status_code == 401
    assert "token" not in answer.json()


@pytest.mark.parametrize("spoilt", ["changeme123", "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGx"])
def test_login_to_an_account_with_a_spoilt_hash_is_refused(server, database, spoilt):
    """A password that was never hashed, or cut short, opens nothing and breaks nothing."""
    with psycopg.connect(database) as connection:
        (username,) = connection.execute(
            "UPDATE users SET is_approved = 1, is_archived = FALSE WHERE password = %s"
            " RETURNING username",
            (spoilt,),
        ).fetchone()

    assert server.login({"username": username, "password": spoilt}).status_code == 401


def test_soft_deleted_account_cannot_log_in(server, canaries, database):
    """An archived account stays shut although its password is right."""
    canary = canaries[1]
    with psycopg.connect(database, autocommit=True) as connection:
        archive = "UPDATE users SET is_archived = %s WHERE username = %s"
        connection.execute(archive, (True, canary["username"]))
        refused = server.login(canary).status_code
        connection.execute(archive, (False, canary["username"]))

    assert refused == 401
    assert server.login(canary).status_code == 200


@pytest.mark.parametrize("table", TABLES)
def test_table_is_read_in_pages(server, canaries, database, table):
    """Each of the 19 tables is listed whole, page by page, and only with a token."""
    token = server.token(canaries, "admin")
    with psycopg.connect(database) as connection:
        (total,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()

    assert server.call("GET", f"/api/{table}").status_code == 401
    first = server.call("GET", f"/api/{table}?page=1&limit=3", token).json()
    second = server.call("GET", f"/api/{table}?page=2&limit=3", token).json()

    assert (first["page"], first["limit"], second["page"]) == (1, 3, 2)
    # sync_events grow while the server keeps house.
    assert abs(first["total"] - total) <= (25 if table == "sync_events" else 0)
    assert len(first["data"]) == 3
    key = "user_id" if table == "user_settings" else "id"
    assert max(row[key] for row in first["data"]) < min(row[key] for row in second["data"])
    assert all("password" not in row for row in first["data"])


def test_forged_token_is_refused(server):
    """A token the server did not sign opens no table."""
    forged = "eyJhbGciOiJub25lIn0.eyJpZCI6MSwicm9sZSI6ImFkbWluIn0."

    assert server.call("GET", "/api/cadets", forged).status_code == 401


def test_message_is_stored_and_reaches_the_admins_browser(server, canaries, database):
    """A message lands in the table, and the admins hear of it over the WebSocket."""
    with browser(server) as channel:
        channel.send(json.dumps({"type": "auth", "token": server.token(canaries, "admin")}))
        assert json.loads(channel.recv())["type"] == "authenticated"
        answer = server.call(
            "POST",
            "/api/messages",
            server.token(canaries, "cadet"),
            json={"subject": "Grade", "message": "Magandang umaga \U0001f396"},
        )
        notification = json.loads(channel.recv())

    assert answer.status_code == 201
    assert notification["type"] == "notification"
    assert notification["message"] == "New message: Grade"
    with psycopg.connect(database) as connection:
        stored = connection.execute(
            "SELECT message, sender_role FROM admin_messages WHERE id = %s", (answer.json()["id"],)
        ).fetchone()
    assert stored == ("Magandang umaga \U0001f396", "cadet")


def test_guest_message_has_no_account(server):
    """Guests may write; a message without an account is a normal row."""
    answer = server.call("POST", "/api/messages", json={"message": "How do I enlist?"})

    assert answer.status_code == 201
    assert answer.json()["user_id"] is None


def test_websocket_with_a_bad_token_is_closed(server):
    """Nobody listens in without a login."""
    with browser(server) as channel:
        channel.send(json.dumps({"type": "auth", "token": "forged"}))
        opcode, frame = channel.recv_data()

    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(frame[:2], "big") == 4401


def test_cadet_is_changed_by_staff_only(server, canaries):
    """PATCH writes what it is given, for those whose role allows it."""
    cadet = server.call("GET", "/api/cadets?limit=1", server.token(canaries, "admin")).json()
    path = f"/api/cadets/{cadet['data'][0]['id']}"

    refused = server.call("PATCH", path, server.token(canaries, "cadet"), json={"company": "Golf"})
    staff = server.token(canaries, "training_staff")
    changed = server.call("PATCH", path, staff, json={"company": "Golf"})
    absent = server.call("PATCH", "/api/cadets/1999999999", staff, json={"company": "Golf"})

    assert refused.status_code == 403
    assert (changed.status_code, changed.json()["company"]) == (200, "Golf")
    assert absent.status_code == 404


def test_server_rewrites_its_own_data_while_it_runs(server, database):
    """The data does not stand still: events are worked off and merits recomputed."""
    with psycopg.connect(database, autocommit=True) as connection:
        count = "SELECT count(*) FROM sync_events WHERE event_type = 'housekeeping'"
        eventually(lambda: connection.execute(count).fetchone()[0] >= 2)
        wrong = connection.execute(
            "SELECT count(*) FROM grades JOIN (SELECT cadet_id, sum(points) AS points"
            " FROM merit_demerit_logs WHERE type = 'merit' GROUP BY cadet_id) AS merits"
            " USING (cadet_id) WHERE lifetime_merit_points <> merits.points"
        ).fetchone()
    assert wrong == (0,)


def test_frozen_database_turns_writes_away_and_keeps_reads(server, canaries, database):
    """A read-only database is a 503 for writes; logins and reads go on; thawed, all is well."""
    token = server.token(canaries, "admin")
    message = {"message": "during the freeze"}
    set_read_only(database, "on")
    try:
        eventually(lambda: server.call("GET", "/health").status_code == 200)
        eventually(
            lambda: (
                server.call("POST", "/api/messages", json=message).json() == {"error": "read-only"}
            )
        )
        refused = server.call("POST", "/api/messages", token, json=message)
        eventually(lambda: "read-only transaction" in server.output)
        assert refused.status_code == 503
        assert server.call("GET", "/api/cadets", token).status_code == 200
        assert server.login(canaries[0]).status_code == 200
    finally:
        set_read_only(database, "off")
    eventually(lambda: server.call("POST", "/api/messages", json=message).status_code == 201)
    assert server.process.poll() is None


def test_sessions_ended_under_load_cost_requests_but_not_the_server(server, database):
    """Whenever PostgreSQL ends a session, the request at hand is a 503, and the next is fine."""
    statuses = set()
    with psycopg.connect(database, autocommit=True) as connection:
        for _ in range(60):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            answer = server.call("POST", "/api/messages", json={"message": "still there?"})
            statuses.add(answer.status_code)

    assert statuses <= {201, 503}
    eventually(lambda: server.call("GET", "/health").status_code == 200)
    assert server.process.poll() is None


def test_health_says_when_the_database_is_away(installed, postgres, filled):
    """No database is a 503, not a crash; the server recovers by itself."""
    name = "short_lived"
    url = postgres.create_database(name, template=filled[0].rpartition("/")[2])
    with NodeServer(installed, url, housekeeping_seconds=0.1) as server:
        assert server.call("GET", "/health").status_code == 200
        postgres.drop_database(name)
        eventually(lambda: server.call("GET", "/health").status_code == 503)
        postgres.create_database(name)
        eventually(lambda: server.call("GET", "/health").status_code == 200)
        assert server.terminate() == 0
    postgres.drop_database(name)


def test_sigterm_ends_the_server_cleanly(installed, database):
    """The platform's stop is an orderly end, with a browser still connected."""
    with NodeServer(installed, database) as server, browser(server):
        started = time.monotonic()

        assert server.terminate() == 0

        assert time.monotonic() - started < 4  # at 5 s it would have given up waiting


@pytest.mark.parametrize("missing", ["DATABASE_URL", "JWT_SECRET"])
def test_server_refuses_to_start_without_its_settings(installed, missing):
    """A missing variable is named, and nothing listens."""
    environment = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "JWT_SECRET": "x"}
    del environment[missing]

    ended = subprocess.run(
        [find_node().node, "index.js"],
        cwd=installed,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert ended.returncode == 1
    assert missing in ended.stderr
