"""A clock that skips: whoever waits by it finds the time gone by at once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Self
from unittest.mock import patch

from handrail.ledger import entry

GATES = import_module("handrail.engine.gate")  # the package exports a function of that name


class SkippingClock:
    """The time of day, and some: what gates wait by, and what entries of the ledger say.

    Args:
        file: Keeps what was skipped, for the next command of the same lab.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.skipped = 0.0
        with suppress(FileNotFoundError):
            self.skipped = float(file.read_text(encoding="utf-8")) if file else 0.0

    def sleep(self, seconds: float) -> None:
        """Wait, in no time."""
        self.skipped += max(0.0, seconds)
        if self._file:
            self._file.write_text(str(self.skipped), encoding="utf-8")

    def now(self) -> datetime:
        """Return the time of day, as if all waits had been waited."""
        return datetime.now(UTC) + timedelta(seconds=self.skipped)

    @contextmanager
    def installed(self) -> Iterator[Self]:
        """Let this process go by it."""
        now = self.now

        class Skipped(datetime):
            """What `datetime.now()` is for the ledger."""

            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                """Return the skipped time."""
                return now().astimezone(tz)

        waits = SimpleNamespace(sleep=self.sleep)
        with patch.object(GATES, "time", waits), patch.object(entry, "datetime", Skipped):
            yield self
