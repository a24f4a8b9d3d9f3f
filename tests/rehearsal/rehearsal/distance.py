"""Distance between clients and a server of this machine: what either says arrives later.

Nothing limits how much is under way, as on a fast line to far away. Round trips are counted: a
client that speaks after it has heard something begins one.
"""

import asyncio
import threading
from collections.abc import Awaitable
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

PIECE_BYTES = 65536
FAREWELLS = (b"", b"X\0\0\0\4")  # nobody answers these


class Distance:
    """A way to a server on loopback that takes its time; for a `with` block.

    Args:
        port: The server's.
        seconds: How long a piece is under way, there as well as back; 0 only counts.
    """

    def __init__(self, port: int, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.port = 0
        self.round_trips = 0
        self.sessions = 0
        self._server_port = port
        self._ends: set[asyncio.StreamWriter] = set()
        self._conversations: set[asyncio.Task[None] | None] = set()
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it; sessions that are open break."""
        self.stop()

    def start(self) -> None:
        """Begin to listen on a port of its own."""
        self._thread.start()
        self._listening.wait()

    def stop(self) -> None:
        """End it, with every session that goes through it."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def url(self, url: str) -> str:
        """Return the address of a database over this way; the distance knows no TLS."""
        given = conninfo_to_dict(url) | {"host": "127.0.0.1", "port": str(self.port)}
        return make_conninfo("", **given | {"sslmode": "disable", "gssencmode": "disable"})

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = asyncio.start_server(self._converse, "127.0.0.1", 0)
        server = self._loop.run_until_complete(listening)
        self.port = int(server.sockets[0].getsockname()[1])
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(server.wait_closed())
        self._loop.close()

    async def _end(self) -> None:
        """Break the sessions that are open, and wait until each is gone."""
        for writer in self._ends:
            writer.transport.abort()
        await asyncio.gather(*(each for each in self._conversations if each is not None))

    async def _converse(self, asked: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._conversations.add(task)
        self._ends.add(answer)
        try:
            said, ask = await asyncio.open_connection("127.0.0.1", self._server_port)
            self._ends.add(ask)
            self.sessions += 1
            heard = _Heard(self)
            await asyncio.gather(
                self._carry(asked, ask, heard.client), self._carry(said, answer, heard.server)
            )
            self._ends.discard(ask)
        except OSError:  # no server there: the client is told so by the end of the line
            answer.close()
        self._ends.discard(answer)
        self._conversations.discard(task)

    async def _carry(
        self, come: asyncio.StreamReader, go: asyncio.StreamWriter, hear: "_Hear"
    ) -> None:
        """Hand pieces on in their order, each as long after it came as the way takes."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.ensure_future(self._arrive(under_way, go))
        piece = b"."
        while piece:
            piece = await _next(come)
            if piece not in FAREWELLS:
                hear()
            under_way.put_nowait((self._loop.time() + self.seconds, piece))
        await arriving

    async def _arrive(
        self, under_way: "asyncio.Queue[tuple[float, bytes]]", go: asyncio.StreamWriter
    ) -> None:
        piece = b"."
        while piece:
            due, piece = await under_way.get()
            if self.seconds:
                await asyncio.sleep(max(0.0, due - self._loop.time()))
            go.write(piece)
            await _quietly(go.drain())
        go.close()
        await _quietly(go.wait_closed())


class _Heard:
    """Who spoke last on a line; a client that speaks after the server begins a round trip."""

    def __init__(self, distance: Distance) -> None:
        self._distance = distance
        self._client_spoke = False

    def client(self) -> None:
        if not self._client_spoke:
            self._distance.round_trips += 1
        self._client_spoke = True

    def server(self) -> None:
        self._client_spoke = False


_Hear = type(_Heard.client)


async def _next(come: asyncio.StreamReader) -> bytes:
    try:
        return await come.read(PIECE_BYTES)
    except ConnectionError:
        return b""


async def _quietly(sent: Awaitable[None]) -> None:
    try:
        await sent
    except ConnectionError:
        return
