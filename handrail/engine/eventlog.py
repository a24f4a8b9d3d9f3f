"""The log of events beside the ledger, one JSON object a line."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from handrail.clients.masking import masked
from handrail.ledger.entry import canonical


def log_to(path: Path) -> None:
    """Send the log to a file; it is opened at the first event, so planning makes none."""
    bound = {"pid": os.getpid(), "machine": socket.gethostname()}

    told: list[str] = []

    def write(_: object, __: str, event: Mapping[str, Any]) -> str:  # Any: structlog's own type
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(masked(canonical(bound | dict(event))) + "\n")
        except OSError as error:
            if not told:
                told.append(f"the log `{path}` is not written: {error.strerror}; the ledger is")
                sys.stderr.write(f"--> {told[0]}\n")
        raise structlog.DropEvent

    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    level = structlog.processors.add_log_level
    structlog.configure(processors=[level, stamp, write], cache_logger_on_first_use=False)
