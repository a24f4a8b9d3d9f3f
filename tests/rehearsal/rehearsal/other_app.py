"""A second application, unlike the first in everything a profile can say; served by daphne.

E-mail instead of a user name, `Token` instead of `Bearer`, a wrong password is 403, rows lie in
`results`, a record is changed with PUT, and the socket greets nobody.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

EMAIL, PASSWORD = "admin@example.org", "right-Passw0rd"
Message = dict[str, Any]  # Any: ASGI
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Reply = tuple[int, Any]  # Any: JSON, or the bytes of a file

ALLOWED = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"x-session, content-type"),
)
# The page keeps its session in the tab alone, and draws its rows in a table.
PAGE = b"""<!doctype html><title>Other</title>
<form hidden><input id=mail><input id=word type=password><button>Enter</button></form>
<table></table><div id=news></div>
<script>
const form = document.querySelector("form"), table = document.querySelector("table");
async function show() {
  const session = sessionStorage.getItem("s");
  const answer = await fetch("/people", { headers: { "X-Session": `Token ${session}` } });
  form.hidden = answer.ok;
  if (!answer.ok) return sessionStorage.removeItem("s");
  for (const person of (await answer.json()).results) {
    table.insertAdjacentHTML("beforeend", `<tr class=person><td>${person.title}</tr>`);
  }
  const socket = new WebSocket(
    `ws://${location.host}/live${location.search || "?"}&session=${session}`);
  socket.onmessage = (event) => {
    document.querySelector("#news").append(document.createElement("p"));
    document.querySelector("#news p:last-child").textContent = JSON.parse(event.data).text;
  };
}
form.onsubmit = async (event) => {
  event.preventDefault();
  const credentials = { mail: mail.value, word: word.value };
  const answer = await fetch("/session", { method: "POST", body: JSON.stringify({ credentials }) });
  if (answer.ok) sessionStorage.setItem("s", (await answer.json()).result.user.session);
  show();
};
show();
</script>"""
OPEN: dict[str, Any] = {"/page": PAGE, "/status": {"checks": [{"store": "up"}]}}
tokens: set[str] = set()
dropped: set[str] = set()
listeners: set[asyncio.Queue[Message]] = set()
people: dict[str, Message] = {"7f": {"ref": "7f", "title": "one"}}
files: dict[str, bytes] = {}
jobs: dict[str, str] = {}


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request, or keep one socket."""
    if scope["type"] == "websocket":
        await _socket(scope, receive, send)
        return
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    status, said = _answer(scope, body)
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    kind = b"text/html" if said is PAGE else b"application/json"
    if isinstance(said, bytes) and said is not PAGE:
        kind = b"image/png"
    headers = [(b"content-type", kind), *ALLOWED]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _answer(scope: Message, body: bytes) -> Reply:
    method, path = scope["method"], scope["path"]
    if method == "OPTIONS":
        return 204, b""
    if path in OPEN:
        return 200, OPEN[path]
    if path == "/session":
        return _session(json.loads(body)["credentials"])
    if path.startswith("/media/"):
        return 200, files[path.removeprefix("/media/")]
    if dict(scope["headers"]).get(b"x-session", b"").decode() not in {f"Token {t}" for t in tokens}:
        return 401, {"errors": [{"text": "who are you?"}]}
    return _signed_in(method, path, body, f"http://{dict(scope['headers'])[b'host'].decode()}")


def _session(given: Message) -> Reply:
    if (given["mail"], given["word"]) != (EMAIL, PASSWORD):
        return 403, {"errors": [{"text": "wrong"}]}
    token = secrets.token_hex(8)
    tokens.add(token)
    return 201, {"result": {"user": {"session": token, "kind": "CHIEF"}}}


def _signed_in(method: str, path: str, body: bytes, base: str) -> Reply:
    if path.startswith("/people"):
        return _people(method, path.removeprefix("/people").strip("/"), body)
    said: Message = {}
    if path == "/who":
        said = {"user": {"ref": "7f"}}
    elif path == "/drop":
        name = secrets.token_hex(4)
        files[name] = body[body.index(b"\x89PNG") : body.rindex(b"\r\n--")]
        said = {"file": {"link": f"{base}/media/{name}"}}
    elif path == "/jobs":
        jobs["j1"] = json.loads(body)["say"]
        said = {"job": {"ref": "j1"}}
    elif path == "/jobs/j1/state":
        said = {"job": {"phase": "finished", "output": f"said {jobs['j1']}"}}
    elif path == "/announce":
        told = {"kind": "announcement", "text": json.loads(body)["text"]}
        for queue in listeners:
            queue.put_nowait(told)
    else:
        return 404, {"errors": [{"text": "nothing is here"}]}
    return 200, said


def _people(method: str, ref: str, body: bytes) -> Reply:
    if not ref and method == "GET":
        return 200, {"results": list(people.values()), "count": len(people)}
    if method == "POST":
        ref = secrets.token_hex(2)
        people[ref] = json.loads(body) | {"ref": ref}
        return 200, {"person": people[ref]}
    if ref not in people:
        return 410, {}
    if method == "PUT":
        people[ref] |= json.loads(body)
    if method == "DELETE":
        return 200, {"person": people.pop(ref)}
    return 200, {"person": people[ref]}


async def _socket(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    asked = parse_qs(scope["query_string"].decode())
    session = asked.get("session", [""])[0]
    if scope["path"] != "/live" or session not in tokens:
        await send({"type": "websocket.close", "code": 4401})
        return
    if asked.get("lost") == ["always"] or ("lost" in asked and session not in dropped):
        dropped.add(session)
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1012})
        return
    queue: asyncio.Queue[Message] = asyncio.Queue()
    listeners.add(queue)
    await send({"type": "websocket.accept"})
    gone = asyncio.ensure_future(receive())
    try:
        while not gone.done():
            told = asyncio.ensure_future(queue.get())
            await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                await send({"type": "websocket.send", "text": json.dumps(told.result())})
            else:
                told.cancel()
    finally:
        listeners.discard(queue)
