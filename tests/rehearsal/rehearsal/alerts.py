"""A receiver of alerts: what is posted is kept, one JSON line each."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from rehearsal.wire import Answer, Request, listen


class Alerts:
    """Take webhooks on a loopback port and keep their bodies in a file.

    Args:
        path: The file of JSON lines; ``GET /`` shows it as a list.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self.path.touch(mode=0o600)
        self._server, port = await listen(self.answer)
        self.url = f"http://127.0.0.1:{port}/alerts"

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def answer(self, request: Request) -> Answer:
        """Keep what is posted; show what was."""
        if request.method == "GET":
            lines = self.path.read_text(encoding="utf-8").splitlines()
            return Answer.of([json.loads(line) for line in lines])
        try:
            body = request.json()
        except json.JSONDecodeError:
            return Answer.of({"message": "invalid JSON"}, 400)
        received = {"at": datetime.now(UTC).isoformat(), "path": request.path, "body": body}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(received) + "\n")
        return Answer(202)
