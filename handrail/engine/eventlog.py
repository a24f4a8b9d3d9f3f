"""The log of events beside the ledger, one JSON object a line."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from handrail.clients.masking import masked
from handrail.ledger.entry import canonical, now, timestamp


class EventLog:
    """A file that gets a line for each event; it is opened at the first, so planning makes none.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bound = {"pid": os.getpid(), "machine": socket.gethostname(), "level": "info"}
        self._file: int | None = None
        self._lost = False

    def write(self, event: str, **facts: Any) -> None:  # Any: JSON
        """Write a line; where that fails it is said once, for the ledger is what counts."""
        if self._lost:
            return
        line = canonical(self._bound | facts | {"event": event, "timestamp": timestamp(now())})
        try:
            if self._file is None:
                flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
                self._file = os.open(self.path, flags, 0o666)
            os.write(self._file, f"{masked(line)}\n".encode())
        except OSError as error:
            self._lost = True
            why = f"the log `{self.path}` is not written: {error.strerror}; the ledger is"
            sys.stderr.write(f"--> {why}\n")
