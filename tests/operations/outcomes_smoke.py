"""What the smoke gates say, of an application that answers as scripted."""

import base64
import contextlib
import hashlib
import json
import socket
import threading
from pathlib import Path

import yaml

from handrail.engine.finding import Verdict
from tests.clients.conftest import Reply
from tests.clients.test_websocket import GUID, TEXT, frame
from tests.operations.gates import ADMIN, HEALTHY, nowhere, outcome

PASS, FAIL = Verdict.PASS, Verdict.FAIL
UNKNOWN, ERROR = Verdict.INCONCLUSIVE, Verdict.ERROR
NONE = {"absent": "none"}
FRONTEND = "https://rotc.example.org"
PAGE = {"page": 1, "limit": 1, "total": 1, "data": [{"id": 7}]}


def health(stage, reply, url=None):
    """Ask for the health of an application that answers like this."""
    stage.app.on("GET", "/api/health", reply)
    return stage.ask(
        "smoke.health",
        **stage.stands_at | {"web_url": url or stage.app.url},
        timeout_seconds=1,
        poll_seconds=1,
    )


@outcome("smoke.health", PASS)
def every_part_is_well(stage):
    """All three parts are ok."""
    return health(stage, Reply(200, HEALTHY))


@outcome("smoke.health", UNKNOWN)
def one_part_is_ill(stage):
    """Celery is not there yet."""
    return health(stage, Reply(200, HEALTHY | {"celery": "no worker"}))


@outcome("smoke.health", UNKNOWN)
def it_is_starting(stage):
    """A 503 is an answer, and is asked once: the gate itself waits."""
    found = health(stage, Reply(503, HEALTHY))
    assert len(stage.app.requests("GET", "/api/health")) == 1
    return found


@outcome("smoke.health", UNKNOWN)
def a_redirect_is_no_health(stage):
    """Render's own check takes a redirect for healthy; this one does not."""
    return health(stage, Reply(301, "moved", {"Location": "/"}))


@outcome("smoke.health", UNKNOWN)
def nothing_listens_yet(stage):
    """It may come up within the time that is given."""
    return health(stage, Reply(200, HEALTHY), nowhere())


@outcome("smoke.health", ERROR)
def another_application_answers(stage):
    """A page, where JSON should be."""
    return health(stage, Reply(200, "<h1>hello</h1>"))


@outcome("smoke.health", ERROR)
def the_health_is_a_list(stage):
    """JSON, and not what it should be."""
    return health(stage, Reply(200, [HEALTHY]))


def sign_in(stage, system="django", **more):
    """Ask whether the known accounts sign in."""
    given = {"web_url": stage.app.url, **stage.seen_as, "system": system}
    return stage.ask("smoke.accounts_sign_in", **given | more)


@outcome("smoke.accounts_sign_in", PASS)
def they_sign_in_to_django(stage):
    """With their own passwords only."""
    return sign_in(stage)


@outcome("smoke.accounts_sign_in", PASS)
def they_sign_in_to_node(stage):
    """The legacy application has another address and another token."""
    return sign_in(stage, "legacy")


@outcome("smoke.accounts_sign_in", FAIL)
def any_password_is_good(stage):
    """An application that lets everybody in is caught."""
    stage.app.on("POST", "/api/v1/auth/login", Reply(200, {"access": "t", "user": ADMIN}))
    return sign_in(stage)


@outcome("smoke.accounts_sign_in", FAIL)
def a_known_password_is_refused(stage):
    """Somebody is locked out: a release that does so is taken back."""
    account = [{"username": "admin", "password": "other", "role": "admin"}]
    return sign_in(stage, canaries=stage.file("others", json.dumps(account)))


@outcome("smoke.accounts_sign_in", FAIL)
def the_answer_holds_no_token(stage):
    """Nobody can do anything with it."""
    stage.app.on("POST", "/api/v1/auth/login", Reply(200, {"acces": "t", "user": ADMIN}))
    found = sign_in(stage)
    assert "no token at `access`" in found.why
    return found


@outcome("smoke.accounts_sign_in", FAIL)
def signing_in_breaks_the_server(stage):
    """It answered: there is a fault in it."""
    stage.app.on("POST", "/api/v1/auth/login", Reply(500, {"message": "oops"}))
    return sign_in(stage)


@outcome("smoke.accounts_sign_in", FAIL)
def the_next_step_fits_the_answer(stage):
    """Of a broken server, a moved door, another body, an account that is not approved."""
    steps = {
        503: "read the log of the service",
        301: "where it leads to",
        404: "correct `path`",
        422: "correct `body`",
        403: "approved and not archived",
        401: "compare the stored hashes",
    }
    for status, step in steps.items():
        stage.app.on("POST", "/api/v1/auth/login", Reply(status, {"message": "not now"}))
        found = sign_in(stage)
        assert found.verdict is FAIL
        assert step in found.fix, (status, found)
        assert ("stored hashes" in found.fix) == (status == 401)
    return found


@outcome("smoke.accounts_sign_in", ERROR)
def it_counts_sign_ins(stage):
    """That says nothing of a password, and is no reason to take a release back."""
    limited = Reply(429, {"detail": "slow down"}, {"Retry-After": "12"})
    stage.app.on("POST", "/api/v1/auth/login", stage.login("access"), limited)
    found = sign_in(stage)
    assert "wait 12 s" in found.fix
    assert "pace_seconds" in found.fix
    return found


@outcome("smoke.accounts_sign_in", FAIL)
def errors_are_answered_200(stage):
    """A wrong password is told by the body alone: whoever gets a token was let in."""
    told = {"error": "invalid"}
    entry = {"path": "/in", "token": "t", "role": NONE, "refused": [200]}
    profile = described(stage, sign_ins=[entry])
    stage.app.on("POST", "/in", Reply(200, {"t": "x"}), Reply(200, told))
    assert sign_in(stage, profile=profile).passed
    stage.app.on("POST", "/in", Reply(200, told))
    assert "no token at `t`; it says: invalid" in sign_in(stage, profile=profile).why
    stage.app.on("POST", "/in", Reply(200, {"t": "x"}))
    found = sign_in(stage, profile=profile)
    assert "a wrong password of `admin` is let in" in found.why
    return found


def described(stage, **entries):
    """Write our profile with other entries; return what an inventory says of it."""
    known = yaml.safe_load(Path("inventory/rotc.profile.yaml").read_text(encoding="utf-8"))
    known["systems"]["django"] |= entries | {"socket": NONE, "frontend": NONE}
    place = stage.directory / "other.profile.yaml"
    place.write_text(yaml.safe_dump(known))
    return str(place)


@outcome("smoke.accounts_sign_in", ERROR)
def nobody_answers_a_login(stage):
    """It may be this machine that hears nobody."""
    return sign_in(stage, web_url=nowhere())


@outcome("smoke.accounts_sign_in", FAIL)
def the_role_is_another(stage):
    """An administrator that came over as a cadet."""
    reply = {"access": "t", "user": ADMIN | {"role": "cadet"}}
    stage.app.on("POST", "/api/v1/auth/login", Reply(200, reply))
    return sign_in(stage)


@outcome("smoke.accounts_sign_in", ERROR)
def there_are_no_accounts(stage):
    """No account that signs in is no proof."""
    return sign_in(stage, canaries=stage.file("none", "[]"))


def records(stage, **replies):
    """Ask for records; an answer may be scripted otherwise, by its name."""
    days, one = "/api/v1/training-days/", "/api/v1/training-days/9/"
    made = {}

    def make(seen):
        made.update(seen.json(), id=9)
        return Reply(201, made)

    def change(seen):
        made.update(seen.json())
        return Reply(200, made)

    usual = {
        "listed": ("GET", "/api/v1/cadets/", [Reply(200, PAGE)]),
        "read": ("GET", "/api/v1/cadets/7/", [Reply(200, {"id": 7})]),
        "made": ("POST", days, [make]),
        "changed": ("PATCH", one, [change]),
        "found": ("GET", one, [lambda _: Reply(200, made), Reply(404, {})]),
        "deleted": ("DELETE", one, [Reply(204)]),
    }
    for name, (method, path, script) in usual.items():
        stage.app.on(method, path, *replies.get(name, script))
    return stage.ask("smoke.records_round_trip", tables=["cadets"], **stage.stands_at)


@outcome("smoke.records_round_trip", PASS)
def a_record_goes_round(stage):
    """Listed, read, made, changed, deleted, and gone."""
    found = records(stage)
    assert stage.app.requests("DELETE", "/api/v1/training-days/9/")
    return found


@outcome("smoke.records_round_trip", FAIL)
def a_table_has_no_page(stage):
    """The list is there, in another form."""
    return records(stage, listed=[Reply(200, {"results": []})])


@outcome("smoke.records_round_trip", FAIL)
def a_record_cannot_be_read(stage):
    """It is listed, and is not found."""
    return records(stage, read=[Reply(404, {})])


@outcome("smoke.records_round_trip", FAIL)
def a_record_cannot_be_made(stage):
    """The database may be read-only."""
    return records(stage, made=[Reply(403, {"message": "read-only"})])


@outcome("smoke.records_round_trip", FAIL)
def a_change_is_lost(stage):
    """It is answered well, and the record reads as before; and it is deleted all the same."""
    found = records(stage, changed=[Reply(200, {})])
    assert stage.app.requests("DELETE", "/api/v1/training-days/9/")
    return found


@outcome("smoke.records_round_trip", FAIL)
def a_record_stays(stage):
    """It is deleted, and is still there."""
    gone = Reply(200, {"id": 9})
    return records(stage, found=[lambda _: Reply(200, {"title": "x"}), gone])


@outcome("smoke.records_round_trip", ERROR)
def a_list_is_no_object(stage):
    """Something else answers there."""
    return records(stage, listed=[Reply(200, [])])


def upload(stage, keep=None, reply=None):
    """Ask for an upload; it is served as it came, or as told."""
    kept = {}

    def take(seen):
        _, _, rest = seen.body.partition(b"\r\n\r\n")
        kept["file"] = rest.partition(b"\r\n--")[0]
        return reply or Reply(201, {"url": f"{stage.app.url}/files/1.png", "public_id": "1"})

    def serve(_):
        return keep or Reply(200, kept["file"].decode("utf-8", errors="replace"))

    stage.app.on("POST", "/api/v1/uploads/", take)
    stage.app.on("GET", "/files/1.png", serve)
    return stage.ask("smoke.upload_is_served", **stage.stands_at)


@outcome("smoke.upload_is_served", PASS)
def a_file_comes_back(stage):
    """The same bytes; its address may be told from the root, and lead on."""
    assert upload(stage, reply=Reply(201, {"url": "/files/1.png"})).passed
    stage.app.on("GET", "/moved.png", Reply(302, "", {"Location": "/files/1.png"}))
    assert upload(stage, reply=Reply(201, {"url": "/moved.png"})).passed
    return upload(stage)


@outcome("smoke.upload_is_served", FAIL)
def another_file_comes_back(stage):
    """A 200 alone would be a check that cannot fail."""
    return upload(stage, keep=Reply(200, "placeholder"))


@outcome("smoke.upload_is_served", FAIL)
def the_file_is_not_served(stage):
    """It was taken, and is not there."""
    return upload(stage, keep=Reply(404, "no"))


@outcome("smoke.upload_is_served", FAIL)
def the_file_is_not_taken(stage):
    """Cloudinary refused the credentials."""
    return upload(stage, reply=Reply(502, {"message": "Invalid Signature"}))


@outcome("smoke.upload_is_served", ERROR)
def the_upload_has_no_address(stage):
    """It says that all is well, and not where."""
    return upload(stage, reply=Reply(201, {"ok": True}))


def task(stage, *states, reply=None):
    """Ask for a task that goes through these states."""
    asked = []

    def take(seen):
        asked.append(seen.json()["text"])
        return reply or Reply(202, {"id": "t1"})

    def tell(state, result):
        return lambda _: Reply(200, {"id": "t1", "state": state, "result": result or asked[0]})

    stage.app.on("POST", "/api/v1/tasks/echo/", take)
    stage.app.on("GET", "/api/v1/tasks/t1/", *(tell(*state) for state in states))
    return stage.ask("smoke.task_is_done", timeout_seconds=0.6, **stage.stands_at)


@outcome("smoke.task_is_done", PASS)
def a_worker_does_it(stage):
    """After a while."""
    return task(stage, ("PENDING", None), ("SUCCESS", None))


@outcome("smoke.task_is_done", FAIL)
def no_worker_is_there(stage):
    """It stays where it is, and is not asked for without a pause."""
    found = task(stage, ("PENDING", None))
    assert len(stage.app.requests("GET", "/api/v1/tasks/t1/")) < 6
    return found


@outcome("smoke.task_is_done", FAIL)
def it_fails(stage):
    """The worker says so."""
    return task(stage, ("FAILURE", "boom"))


@outcome("smoke.task_is_done", FAIL)
def another_result_comes(stage):
    """A result that was there before."""
    return task(stage, ("SUCCESS", "of another"))


@outcome("smoke.task_is_done", ERROR)
def the_task_has_no_state(stage):
    """Something else answers there."""
    stage.app.on("POST", "/api/v1/tasks/echo/", Reply(202, {"id": "t1"}))
    stage.app.on("GET", "/api/v1/tasks/t1/", Reply(200, {"detail": "hello"}))
    return stage.ask("smoke.task_is_done", timeout_seconds=1, **stage.stands_at)


class Channels:
    """A channels service: it welcomes whoever connects, and sends what it is handed."""

    def __init__(self, stack):
        """Listen on a free port."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        stack.callback(self.listener.close)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connection = None
        thread = threading.Thread(target=self.serve)
        thread.start()
        stack.callback(lambda: self.connection and self.connection.close())
        stack.callback(thread.join)
        # Closing alone does not wake an accept: it would go on with whoever gets the number next.
        stack.callback(self.listener.shutdown, socket.SHUT_RDWR)

    def serve(self):
        """Shake hands once, if anybody comes before the listener is closed."""
        try:
            self.connection, _ = self.listener.accept()
        except OSError:
            return
        with contextlib.suppress(ConnectionError):  # whoever came may have left again
            self.shake_hands()

    def shake_hands(self):
        """Answer the request for an upgrade, and welcome."""
        request = self.connection.recv(8192).decode()
        if not request:
            return
        key = next(line.split(": ")[1] for line in request.split("\r\n") if "-Key:" in line)
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        self.send({"type": "welcome", "user": ADMIN})

    def send(self, message):
        """Send a message."""
        self.connection.sendall(frame(TEXT, message))


def notification(stage, *messages, reply=None, url=None):
    """Ask for a notification; these arrive when it is made, of which None is the one."""
    channels = Channels(stage.stack)

    def make(seen):
        for message in messages:
            channels.send({"type": "notification", "message": message or seen.json()["message"]})
        return reply or Reply(201, {"id": 3})

    stage.app.on("GET", "/api/v1/auth/me", Reply(200, ADMIN))
    stage.app.on("POST", "/api/v1/notifications/", make)
    stage.app.on("DELETE", "/api/v1/notifications/3/", Reply(204))
    return stage.ask(
        "smoke.notification_arrives",
        channels_url=url or channels.url,
        timeout_seconds=0.5,
        **stage.stands_at,
    )


@outcome("smoke.notification_arrives", PASS)
def it_arrives_among_others(stage):
    """Somebody else's comes first; and it is deleted again."""
    found = notification(stage, "of another", None)
    assert stage.app.requests("DELETE", "/api/v1/notifications/3/")
    return found


@outcome("smoke.notification_arrives", FAIL)
def it_is_not_made(stage):
    """The application refuses it."""
    return notification(stage, reply=Reply(400, {"message": "no such user"}))


@outcome("smoke.notification_arrives", ERROR)
def only_another_arrives(stage):
    """A message of the right type is not the message; it is deleted all the same."""
    found = notification(stage, "of another")
    assert stage.app.requests("DELETE", "/api/v1/notifications/3/")
    return found


@outcome("smoke.notification_arrives", ERROR)
def the_channels_service_is_not_there(stage):
    """Nothing listens."""
    return notification(stage, None, url=nowhere())


def browser(stage, login_origin=FRONTEND, status=204, **headers):
    """Ask as a browser on the frontend would; headers of the preflight may differ."""
    allowed = {
        "Access-Control-Allow-Origin": FRONTEND,
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
    }
    allowed |= {name.replace("_", "-"): value for name, value in headers.items()}
    login = stage.login("access")

    def sign_in(seen):
        answer = login(seen)
        answer.headers = allowed | {"Access-Control-Allow-Origin": login_origin}
        return answer

    stage.app.on("OPTIONS", "/api/v1/auth/login", Reply(status, None, allowed))
    stage.app.on("POST", "/api/v1/auth/login", sign_in)
    return stage.ask("smoke.frontend_reaches_backend", frontend_url=FRONTEND, **stage.stands_at)


@outcome("smoke.frontend_reaches_backend", PASS)
def a_browser_is_let_through(stage):
    """Preflight and login name the frontend."""
    return browser(stage)


@outcome("smoke.frontend_reaches_backend", PASS)
def no_browser_asks_its_own_origin(stage):
    """Where one address serves both, an application need not know of origins at all."""
    stage.app.on("OPTIONS", "/api/v1/auth/login", Reply(405, None))
    page = f"{stage.app.url}/app"
    return stage.ask("smoke.frontend_reaches_backend", frontend_url=page, **stage.stands_at)


@outcome("smoke.frontend_reaches_backend", FAIL)
def a_cookie_is_for_named_origins_only(stage):
    """A browser sends none where anybody is allowed; a wildcard is good for other headers."""
    door = {"path": "/api/v1/auth/login", "role": NONE, "token": "access"}
    stage.stands_at["profile"] = described(stage, sign_ins=[door | {"header": "X-Key"}])
    assert browser(stage, Access_Control_Allow_Headers="*").passed
    stage.stands_at["profile"] = described(stage, sign_ins=[door | {"header": "Cookie"}])
    assert browser(stage, Access_Control_Allow_Credentials="true").passed
    return browser(stage)


@outcome("smoke.frontend_reaches_backend", FAIL)
def another_origin_is_allowed(stage):
    """The frontend of staging, say."""
    return browser(stage, Access_Control_Allow_Origin="https://staging.example.org")


@outcome("smoke.frontend_reaches_backend", FAIL)
def the_token_may_not_be_sent(stage):
    """A browser would stop at the missing header."""
    return browser(stage, Access_Control_Allow_Headers="Content-Type")


@outcome("smoke.frontend_reaches_backend", FAIL)
def the_answer_itself_names_nobody(stage):
    """Allowed to ask, and not to read the answer."""
    return browser(stage, login_origin="null")


@outcome("smoke.frontend_reaches_backend", FAIL)
def the_preflight_is_refused(stage):
    """Before any header counts."""
    return browser(stage, status=403)


@outcome("smoke.frontend_reaches_backend", ERROR)
def the_login_breaks_off(stage):
    """The line goes dead between the two."""
    browser(stage)
    stage.app.on("POST", "/api/v1/auth/login", Reply(drop=True))
    return stage.ask("smoke.frontend_reaches_backend", frontend_url=FRONTEND, **stage.stands_at)
