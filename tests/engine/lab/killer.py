"""Let this process die, as a machine does, at the n-th point around the writes of its ledger.

Each write has two points: just before it begins, and just after it is on disk.
"""

import functools
import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

from handrail.ledger.postgres.ledger import PostgresLedger
from handrail.ledger.store import SqliteLedger
from handrail.ledger.writer import Writer

WRITES = (
    *((SqliteLedger, "take_lease"), (SqliteLedger, "release_lease"), (Writer, "record")),
    *((PostgresLedger, "take_lease"), (PostgresLedger, "release_lease")),
)


def die_at(point: int) -> None:
    """Arm it; points count from 0."""
    passed = count()

    def pass_point() -> None:
        if next(passed) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            pass_point()
            written = write(*args, **kwargs)
            pass_point()
            return written

        return guarded

    for owner, name in WRITES:
        setattr(owner, name, around(getattr(owner, name)))
