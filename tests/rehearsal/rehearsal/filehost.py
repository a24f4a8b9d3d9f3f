"""The host that uploaded files of the Node days live on: some still there, some gone."""

import asyncio
import re
import struct
import zlib

from rehearsal.wire import Answer, Request, listen

SLOW_SECONDS = 2.0
FILE = re.compile(r"/files/(alive|dead|gone|slow)/(\d+)\.jpg")


def picture(number: int) -> bytes:
    """Return a small PNG whose colour, and so whose bytes, depend on its number."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    colour = struct.pack(">I", number * 2654435761 % 2**32)[:3]
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * 8) * 8
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class FileHost:
    """Serve ``/files/alive/<n>.jpg``; answer 404 for dead ones, 410 for gone, late for slow."""

    def __init__(self) -> None:
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server, port = await listen(self.answer)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def answer(self, request: Request) -> Answer:
        """Answer for one file."""
        match = FILE.fullmatch(request.path)
        if match is None or match.group(1) == "dead":
            return Answer(404, b"Not Found\n", {"Content-Type": "text/plain"})
        if match.group(1) == "gone":
            return Answer(410, b"Gone\n", {"Content-Type": "text/plain"})
        if match.group(1) == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        # Named .jpg and yet a PNG: the old uploader never looked at what it was given.
        return Answer(200, picture(int(match.group(2))), {"Content-Type": "image/png"})
