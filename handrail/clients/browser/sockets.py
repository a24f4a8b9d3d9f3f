"""The WebSockets of a page, as its browser sees them."""

from playwright.sync_api import Page, WebSocket


class Sockets:
    """Every WebSocket that a page opens from now on, over all its loads.

    Args:
        page: The page, before it is opened.
    """

    def __init__(self, page: Page) -> None:
        self._opened: list[WebSocket] = []
        self._messages = 0
        page.on("websocket", self._add)

    @property
    def are_lost(self) -> bool:
        """Whether there were some, and none is open."""
        return bool(self._opened) and not self._open

    def __str__(self) -> str:
        """Say what became of them, after a semicolon."""
        if not self._opened:
            return "it opened no WebSocket"
        told = f"WebSockets it opened: {len(self._opened)}, open now: {self._open}"
        return f"{told}, messages that came by them: {self._messages}"

    @property
    def _open(self) -> int:
        return sum(not each.is_closed() for each in self._opened)

    def _add(self, socket: WebSocket) -> None:
        self._opened.append(socket)
        socket.on("framereceived", self._count)

    def _count(self, _: str | bytes) -> None:
        self._messages += 1
