"""Gates of tasks 4, 6, 10 and 12: what users do works, through the doors that users take."""

import json
import secrets
import struct
import time
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from handrail.clients.accounts import DJANGO_LOGIN, LEGACY_LOGIN, Account, Accounts, login
from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.http import Answer, Http
from handrail.clients.patience import ONCE
from handrail.clients.secret import Secret
from handrail.clients.websocket import connect
from handrail.engine import Finding, fails, gate, holds, unknown

OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
BROWSER_HEADERS = {"authorization", "content-type"}
TASK_POLL_SECONDS = 0.25
LOGIN = {"django": DJANGO_LOGIN, "legacy": LEGACY_LOGIN}


@gate(fix="read the logs of the web service on Render, mend, then the same command again")
def health(web_url: str, timeout_seconds: float, poll_seconds: float) -> Finding:
    """The health check answers 200 with database, Redis and Celery all well."""
    del timeout_seconds, poll_seconds  # the engine's: how long and how often to ask
    try:
        answer = Http(web_url, patience=ONCE).get("/api/health")
    except NoAnswer as silence:
        return unknown(f"{silence.what}: {silence.why}")
    if answer.status != OK:
        return unknown(f"/api/health answers {answer.status}")
    body = fields(answer)
    ill = [
        f"{part} is {body.get(part)}"
        for part in ("database", "redis", "celery")
        if body.get(part) != "ok"
    ]
    if ill or body.get("status") != "healthy":
        return unknown(", ".join(ill) or f"the status is {body.get('status')}")
    return holds(**{part: body[part] for part in ("database", "redis", "celery")})


@gate(fix="compare the stored hashes with `handrail show`; nobody may be locked out")
def accounts_sign_in(url: str, system: str, canaries: Accounts) -> Finding:
    """Known accounts sign in with their own passwords, and wrong ones are refused."""
    accounts = canaries.load()
    for account in accounts:
        login(url, LOGIN[system], account)
        wrong = Account(account.username, Secret.of(secrets.token_urlsafe(12)), account.role)
        form = {"username": wrong.username, "password": wrong.password.reveal()}
        answer = Http(url).post(LOGIN[system], body=form)
        if answer.status != 401:  # noqa: PLR2004  Unauthorized
            return fails(f"a wrong password of `{account.username}` is answered {answer.status}")
    return holds(accounts=len(accounts))


@gate(fix="read the logs of the web service on Render, mend, then the same command again")
def records_round_trip(web_url: str, canaries: Accounts, tables: list[str]) -> Finding:
    """Every table's records can be listed and read, and one can be made, changed and deleted."""
    http = signed_in(web_url, canaries)
    for table in tables:
        path = f"/api/v1/{table.replace('_', '-')}/"
        answer = http.get(path, params={"limit": 1})
        page = fields(answer) if answer.status == OK else {}
        rows = page.get("data")
        if not {"page", "limit", "total"} <= page.keys() or not isinstance(rows, list):
            return fails(f"the list of `{table}` is answered {answer.status} without a page")
        if rows:
            one = http.get(f"{path}{rows[0]['id']}/")
            if one.status != OK:
                return fails(f"one record of `{table}` is answered {one.status}")
    return changed_and_deleted(http)


def changed_and_deleted(http: Http) -> Finding:
    """Make, change and delete one training day; nothing of it stays."""
    path = "/api/v1/training-days/"
    title = f"Cutover check {secrets.token_hex(4)}"
    made = http.post(path, body={"date": "2026-01-31", "title": title})
    if made.status != CREATED:
        return fails(f"a record could not be made: {made.status} {made.message()}")
    one = f"{path}{fields(made, 'id')['id']}/"
    try:
        changed = http.request("PATCH", one, body={"title": f"{title}!"})
        read = http.get(one)
        if changed.status != OK or fields(read).get("title") != f"{title}!":
            return fails(f"a record was not changed: {changed.status}")
    finally:
        deleted = http.request("DELETE", one)
    if deleted.status != NO_CONTENT or http.get(one).status != 404:  # noqa: PLR2004  Not Found
        return fails(f"a record was not deleted: {deleted.status}")
    return holds()


@gate(fix="see the CLOUDINARY_ variables of the web service, then the same command again")
def upload_is_served(web_url: str, canaries: Accounts) -> Finding:
    """A file that is uploaded comes back the same from where it is served."""
    content = png(secrets.token_bytes(12))
    file = ("cutover-check.png", content, "image/png")
    answer = signed_in(web_url, canaries).post("/api/v1/uploads/", files={"file": file})
    if answer.status != CREATED:
        return fails(f"the upload is answered {answer.status} {answer.message()}")
    url = str(fields(answer, "url")["url"])
    base, _, path = url.partition("://")[2].partition("/")
    served = Http(f"{url.partition('://')[0]}://{base}").get(f"/{path}")
    if served.status != OK:
        return fails(f"{url} answers {served.status}")
    # The client reads every body as text; the seed in the file is text, and in no other file.
    same = served.body_text == content.decode("utf-8", errors="replace")
    return holds(url=url) if same else fails(f"{url} serves another file than was uploaded")


@gate(fix="read the logs of the worker on Render, mend, then the same command again")
def task_is_done(web_url: str, canaries: Accounts, timeout_seconds: float) -> Finding:
    """A background task is taken by a worker and its result comes back."""
    http = signed_in(web_url, canaries)
    word = secrets.token_hex(4)
    asked = http.post("/api/v1/tasks/echo/", body={"text": word})
    if asked.status != ACCEPTED:
        return fails(f"the task is answered {asked.status} {asked.message()}")
    task = fields(asked, "id")["id"]
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
    while datetime.now(UTC) < deadline:
        found = fields(http.get(f"/api/v1/tasks/{task}/"), "state", "result")
        if found["state"] == "SUCCESS":
            same = word in str(found["result"])
            return holds() if same else fails("the task's result is not what it was given")
        if found["state"] == "FAILURE":
            return fails("the task failed")
        time.sleep(TASK_POLL_SECONDS)
    return fails(f"no worker did the task in {timeout_seconds:g} s")


@gate(fix="read the logs of the channels service on Render, mend, then the same command again")
def notification_arrives(
    web_url: str, channels_url: str, canaries: Accounts, timeout_seconds: float
) -> Finding:
    """A notification that is made over HTTP arrives on the user's WebSocket."""
    account = admin(canaries)
    token = login(web_url, DJANGO_LOGIN, account)
    http = Http(web_url, bearer=token)
    me = fields(http.get("/api/v1/auth/me"), "id")
    word = f"Cutover check {secrets.token_hex(4)}"
    opened = connect(channels_url, "/ws/notifications/", token=token)
    with opened as channel:
        channel.receive_until({"type": "welcome"}, timeout_seconds)
        made = http.post(
            "/api/v1/notifications/", body={"user_id": me["id"], "message": word, "type": "check"}
        )
        if made.status != CREATED:
            return fails(f"the notification is answered {made.status} {made.message()}")
        made_id = fields(made, "id")["id"]
        deadline = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
        try:
            while (left := (deadline - datetime.now(UTC)).total_seconds()) > 0:
                if word in json.dumps(channel.receive_until({"type": "notification"}, left)):
                    return holds()  # others may arrive for the same account meanwhile
        finally:
            http.request("DELETE", f"/api/v1/notifications/{made_id}/")
    return fails("only other notifications arrived")


@gate(fix="see CORS_ALLOWED_ORIGINS of the web service and the frontend's build variables")
def frontend_reaches_backend(frontend_url: str, web_url: str, canaries: Accounts) -> Finding:
    """A browser on the frontend may call the backend, and an account signs in from there."""
    origin = {"Origin": frontend_url}
    asks = origin | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ", ".join(sorted(BROWSER_HEADERS)),
    }
    http = Http(web_url)
    preflight = http.request("OPTIONS", DJANGO_LOGIN, headers=asks)
    allowed = preflight.headers.get("Access-Control-Allow-Origin")
    if preflight.status not in (OK, NO_CONTENT) or allowed != frontend_url:
        return fails(f"the preflight is answered {preflight.status}, and allows {allowed}")
    headers = preflight.headers.get("Access-Control-Allow-Headers", "")
    refused = BROWSER_HEADERS - {each.strip().lower() for each in headers.split(",")}
    if refused:
        return fails(f"the preflight does not allow the header {', '.join(sorted(refused))}")
    account = admin(canaries)
    form = {"username": account.username, "password": account.password.reveal()}
    answer = http.post(DJANGO_LOGIN, body=form, headers=origin)
    if answer.status != OK or answer.headers.get("Access-Control-Allow-Origin") != frontend_url:
        return fails(f"signing in from the frontend is answered {answer.status}")
    return holds()


def fields(answer: Answer, *wanted: str) -> dict[str, Any]:  # Any: JSON
    """Return the object an answer holds.

    Raises:
        ClientError: it holds none, or it lacks a field: something else answers there.
    """
    body = answer.json()
    lacking = [each for each in wanted if not isinstance(body, dict) or each not in body]
    if not isinstance(body, dict) or lacking:
        raise ClientError(
            f"the answer of {answer.place} was not understood",
            f"status {answer.status}, and no `{'`, `'.join(lacking)}` in it"
            if lacking
            else f"status {answer.status}, and it is no JSON object",
            "see which application answers there",
        )
    return body


def signed_in(web_url: str, canaries: Accounts) -> Http:
    """Return a client that carries an administrator's token."""
    return Http(web_url, bearer=login(web_url, DJANGO_LOGIN, admin(canaries)))


def admin(canaries: Accounts) -> Account:
    """Return the first known administrator, else the first known account."""
    accounts = canaries.load()
    return next((each for each in accounts if each.role == "admin"), accounts[0])


def png(seed: bytes) -> bytes:
    """Return a valid PNG of one pixel that no other upload equals."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    size = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    note = b"Comment\0" + seed.hex().encode()
    pixel = zlib.compress(b"\0" + seed[:3])
    parts = (chunk(b"IHDR", size), chunk(b"tEXt", note), chunk(b"IDAT", pixel), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
