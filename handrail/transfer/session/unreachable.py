"""Why there is no session on a database, in words that say what to do about it."""

import re
from collections.abc import Mapping

from handrail.clients.address import misread
from handrail.clients.errors import ClientError
from handrail.clients.unreachable import cause_of

FATAL = re.compile(r"\b(?:FATAL|ERROR):\s*(.+)")


class DatabaseUnreachable(ClientError):
    """A database did not let us in, or its address cannot be read."""


def not_an_address(name: str, address: str) -> DatabaseUnreachable:
    """Return the refusal of an address that libpq cannot read; its own words quote the password."""
    return DatabaseUnreachable(f"the address of the {name} was not understood", *misread(address))


def refused(name: str, given: Mapping[str, object], said: str) -> DatabaseUnreachable:
    """Return why there is no session.

    Args:
        name: What messages call this database, as `source`.
        given: The parts of its address, as libpq reads them.
        said: What libpq or the server said; may go over several lines.
    """
    parts = {key: str(given.get(key, "")) for key in ("user", "dbname", "host", "port")}
    what = f"no session on the {name}"
    if _is_torn(parts):
        return DatabaseUnreachable(
            what,
            "its address falls apart at the wrong place",
            "write `@`, `/`, `:` and `%` in its user and password as %40, %2F, %3A and %25",
        )
    what += f" at `{parts['host'] or 'localhost'}:{parts['port'] or '5432'}`"
    address = f"the address of the {name}"
    if (cause := cause_of(said)) is not None:
        why, next_step = cause.why.format(**parts), cause.fix.format(address=address)
    else:
        why, next_step = _told(said), f"see that the server is up and {address} right"
    return DatabaseUnreachable(what, why, f"{next_step}, then the same command again")


def _is_torn(parts: Mapping[str, str]) -> bool:
    """Say whether a password with an `@` or a `/` in it ended up in host, port or name.

    None of them is told then.
    """
    strange_port = re.search(r"[^0-9,]", parts["port"])
    return "@" in parts["host"] + parts["dbname"] or strange_port is not None


def _told(said: str) -> str:
    """Return the server's own words, or the first line of libpq's."""
    told = FATAL.search(said)
    lines = told.groups() if told else said.strip().splitlines()
    return next(iter(lines), "libpq says nothing")
