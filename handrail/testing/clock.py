"""A clock that skips: whoever waits by it finds the time gone by at once."""

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Self
from unittest.mock import patch

GATES = import_module("handrail.engine.gate")  # the package exports a function of that name
PATCHED = ("handrail.", "operations.")  # whose modules know the time of day by name


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
        """Let this process go by it: what is imported already, and what is imported meanwhile."""
        now = self.now

        class Kind(type):
            """A moment is one, whichever class made it."""

            def __instancecheck__(cls, found: object) -> bool:
                """Tell whether it is a moment."""
                return isinstance(found, datetime)

        class Skipped(datetime, metaclass=Kind):
            """What `datetime.now()` is for the ledger, for gates, and for clients of services."""

            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                """Return the skipped time."""
                return now().astimezone(tz)

        waits = SimpleNamespace(sleep=self.sleep)
        with ExitStack() as stack:
            stack.enter_context(patch.object(GATES, "time", waits))
            for module in (dt, *_knowing_the_time()):
                stack.enter_context(patch.object(module, "datetime", Skipped))
            yield self


def _knowing_the_time() -> list[ModuleType]:
    """Return the modules that have `datetime` by name, but for this one."""
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(PATCHED)
        and name != __name__
        and vars(module).get("datetime") is datetime
    ]
