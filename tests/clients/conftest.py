"""A scripted HTTP server on loopback, time that costs nothing, and an eye on every error."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from handrail.clients.errors import ClientError
from handrail.clients.patience import Patience
from handrail.clients.render import Render
from tests.clients.git_world import clone, no_identity, origin, other, repository, template

__all__ = ["clone", "no_identity", "origin", "other", "repository", "template"]

OWNER = "tea-00000000000000000000"
MARK = "s3ntinel"
"""Part of every secret in these tests, so that one look finds any that got out."""


@dataclass
class Seen:
    """One request as the server got it."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes

    def json(self):
        """Return the body as data."""
        return json.loads(self.body)


@dataclass
class Reply:
    """What the server is to answer."""

    status: int = 200
    body: object = None
    headers: dict = field(default_factory=dict)
    drop: bool = False
    hold: bool = False


class Wire:
    """Answer each method and path by its script: a function, or replies of which the last stays."""

    def __init__(self):
        """Listen on a free port."""
        self.seen = []
        self.released = threading.Event()
        self._scripts = defaultdict(list)
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                wire.handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_):
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def host(self):
        """Host and port."""
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def url(self):
        """Base URL."""
        return f"http://{self.host}"

    def on(self, method, path, *replies):
        """Script the answers of one method and path."""
        self._scripts[method, path] = list(replies)

    def requests(self, method, path):
        """Return the requests that came for one method and path."""
        return [seen for seen in self.seen if (seen.method, seen.path) == (method, path)]

    def handle(self, handler):
        """Answer one request."""
        parts = urlsplit(handler.path)
        size = int(handler.headers.get("Content-Length") or 0)
        seen = Seen(
            handler.command,
            parts.path,
            parse_qs(parts.query),
            dict(handler.headers),
            handler.rfile.read(size),
        )
        self.seen.append(seen)
        reply = self._reply(seen)
        handler.close_connection = True
        if reply.hold:
            self.released.wait(10)
            return
        if reply.drop:
            return
        is_text = isinstance(reply.body, str)
        content = b"" if reply.body is None else (
            reply.body if is_text else json.dumps(reply.body) + "\n"
        ).encode()  # fmt: skip
        handler.send_response(reply.status)
        kind = "text/html" if is_text else "application/json; charset=utf-8"
        headers = {"Content-Type": kind} if content else {}
        for name, value in (headers | reply.headers | {"Content-Length": len(content)}).items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(content)

    def _reply(self, seen):
        script = self._scripts.get((seen.method, seen.path))
        if not script:
            return Reply(404, {"message": f"not found: {seen.path}"})
        reply = script.pop(0) if len(script) > 1 else script[0]
        return reply(seen) if callable(reply) else reply

    def close(self):
        """Stop listening."""
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self):
        """Begin at zero."""
        self.now = 0.0
        self.slept = []

    def sleep(self, seconds):
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.now += seconds

    def patience(self, **options):
        """Return a patience that lives in this time."""
        return Patience(**{"sleep": self.sleep, "clock": lambda: self.now, **options})


@pytest.fixture
def wire():
    """A scripted server."""
    server = Wire()
    yield server
    server.close()


@pytest.fixture
def time():
    """A time of the test's own."""
    return Time()


@pytest.fixture
def render(wire, time, monkeypatch):
    """A client of the scripted server, in the test's own time."""
    monkeypatch.setenv("RENDER_API_KEY", f"rnd_{MARK}")
    monkeypatch.setattr(Render, "patience", time.patience())
    shown = ["DEBUG", "ALLOWED_HOSTS", "DJANGO_SETTINGS_MODULE"]
    given = {"api": wire.url, "key": "env:RENDER_API_KEY", "owner": OWNER, "shown": shown}
    return Render.from_inventory(given)


@pytest.fixture(autouse=True)
def errors(monkeypatch):
    """Every client error of a test; none may show a secret, and each must say what to do."""
    made = []
    make = ClientError.__init__

    def remember(self, what, why, fix):
        make(self, what, why, fix)
        made.append(self)

    monkeypatch.setattr(ClientError, "__init__", remember)
    yield made
    for error in made:
        shown = f"{error.what} {error.why} {error.fix} {error!r}"
        assert MARK not in shown, f"an error shows a secret: {shown}"
        assert error.what, error
        assert error.why, error
        assert error.fix, error
