"""The moment at which a load began: the value of a constant that has no source.

It is the destination's to remember, so that a load that is resumed, and whoever verifies it, take
the same one.
"""

from collections.abc import Callable
from typing import Any

from handrail.transfer.session.asking import Line, only, rows, side_by_side
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.evidence import existing


def of_loads(destination: Connection) -> Line[Callable[[str], str]]:
    """Return what tells the moment of a plan's load by its digest; the present one before it."""
    clock = only(destination, "select date_trunc('second', now())::text")
    asked: list[Line[Any]] = [clock, existing(destination)]
    now, there = yield from side_by_side(asked)
    runs = "select digest, started_at::text from _migration.run"
    found = (yield from rows(destination, runs)) if there else []
    begun: dict[str, str] = dict(found)
    return lambda digest: begun.get(digest, now)
