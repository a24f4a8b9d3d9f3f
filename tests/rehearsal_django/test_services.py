"""The web, channels, worker and beat services of the Django application do what they promise."""

import itertools
import json
import signal
import sys
import time
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

import bcrypt
import psycopg
import pytest
import requests
import websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rehearsal.processes import free_port

from tests.rehearsal_django.stack import FRONTEND, FileStore, wait_for
from tests.rehearsal_django.test_catalog import EXPECTED

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
LONG = "é" * 60  # 120 bytes, of which bcrypt reads 72
TABLES = tuple(EXPECTED)
PARENTS = {
    "cadet_id": "cadets",
    "user_id": "users",
    "staff_id": "training_staff",
    "sender_staff_id": "training_staff",
    "training_day_id": "training_days",
    "activity_id": "activities",
}
VALUES = {
    "boolean": True,
    "integer": 7,
    "float": 2.5,
    "date": "2025-08-16",
    "time": "08:05:33",
    "datetime": "2025-08-16T08:05:33.123456Z",
}
fresh = itertools.count(1000)


def add_user(stack, username, stored=HASH, role="admin", *, approved=True, shadow=True):
    """Add an account by SQL, as the transfer does, with its shadow unless told otherwise."""
    [(identity,)] = stack.sql(
        "INSERT INTO users (username, password, role, is_approved, email, created_at)"
        " VALUES (%s, %s, %s, %s, %s, now()) RETURNING id",
        *(username, stored, role, approved, f"{username}@rotc.example"),
    )
    if shadow:
        stack.sql(
            "INSERT INTO auth_user (id, username, password, is_superuser, first_name, last_name,"
            " email, is_staff, is_active, date_joined)"
            " VALUES (%s, %s, '!', false, '', '', '', false, true, now())",
            *(identity, username),
        )
    return identity


def log_in(stack, username, password="right", path="/api/v1/auth/login"):
    """Try a login; no redirect is followed, so that one would be seen."""
    return requests.post(
        f"{stack.web}{path}",
        json={"username": username, "password": password},
        allow_redirects=False,
        timeout=10,
    )


class Caller:
    """Calls the API as one account."""

    def __init__(self, stack, username):
        answer = log_in(stack, username)
        assert answer.status_code == 200, answer.text
        self.base = f"{stack.web}/api/v1/"
        self.access = answer.json()["access"]
        self.headers = {"Authorization": f"Bearer {self.access}"}

    def call(self, method, path, status=200, **options):
        """Call and demand exactly one status; return the body."""
        answer = requests.request(
            *(method, self.base + path),
            headers=self.headers,
            allow_redirects=False,
            timeout=10,
            **options,
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def admin(stack):
    """An administrator who has logged in."""
    add_user(stack, "chief")
    return Caller(stack, "chief")


def value_of(admin, name, field):
    """Make a value that a field described by OPTIONS takes."""
    if field["type"] == "field":
        if name in PARENTS:
            return create(admin, PARENTS[name])["id"]
        return {"deep": [1, None, {"text": "ñ"}]}
    if field["type"] == "email":
        return f"person{next(fresh)}@rotc.example"
    if field["type"] == "string":
        return f"t{next(fresh)}"[: field.get("max_length", 20)]
    return VALUES[field["type"]]


def filled(admin, table):
    """Make a row with every field that may be written."""
    path = f"{table.replace('_', '-')}/"
    fields = admin.call("OPTIONS", path)["actions"]["POST"]
    return {
        name: value_of(admin, name, field)
        for name, field in fields.items()
        if not field["read_only"]
    }


def create(admin, table):
    """Create a row of a table, and of the tables it refers to."""
    return admin.call("POST", f"{table.replace('_', '-')}/", 201, json=filled(admin, table))


def is_standard(body):
    """Say whether an error has the four parts and no others."""
    return set(body) == {"error", "message", "code", "details"}


@pytest.mark.parametrize("table", TABLES)
def test_crud_round_trips_every_column(admin, table):
    """Each of the 19 tables can be listed, created, read, changed, replaced and deleted."""
    path = f"{table.replace('_', '-')}/"
    sent = filled(admin, table)
    total = admin.call("GET", path)["total"]

    made = admin.call("POST", path, 201, json=sent)
    row = f"{path}{made['id']}/"
    columns = {part.split()[0] for part in EXPECTED[table].split(",")}
    assert set(made) == columns - {"password"}
    assert made == {**made, **{k: v for k, v in sent.items() if k != "password"}}
    for moment in {"created_at", "date_recorded"} & columns:
        assert made[moment].endswith("Z")
        assert datetime.fromisoformat(made[moment]).utcoffset() == timedelta(0)
    assert admin.call("GET", row) == made

    listed = admin.call("GET", f"{path}?limit=100&page=1")
    assert set(listed) == {"page", "limit", "total", "data"}
    assert made in listed["data"]
    assert listed["total"] == total + 1

    name = next(name for name in sent if name not in PARENTS and name != "password")
    changed = value_of(admin, name, admin.call("OPTIONS", path)["actions"]["POST"][name])
    assert admin.call("PATCH", row, json={name: changed}) == {**made, name: changed}
    assert admin.call("PUT", row, json=sent) == made
    admin.call("DELETE", row, 204)
    assert is_standard(admin.call("GET", row, 404))


def test_pages_are_cut_as_asked(admin):
    """Page and limit count from 1; past the end is empty; nonsense is refused."""
    for _ in range(3):
        create(admin, "sync_events")
    first = admin.call("GET", "sync-events/?limit=2")
    second = admin.call("GET", "sync-events/?limit=2&page=2")
    beyond = admin.call("GET", "sync-events/?limit=2&page=99")

    assert [len(page["data"]) for page in (first, beyond)] == [2, 0]
    assert first["data"][-1]["id"] < second["data"][0]["id"]
    assert admin.call("GET", "sync-events/?limit=1000")["limit"] == 100
    assert admin.call("GET", "sync-events/?page=zero", 400)["code"] == "invalid"


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/auth/login/"])
def test_login_answers_tokens_with_and_without_slash(stack, admin, path):
    """Both spellings log in; a refresh token gives another access token until it is revoked."""
    body = log_in(stack, "chief", path=path).json()
    renew = f"{stack.web}/api/v1/auth/refresh"
    [(outstanding,)] = stack.sql("SELECT max(id) FROM outstanding_token")

    assert set(body) == {"access", "refresh", "user"}
    assert body["user"] == admin.call("GET", "auth/me")
    assert set(body["user"]) == {"id", "username", "role"}
    form = {"refresh": body["refresh"]}
    assert set(requests.post(renew, json=form, timeout=10).json()) == {"access"}
    stack.sql("DELETE FROM outstanding_token WHERE id = %s", outstanding)
    assert requests.post(renew, json=form, timeout=10).status_code == 401
    swapped = requests.post(renew, json={"refresh": body["access"]}, timeout=10)
    assert swapped.status_code == 401


@pytest.mark.parametrize(
    "stored",
    ["right", "", HASH[:40], f"bcrypt${HASH}", f"bcrypt_sha256${HASH}", "$2b$04$", "naïve ☃"],
    ids=["plaintext", "empty", "truncated", "prefixed", "prehashed", "no_salt", "no_ascii"],
)
def test_login_refuses_what_is_no_bcrypt_hash(stack, stored):
    """A plaintext, truncated or prefixed hash is a 401 with the standard body, never a 500."""
    name = f"odd{next(fresh)}"
    add_user(stack, name, stored)

    answer = log_in(stack, name)

    assert answer.status_code == 401
    assert is_standard(answer.json())
    assert answer.json()["code"] == "invalid_credentials"


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_login_takes_all_three_prefixes_and_long_passwords(stack, prefix):
    """A hash of the Node server opens the account; only the first 72 bytes of a password count."""
    name = f"old{next(fresh)}"
    made = bcrypt.hashpw(LONG.encode()[:72], bcrypt.gensalt(4)).decode()
    add_user(stack, name, prefix + made[4:])

    assert log_in(stack, name, LONG).status_code == 200
    assert log_in(stack, name, LONG[:30]).status_code == 401


def test_login_refuses_the_unknown_the_unapproved_and_the_incomplete(stack):
    """Who is not there or not approved gets a 401; an account without a shadow says so."""
    add_user(stack, "waiting", approved=False)
    add_user(stack, "shadowless", shadow=False)

    assert log_in(stack, "nobody").status_code == 401
    assert log_in(stack, "waiting").status_code == 401
    answer = log_in(stack, "shadowless")
    assert answer.status_code == 500
    assert answer.json()["code"] == "account_incomplete"


def test_errors_have_one_form(stack, admin):
    """No token, bad token, bad row, wrong role, unknown address and host: all alike."""
    add_user(stack, "rookie", role="cadet")
    rookie = Caller(stack, "rookie")
    web = stack.web
    answers = {
        401: requests.get(f"{web}/api/v1/cadets/", timeout=10),
        404: requests.get(f"{web}/api/v1/nothing/", timeout=10),
        400: requests.get(f"{web}/api/v1/cadets/", headers={"Host": "evil"}, timeout=10),
    }
    forged = requests.get(
        f"{web}/api/v1/cadets/", headers={"Authorization": "Bearer x.y.z"}, timeout=10
    )

    for status, answer in answers.items():
        assert answer.status_code == status
        assert is_standard(answer.json())
    assert forged.status_code == 401
    assert forged.json()["code"] == "token_not_valid"
    invalid = admin.call("POST", "cadets/", 400, json={"first_name": "Ana"})
    assert {"last_name", "student_id"} <= set(invalid["details"])
    assert is_standard(invalid)
    assert rookie.call("POST", "system-settings/", 403, json={"key": "a"})["code"]
    rookie.call("PATCH", f"users/{rookie.call('GET', 'auth/me')['id']}/", 403, json={})
    rookie.call("GET", "system-settings/")


def test_a_password_set_through_the_api_logs_in(stack, admin):
    """It is stored as a hash, shown to nobody, and the account gets its shadow at once."""
    made = create(admin, "users")
    admin.call(
        *("PATCH", f"users/{made['id']}/"), json={"password": " spaced ", "is_approved": True}
    )

    [(stored,)] = stack.sql("SELECT password FROM users WHERE id = %s", made["id"])
    assert stored.startswith("$2b$")
    assert log_in(stack, made["username"], " spaced ").status_code == 200
    admin.call("DELETE", f"users/{made['id']}/", 204)
    assert stack.sql("SELECT 1 FROM auth_user WHERE id = %s", made["id"]) == []


def test_only_our_frontend_may_call_from_a_browser(stack):
    """A preflight of the frontend is granted, that of another page is not."""
    asked = {"Access-Control-Request-Method": "POST", "Origin": FRONTEND}
    url = f"{stack.web}/api/v1/auth/login"
    granted = requests.options(url, headers=asked, timeout=10)
    refused = requests.options(url, headers={**asked, "Origin": "https://evil.test"}, timeout=10)
    answer = requests.get(f"{stack.web}/api/health", headers={"Origin": FRONTEND}, timeout=10)

    assert granted.status_code == 204
    assert granted.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert "Authorization" in granted.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert answer.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert "Origin" in answer.headers["Vary"]


def test_a_task_goes_out_and_its_result_comes_back(admin):
    """The worker answers an echo."""
    sent = admin.call("POST", "tasks/echo/", 202, json={"text": "halo"})

    done = wait_for(
        lambda: (found := admin.call("GET", f"tasks/{sent['id']}/"))["state"] == "SUCCESS" and found
    )
    assert done == {"id": sent["id"], "state": "SUCCESS", "result": "halo"}


ASK_FOR_ECHO = """
import sys, time, django
django.setup()
from django.test import Client
started = time.monotonic()
answer = Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {sys.argv[1]}"}).post(
    "/api/v1/tasks/echo/", {"text": "halo"}, content_type="application/json"
)
print(answer.status_code, answer.json()["code"], time.monotonic() - started < 3)
"""


@pytest.mark.parametrize("away", ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"])
def test_a_task_is_refused_at_once_while_its_way_is_closed(stack, admin, away):
    """Without a broker or a result store the answer is a 503, and nobody waits for retries."""
    nowhere = {away: f"redis://127.0.0.1:{free_port()}/0"}
    answer = stack.try_command(sys.executable, "-c", ASK_FOR_ECHO, admin.access, **nowhere)

    assert answer.stdout.splitlines()[-1] == "503 broker True", answer.stdout


def test_the_cache_keeps_what_it_is_given(admin):
    """A value comes back as it went in; the heartbeat cannot be forged."""
    value = {"text": "ñ", "list": [1, 2.5, None, True]}

    assert admin.call("PUT", "cache/a:b.c/", json={"value": value})["value"] == value
    assert admin.call("GET", "cache/a:b.c/")["value"] == value
    assert is_standard(admin.call("GET", "cache/never/", 404))
    admin.call("PUT", "cache/beat:heartbeat/", 403, json={"value": "forged"})


def test_an_upload_reaches_the_file_store(admin):
    """The file arrives byte for byte under a good signature; no file is a 400."""
    content = bytes(range(256)) * 20

    kept = admin.call("POST", "uploads/", 201, files={"file": ("letter.bin", content)})

    assert set(kept) == {"url", "public_id"}
    assert kept["url"].endswith(kept["public_id"])
    assert FileStore.kept[kept["public_id"]] == content
    assert is_standard(admin.call("POST", "uploads/", 400, files={"other": b"x"}))


def test_a_notification_arrives_on_the_open_socket(stack, admin):
    """Who has a socket open is welcomed, then hears of a notification as it is made."""
    url = f"{stack.channels}/ws/notifications/?token={admin.access}"
    me = admin.call("GET", "auth/me")
    with closing(websocket.create_connection(url, timeout=15)) as socket:
        assert json.loads(socket.recv()) == {"type": "welcome", "user": me}
        row = {"user_id": me["id"], "message": "Formation at 0600 ñ", "type": "alert"}

        made = admin.call("POST", "notifications/", 201, json=row)

        heard = json.loads(socket.recv())
    assert heard == {"type": "notification", "notification": made}


@pytest.mark.parametrize("query", ["?token=forged", ""])
def test_a_socket_without_a_good_token_is_closed(stack, query):
    """It is accepted and then closed with 4401, a code the browser can read."""
    url = f"{stack.channels}/ws/notifications/{query}"
    socket = websocket.create_connection(url, timeout=15)
    try:
        opcode, payload = socket.recv_data()
    finally:
        socket.shutdown()  # close() leaves the descriptor open once the other side has closed

    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(payload[:2], "big") == 4401


@pytest.mark.parametrize("path", ["/api/health", "/api/health/"])
def test_health_answers_200_without_redirect(stack, path):
    """Both spellings and both HTTP services answer with every part named."""
    for base in (stack.web, stack.channels.replace("ws:", "http:")):
        answer = requests.get(f"{base}{path}", allow_redirects=False, timeout=10)
        parts = answer.json()

        assert answer.status_code == 200
        assert set(parts) == {"status", "database", "redis", "celery", "beat"}
        assert parts["status"] == "healthy"


def test_beat_proves_itself_by_its_heartbeat(stack):
    """The time it stored moves on."""
    first = wait_for(lambda: (beat := stack.health().json()["beat"]) != "never" and beat)

    wait_for(lambda: stack.health().json()["beat"] > first, 15)


def test_the_retention_task_deletes_old_processed_events_only(stack):
    """Why beat must not run before a transfer is verified: it deletes what kept its old date."""
    stack.sql(
        "INSERT INTO sync_events (event_type, payload, processed, created_at) VALUES"
        " ('old', '{}', true, now() - interval '91 days'),"
        " ('open', '{}', false, now() - interval '91 days'),"
        " ('new', '{}', true, now() - interval '89 days')"
    )
    query = "SELECT event_type FROM sync_events WHERE event_type IN ('old', 'open', 'new')"

    wait_for(lambda: {kind for (kind,) in stack.sql(query)} == {"open", "new"}, 15)


def test_health_is_degraded_while_no_worker_answers(stack):
    """A stopped worker is named within 3 seconds, with 200, and noticed when it is back."""
    stack.signal("worker", signal.SIGSTOP)
    answers = []
    try:
        wait_for(
            lambda: answers.append(stack.health()) or answers[-1].json()["status"] == "degraded",
            10,
        )
    finally:
        stack.signal("worker", signal.SIGCONT)

    assert max(answer.elapsed for answer in answers) < timedelta(seconds=3)
    assert (answers[-1].status_code, answers[-1].json()["celery"]) == (200, "unreachable")
    wait_for(lambda: stack.health().json()["status"] == "healthy", 10)


def test_health_is_503_while_redis_hangs(stack, admin):
    """A hanging Redis is named before Render's five seconds are over; rows are still served."""
    stack.signal("redis", signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = stack.health()
        seconds = time.monotonic() - started
        admin.call("GET", "cadets/")
        failed = admin.call("GET", "cache/some/", 503)
    finally:
        stack.signal("redis", signal.SIGCONT)

    assert seconds < 5
    assert answer.status_code == 503
    assert answer.json()["redis"] == "unreachable"
    assert answer.json()["database"] == "ok"
    assert (is_standard(failed), failed["code"]) == (True, "redis")
    wait_for(lambda: stack.health().json()["status"] == "healthy", 20)


END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'django'"


@contextmanager
def database_altered(stack, during, after):
    """Keep the database changed for a while, for new sessions and so for all of them."""
    with psycopg.connect(stack.postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE django {during}")
        try:
            connection.execute(END_SESSIONS)
            yield
        finally:
            connection.execute(f"ALTER DATABASE django {after}")
            connection.execute(END_SESSIONS)


def test_health_is_503_while_the_database_is_away(stack):
    """A database that takes no connections is named, and found again when it does."""
    with database_altered(stack, "ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true"):
        answer = stack.health()
        login = log_in(stack, "chief")

    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"
    assert (login.status_code, login.json()["code"]) == (503, "database")
    wait_for(lambda: stack.health().json()["status"] == "healthy", 10)


def test_writes_are_503_while_the_database_is_read_only(stack, admin):
    """A frozen database serves reads and refuses writes in the standard form."""
    row = {"event_type": "write", "payload": {}}
    setting = "default_transaction_read_only"
    with database_altered(stack, f"SET {setting} = true", f"RESET {setting}"):
        refused = admin.call("POST", "sync-events/", 503, json=row)
        admin.call("GET", "sync-events/")

    assert (is_standard(refused), refused["code"]) == (True, "database")
    admin.call("POST", "sync-events/", 201, json=row)


def test_a_worker_stops_on_sigterm(stack):
    """Render sends SIGTERM and waits 30 seconds; a second worker is gone long before."""
    stack.run(
        *("spare", "celery", "-A", "config", "worker", "-l", "info"),
        *("-n", "spare@%h", "-c", "1", "--without-mingle"),
    )
    wait_for(lambda: "ready." in stack.log("spare") or stack.processes["spare"].poll())

    stack.processes["spare"].terminate()

    assert stack.processes["spare"].wait(timeout=15) == 0


# The properties of the plan's task 6.3, against the running services.

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
PASSWORDS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)


@FEW
@given(password=PASSWORDS, other=PASSWORDS)
def test_property_13_user_authentication(stack, password, other):
    """Property 13, validates 6.2: whatever the password, it lets in, and no other one does."""
    name = f"p13-{next(fresh)}"
    add_user(stack, name, bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode())

    answer = log_in(stack, name, password)

    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["username"] == name
    if other != password:
        assert log_in(stack, name, other).status_code == 401


@FEW
@given(table=st.sampled_from(TABLES), data=st.data())
def test_property_14_crud_operations(admin, table, data):
    """Property 14, validates 6.3: what is made reads as it was made, and is gone once deleted."""
    path = f"{table.replace('_', '-')}/"
    sent = filled(admin, table)
    texts = [name for name, each in sent.items() if isinstance(each, str) and each.startswith("t")]
    for name in texts:
        sent[name] = f"t{next(fresh)}{data.draw(st.text('añ漢 😀', max_size=5))}".strip()[:20]
    made = admin.call("POST", path, 201, json=sent)
    row = f"{path}{made['id']}/"

    assert admin.call("GET", row) == made
    assert {name: made.get(name, "hidden") for name in sent if name != "password"} == {
        name: each for name, each in sent.items() if name != "password"
    }
    admin.call("DELETE", row, 204)
    admin.call("GET", row, 404)


@FEW
@given(
    content=st.binary(min_size=1, max_size=2000),
    name=st.from_regex(r"[a-z]{1,8}\.[a-z]{3}", fullmatch=True),
)
def test_property_15_file_upload_success(admin, content, name):
    """Property 15, validates 6.4: any file arrives byte for byte, and its address is answered."""
    kept = admin.call("POST", "uploads/", 201, files={"file": (name, content)})

    assert kept["url"].startswith("https://")
    assert FileStore.kept[kept["public_id"]] == content


@FEW
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_property_16_background_task_execution(admin, text):
    """Property 16, validates 6.5: whatever a worker is given, its result comes back."""
    sent = admin.call("POST", "tasks/echo/", 202, json={"text": f"a{text}z"})

    def ended():
        found = admin.call("GET", f"tasks/{sent['id']}/")
        return found if found["state"] in ("SUCCESS", "FAILURE") else None

    assert wait_for(ended) == {"id": sent["id"], "state": "SUCCESS", "result": f"a{text}z"}


@FEW
@given(value=JSON)
def test_property_17_redis_cache_round_trip(admin, value):
    """Property 17, validates 6.7: any JSON value comes back from the cache as it went in."""
    path = f"cache/p17:{next(fresh)}/"

    assert admin.call("PUT", path, json={"value": value})["value"] == value
    assert admin.call("GET", path)["value"] == value


@FEW
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    path=st.sampled_from(
        ["cadets/", "cadets/0/", "nothing/", "auth/login", "tasks/x/", "uploads/"]
    ),
    token=st.sampled_from(["", "Bearer x.y.z", "Token 1"]) | st.just("good"),
    body=st.dictionaries(WORDS, JSON, max_size=2),
)
def test_property_12_error_response_standardization(stack, admin, method, path, token, body):
    """Property 12, validates 3.7, 6.9: every error has error, message, code, details, no more."""
    header = {"good": admin.headers, "": {}}.get(token, {"Authorization": token})
    answer = requests.request(
        *(method, f"{stack.web}/api/v1/{path}"),
        headers=header,
        json=body,
        allow_redirects=False,
        timeout=10,
    )

    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400:
        assert is_standard(answer.json()), answer.text
