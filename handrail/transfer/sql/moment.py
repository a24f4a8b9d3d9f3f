"""The moment at which a load began: the value of a constant that has no source.

It is the destination's to remember, so that a load that is resumed, and whoever verifies it, take
the same one.
"""

from collections.abc import Callable

from handrail.transfer.session.connection import Connection, value
from handrail.transfer.sql.evidence import exists


def of_loads(destination: Connection) -> Callable[[str], str]:
    """Return what tells the moment of a plan's load by its digest; the present one before it."""
    now = str(value(destination, "select date_trunc('second', now())::text"))
    runs = "select digest, started_at::text from _migration.run"
    begun: dict[str, str] = dict(destination.execute(runs)) if exists(destination) else {}
    return lambda digest: begun.get(digest, now)
