"""Let this process die, as a machine does, at points around the writes of its ledger.

Each write has two points: just before it begins, and just after it is on disk.
"""

import functools
import os
import signal
import zlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from handrail.ledger.postgres.ledger import PostgresLedger
from handrail.ledger.seam import Fact
from handrail.ledger.store import SqliteLedger
from handrail.ledger.writer import Writer

WRITES = (
    *((SqliteLedger, "take_lease"), (SqliteLedger, "release_lease"), (Writer, "record")),
    *((PostgresLedger, "take_lease"), (PostgresLedger, "release_lease")),
)


def die_at(point: int) -> None:
    """Die at the n-th point; points count from 0."""
    passed = count()
    _arm(lambda _: die() if next(passed) == point else None)


def die_once_at_each(folder: Path, stride: int = 1, first: int = 0) -> None:
    """Die at each point that no process has passed before, however many there are.

    Args:
        folder: Where the points are noted that were passed, a file each.
        stride: Die at one of so many, by their names: the same ones, whatever came between.
        first: Which of the shares that the stride makes, from 0; all of them cover every point.
    """

    def pass_point(name: str) -> None:
        try:
            (folder / name).touch(exist_ok=False)
        except FileExistsError:
            return
        if zlib.crc32(name.encode()) % stride == first:
            (folder / f"{name}.died").touch()
            die()

    _arm(pass_point)


def die() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(pass_point: Callable[[str], None]) -> None:
    def around(write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            name = _name(write.__name__, args)
            pass_point(f"before {name}")
            written = write(*args, **kwargs)
            pass_point(f"after {name}")
            return written

        return guarded

    for owner, name in WRITES:
        setattr(owner, name, around(getattr(owner, name)))


def _name(write: str, args: tuple[Any, ...]) -> str:
    """Return what tells a write from others: the fact it records, or what becomes of the lease."""
    facts = [each for each in args if isinstance(each, Fact)]
    return f"{facts[0].event} {facts[0].task}@{facts[0].target}" if facts else write
