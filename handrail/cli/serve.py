"""`handrail serve`: the live page of a run, read-only; server-sent events, and nothing fetched."""

import asyncio
import hmac
import ipaddress
import json
import re
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import click

from handrail import pages
from handrail.cli.ledger import opened, reads
from handrail.cli.out import GOOD, Misused, say
from handrail.cli.watch import looker
from handrail.ledger.errors import RunbookError
from handrail.ledger.views.evidence import gather
from handrail.ledger.views.live import Live, as_json
from handrail.ledger.views.watched import page_values

EVERY_SECONDS = 1.0
PORT = 8080
PORTS = 65535  # the highest there is
KEY_BITS = 128
COOKIE = "handrail-key"
# The page itself holds what it shows; nothing is fetched, framed or sent on.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
LOCAL = ("localhost", "127.0.0.1", "[::1]")
PORT_AT_END = re.compile(r":\d*$")

Scope = Mapping[str, Any]  # Any: ASGI's
Send = Callable[[Mapping[str, Any]], Awaitable[None]]  # Any: ASGI's
Receive = Callable[[], Awaitable[Mapping[str, Any]]]  # Any: ASGI's


@click.command
@click.argument("run", default="", metavar="[RUN]")
@click.option("--host", default="127.0.0.1", help="an address to listen on")
@click.option(
    "--port",
    default=PORT,
    type=click.IntRange(0, PORTS),
    help="a port to listen on; 0 for any that is free",
)
@click.option("--key", default="", envvar="HANDRAIL_KEY", help="the access key; else one is made")
@reads
def serve(ledger: str, run: str, host: str, port: int, key: str, *, as_json: bool) -> int:
    """Show a run as it goes on, as a page for a browser; it reads, and changes nothing.

    The newest run where RUN is left out. It listens on this machine alone; on any other --host an
    access key is asked for, which the address that is printed holds. It speaks plain HTTP: put it
    behind a tunnel (`ssh -L`) or a proxy that speaks TLS. `/live.json` has the same as JSON.
    """
    import uvicorn  # noqa: PLC0415  takes its time; `--help` does not wait for it

    del as_json  # there is a page, and /live.json
    gather(opened(ledger), run)  # no ledger and no run are told now, not to each browser
    is_local = _is_local(host)
    wanted = key or ("" if is_local else secrets.token_urlsafe(KEY_BITS // 8))
    shown = _in_address(host)
    page = Page(looker(ledger, run), wanted, (*LOCAL, shown) if is_local else ())
    listening = _listener(host, port)
    port = listening.getsockname()[1]
    asked = f"?key={quote(wanted, safe='')}" if wanted else ""
    say([f"http://{shown}:{port}/{asked}    (Ctrl-C ends it)"])
    sys.stdout.flush()
    config = uvicorn.Config(
        page,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,  # an open page does not keep it from ending
    )
    uvicorn.Server(config).run(sockets=[listening])
    return GOOD


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        Misused: the address is not this machine's, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = f"`{host}`, port {port}: {error.strerror or error}"
        raise Misused("nothing is served", why, "name another `--port`, or `--host`") from None


class Page:
    """The application: a page, its events, and the same as JSON.

    Args:
        look: Looks at the run.
        key: What a visitor has to know; empty where this machine alone is served.
        names: Only requests for these hosts are answered, so that no page of somebody else's can
            have a browser read this one; empty: for any.
    """

    def __init__(self, look: Callable[[], Live], key: str, names: Sequence[str]) -> None:
        self._look, self._key, self._names = look, key, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        refusal = self._refused(scope, headers)
        if refusal:
            await _answer(send, *refusal)
        else:
            await self._found(scope, receive, send)

    async def _found(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is at an address."""
        match scope["path"]:
            case "/":
                await self._page(scope, send)
            case "/events":
                await self._events(receive, send)
            case "/live.json":
                await self._json(send)
            case _:
                await _answer(send, 404, "there is `/` and `/live.json`")

    def _refused(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "this page is only read"
        if not self._is_meant(headers.get("host", "")):
            return 421, "ask this machine by its own name, as the address that was printed does"
        given = [*_asked(scope).get("key", []), _cookie(headers.get("cookie", ""))]
        if self._key and not any(map(self._is_key, given)):
            return 403, "the access key is missing: it is in the address that was printed"
        return None

    def _is_meant(self, host: str) -> bool:
        return not self._names or PORT_AT_END.sub("", host) in self._names

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._key.encode())

    async def _looked(self, send: Send) -> Live | None:
        """Return the run, or say why it cannot be looked at."""
        try:
            return await asyncio.to_thread(self._look)
        except RunbookError as missed:
            await _answer(send, 503, f"{missed.what}: {missed.why}")
            return None

    async def _json(self, send: Send) -> None:
        if (found := await self._looked(send)) is not None:
            text = json.dumps(as_json(found), ensure_ascii=False)
            await _answer(send, 200, text, "application/json")

    async def _page(self, scope: Scope, send: Send) -> None:
        if "key" in _asked(scope):
            # The key leaves the address at once, so that no history and no screenshot keeps it.
            cookie = f"{COOKIE}={quote(self._key, safe='')}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(send, 303, "", more=[("location", "/"), ("set-cookie", cookie)])
            return
        if (found := await self._looked(send)) is None:
            return
        nonce, values = secrets.token_urlsafe(16), page_values(found)
        policy = ("content-security-policy", POLICY.format(nonce=nonce))
        text = pages.render("live.html", nonce=nonce, **values)
        await _answer(send, 200, text, "text/html; charset=utf-8", [policy])

    async def _events(self, receive: Receive, send: Send) -> None:
        """Send the page's body whenever it changes, until the browser goes away."""
        gone = asyncio.create_task(_gone(receive))
        await _begin(send, 200, "text/event-stream", [("cache-control", "no-store")])
        told = ""
        while not gone.done():
            try:
                found = await asyncio.to_thread(self._look)
            except RunbookError:
                await send(_part(b"event: away\ndata: the ledger does not answer\n\n"))
            else:
                body = pages.render("live_body.html", **page_values(found))
                line = b": nothing new\n\n" if body == told else _event(body)
                told = body
                await send(_part(line))
            await asyncio.wait([gone], timeout=EVERY_SECONDS)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _event(body: str) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def _part(line: bytes) -> Mapping[str, Any]:  # Any: ASGI's
    return {"type": "http.response.body", "body": line, "more_body": True}


def _asked(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"))


def _cookie(header: str) -> str:
    pairs = [part.strip().partition("=") for part in header.split(";")]
    return unquote(next((value for name, _, value in pairs if name == COOKIE), ""))


async def _answer(
    send: Send,
    status: int,
    text: str,
    kind: str = "text/plain; charset=utf-8",
    more: list[tuple[str, str]] | None = None,
) -> None:
    await _begin(send, status, kind, [("cache-control", "no-store"), *(more or [])])
    await send({"type": "http.response.body", "body": text.encode(), "more_body": False})


async def _begin(send: Send, status: int, kind: str, more: list[tuple[str, str]]) -> None:
    safe = [
        ("content-type", kind),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ]
    headers = [(name.encode(), value.encode()) for name, value in [*safe, *more]]
    await send({"type": "http.response.start", "status": status, "headers": headers})


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
