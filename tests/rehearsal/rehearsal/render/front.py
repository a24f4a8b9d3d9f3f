"""The public side of a service: one stable address, whatever instance answers behind it."""

import asyncio
import contextlib
import fnmatch
import mimetypes
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

from rehearsal.render.identity import now
from rehearsal.render.release import Release
from rehearsal.render.traffic import Passage
from rehearsal.render.workspace import Running, Workspace
from rehearsal.wire import (
    HEAD_LIMIT_BYTES,
    Answer,
    BadRequestError,
    Head,
    hang_up,
    read_body,
    read_head,
)

CHUNK_BYTES = 64 * 1024
PAGES = {
    "suspended": "This service has been suspended.",
    "maintenance": "This service is undergoing maintenance.",
    "undeployed": "This service has no live deploy.",
    "unreachable": "Bad gateway: the instance did not answer.",
}
Counted = Callable[[int], None]


class Front:
    """Take requests for services, pass them on, and count them."""

    def __init__(self, workspace: Workspace, release: Release) -> None:
        self.workspace = workspace
        self.release = release
        self._reserved: dict[str, socket.socket] = {}

    def reserve(self, name: str, port: int = 0) -> str:
        """Keep a port for the service of this name, now or later; return its public address.

        A name's address is known before the service exists and outlives it, as a hostname does.
        """
        if name not in self._reserved:
            held = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                held.close()
                raise
            self._reserved[name] = held
        return f"http://127.0.0.1:{self._reserved[name].getsockname()[1]}"

    def address(self, name: str) -> str:
        """Return the public address of a name, in use or kept for later."""
        running = self.workspace.named(name)
        return running.service.url if running else self.reserve(name)

    async def open(self, running: Running) -> None:
        """Give a web service or static site its public address."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._answer(running, reader, writer)
            except (ConnectionError, BadRequestError, ValueError, asyncio.IncompleteReadError):
                writer.transport.abort()
            except asyncio.CancelledError:  # the stand-in's loop ends
                writer.transport.abort()
            finally:
                await hang_up(writer)

        name = running.service.slug
        running.service.url = self.reserve(name)
        held = self._reserved.pop(name)
        running.front = await asyncio.start_server(connected, sock=held, limit=HEAD_LIMIT_BYTES)

    def close(self, running: Running) -> None:
        """Stop answering for a service; its name keeps the address."""
        front, running.front = running.front, None
        if front is not None:
            front.close()
            self.reserve(running.service.slug, int(running.service.url.rpartition(":")[2]))

    def release_addresses(self) -> None:
        """Let go of every port that no service uses."""
        for held in self._reserved.values():
            held.close()
        self._reserved.clear()

    async def _answer(
        self, running: Running, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await read_head(reader)
        if head is None:
            return
        method, target, _ = head.start.split(" ")
        path, host = target.partition("?")[0], head.get("host")
        began, at, service_id = time.monotonic(), now(), running.service.id

        def counted(status: int) -> None:
            seconds = time.monotonic() - began
            self.workspace.traffic.add(Passage(at, service_id, host, path, status, seconds))
            self.workspace.logbook.add(
                service_id, "request", f"{method} {path} {status} {seconds * 1000:.0f}ms",
                host=host, statusCode=str(status), method=method, path=path,
            )  # fmt: skip

        page = self._closed(running)
        if page is None and running.service.type != "static_site":
            await self._pass_on(running, head, reader, writer, counted)
            return
        await read_body(reader, head)
        answer = page
        if answer is None:
            answer = await asyncio.to_thread(self._file, running, method, path)
        counted(answer.status)
        writer.write(answer.encode(close=True, with_body=method != "HEAD"))
        await writer.drain()

    def _closed(self, running: Running) -> Answer | None:
        """Return the platform's own page when no instance may answer."""
        if running.service.suspended:
            return _page("suspended")
        if running.service.maintenance.get("enabled"):
            return _page("maintenance")
        if running.live is None:
            return _page("undeployed")
        return None

    async def _pass_on(
        self,
        running: Running,
        head: Head,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        counted: Counted,
    ) -> None:
        try:
            if running.instance is None:
                raise ConnectionRefusedError
            upstream_reader, upstream_writer = await asyncio.open_connection(
                "127.0.0.1", running.instance.port, limit=HEAD_LIMIT_BYTES
            )
        except OSError:
            counted(HTTPStatus.BAD_GATEWAY)
            writer.write(_page("unreachable", HTTPStatus.BAD_GATEWAY).encode(close=True))
            await writer.drain()
            return
        upgrade = head.get("upgrade").lower() == "websocket"
        upstream_writer.write(_forwarded(head, upgrade=upgrade))
        upload = asyncio.create_task(_pipe(reader, upstream_writer))
        try:
            counted(await _relay_heads(upstream_reader, writer))
            download = asyncio.create_task(_pipe(upstream_reader, writer))
            # Either side may end a WebSocket; a plain answer ends when the instance says so.
            ends = {upload, download} if upgrade else {download}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            download.cancel()
        finally:
            upload.cancel()
            await hang_up(upstream_writer)

    def _file(self, running: Running, method: str, path: str) -> Answer:
        """Answer from the published files of a static site."""
        if running.live is None or method not in {"GET", "HEAD"}:
            return Answer(405 if running.live else 503, b"")
        root = (self.release.directory(running.live) / running.live.snapshot.publish_path).resolve()
        wanted = (root / unquote(path).lstrip("/")).resolve()
        if wanted.is_dir():
            wanted = wanted / "index.html"
        if not wanted.is_file():
            for route in running.service.routes:
                if route["type"] == "rewrite" and fnmatch.fnmatchcase(path, route["source"]):
                    wanted = (root / route["destination"].lstrip("/")).resolve()
                    break
        if not wanted.is_relative_to(root) or not wanted.is_file():
            return Answer(404, b"Not Found\n", {"Content-Type": "text/plain; charset=utf-8"})
        kind = mimetypes.guess_type(wanted.name)[0] or "application/octet-stream"
        headers = {"Content-Type": kind, "Cache-Control": "public, max-age=0, s-maxage=300"}
        return Answer(200, Path(wanted).read_bytes(), headers)


def _page(kind: str, status: int = HTTPStatus.SERVICE_UNAVAILABLE) -> Answer:
    body = f"<!doctype html><title>{int(status)}</title><p>{PAGES[kind]}</p>\n".encode()
    headers = {"Content-Type": "text/html; charset=utf-8", "x-render-routing": kind}
    return Answer(status, body, headers)


def _forwarded(head: Head, *, upgrade: bool) -> bytes:
    """Rewrite a request for the instance: one request a connection, TLS ended at the edge."""
    kept = head.without("connection", "x-forwarded-proto", "x-forwarded-for", "keep-alive")
    lines = [head.start, *(f"{name}: {value}" for name, value in kept)]
    lines += ["X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1"]
    lines.append(f"Connection: {'Upgrade' if upgrade else 'close'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _relay_heads(upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Pass the instance's head on, interim ones too; return the final status."""
    while True:
        head = await read_head(upstream)
        if head is None:
            writer.write(_page("unreachable", HTTPStatus.BAD_GATEWAY).encode(close=True))
            return HTTPStatus.BAD_GATEWAY
        status = int(head.start.split(" ")[1])
        lines = [head.start, *(f"{name}: {value}" for name, value in head.without("connection"))]
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            lines.append("Connection: Upgrade")
        elif status >= HTTPStatus.OK:
            lines.append("Connection: close")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if status == HTTPStatus.SWITCHING_PROTOCOLS or status >= HTTPStatus.OK:
            return status


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the source has no more."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
