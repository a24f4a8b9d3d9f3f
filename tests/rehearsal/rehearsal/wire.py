"""Enough HTTP/1.1 over asyncio streams for the stand-ins; nothing but the standard library."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

HEAD_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 32 * 1024 * 1024


class HungUpError(Exception):
    """Close the connection without an answer: how a dropped line looks to a client."""


class BadRequestError(Exception):
    """The bytes received are no HTTP request."""


@dataclass(frozen=True)
class Head:
    """The start line and the headers of a message, in the order they came."""

    start: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str, default: str = "") -> str:
        """Return the first header of that name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), default)

    def without(self, *names: str) -> list[tuple[str, str]]:
        """Return the headers less those named, in lower case."""
        return [(key, value) for key, value in self.headers if key.lower() not in names]


@dataclass(frozen=True)
class Request:
    """One request, its body read whole."""

    method: str
    path: str
    query: dict[str, list[str]]
    head: Head
    body: bytes

    def json(self) -> Any:  # Any: JSON
        """Return the body as JSON; None when there is none."""
        return json.loads(self.body) if self.body.strip() else None

    def one(self, name: str, default: str = "") -> str:
        """Return a query parameter's first value."""
        return self.query.get(name, [default])[0]

    def many(self, name: str) -> list[str]:
        """Return a query parameter given several times, or once with commas."""
        return [part for value in self.query.get(name, []) for part in value.split(",") if part]


@dataclass
class Answer:
    """One answer; headers may be added until it is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # whether the line breaks in the middle of it

    @classmethod
    def of(cls, value: object, status: int = 200) -> "Answer":
        """Answer with JSON and the newline Render ends its bodies with."""
        body = (json.dumps(value, separators=(",", ":")) + "\n").encode()
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8"})

    def encode(self, *, close: bool, with_body: bool = True) -> bytes:
        """Return the bytes of the answer on the wire."""
        lines = [f"HTTP/1.1 {int(self.status)} {reason(self.status)}"]
        # Every server with a clock says what time it is. Source: RFC 9110, 6.6.1
        headers = {"Date": formatdate(usegmt=True)} | self.headers
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body)}")
        lines.append(f"Connection: {'close' if close else 'keep-alive'}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        sent = self.body[: len(self.body) // 2] if self.cut else self.body
        return head + sent if with_body else head


Handler = Callable[[Request], Awaitable[Answer]]


def reason(status: int) -> str:
    """Return the usual phrase of a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read a start line and headers; None when the other side has nothing more to say."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise BadRequestError("the headers are too long") from None
    start, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError("a header has no colon")
        headers.append((name, value.strip()))
    return Head(start, tuple(headers))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        chunk = await reader.readexactly(size + 2)
        if size == 0:
            return body
        body += chunk[:-2]
        if len(body) > BODY_LIMIT_BYTES:
            raise BadRequestError("the body is too long")


async def read_body(reader: asyncio.StreamReader, head: Head) -> bytes:
    """Read a request's body by its length or its chunks."""
    if head.get("transfer-encoding").lower() == "chunked":
        return await _read_chunks(reader)
    length = int(head.get("content-length", "0") or "0")
    if length > BODY_LIMIT_BYTES:
        raise BadRequestError("the body is too long")
    return await reader.readexactly(length)


def parse_request(head: Head, body: bytes) -> Request:
    """Take a request line apart."""
    try:
        method, target, _ = head.start.split(" ")
    except ValueError:
        raise BadRequestError("no request line") from None
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    return Request(method, unquote(parts.path), query, head, body)


async def _converse(
    handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        head = await read_head(reader)
        if head is None:
            return
        if head.get("expect").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = parse_request(head, await read_body(reader, head))
        answer = await handler(request)
        close = head.get("connection").lower() == "close" or head.start.endswith("HTTP/1.0")
        writer.write(answer.encode(close=close, with_body=request.method != "HEAD"))
        await writer.drain()
        if close or answer.cut:
            return


async def listen(handler: Handler, port: int = 0) -> tuple[asyncio.Server, int]:
    """Serve a handler on a loopback port (a free one for 0); return the server and its port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(handler, reader, writer)
        except (HungUpError, asyncio.CancelledError):  # cancelled when the server's loop ends
            writer.transport.abort()
        except (BadRequestError, ValueError) as error:
            body = f"{error}\n".encode()
            writer.write(Answer(HTTPStatus.BAD_REQUEST, body).encode(close=True))
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            await hang_up(writer)

    server = await asyncio.start_server(connected, "127.0.0.1", port, limit=HEAD_LIMIT_BYTES)
    return server, int(server.sockets[0].getsockname()[1])


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection and wait until it is, whatever state it is in."""
    writer.close()
    with contextlib.suppress(ConnectionError, OSError):
        await writer.wait_closed()
