"""Event triggers: they refuse commands by kind, whatever these are about."""

from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted

THERE = "select evtname::text from pg_event_trigger where evtenabled in ('O', 'A') order by 1"


def while_disabled(session: Connection) -> str | None:
    """Return what lets a command through that an event trigger refuses; None where there is none.

    Args:
        session: Outside a transaction that has failed.
    """
    names = [name for (name,) in session.execute(THERE)]
    if not names:
        return None
    commands = "; ".join(f"alter event trigger {quoted(name)} disable" for name in names)
    return f"`{commands}` meanwhile, as a superuser, then the same command again"
