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
    parts = {key: str(given.get(key) or "") for key in ("user", "dbname", "host", "port")}
    what = f"no session on the {name}"
    # A password with an `@` or a `/` in it ends up in host, port or name: none of them is told.
    torn = "@" in parts["host"] + parts["dbname"] or re.search(r"[^0-9,]", parts["port"])
    if torn:
        return DatabaseUnreachable(
            what,
            "its address falls apart at the wrong place",
            "write `@`, `/`, `:` and `%` in its user and password as %40, %2F, %3A and %25",
        )
    what += f" at `{parts['host'] or 'localhost'}:{parts['port'] or '5432'}`"
    if (cause := cause_of(said)) is not None:
        next_step = cause.fix.format(address=f"the address of the {name}")
        return DatabaseUnreachable(
            what, cause.why.format(**parts), f"{next_step}, then the same command again"
        )
    told = FATAL.search(said)
    lines = [told.group(1)] if told else said.strip().splitlines()
    return DatabaseUnreachable(
        what,
        lines[0] if lines else "libpq says nothing",
        f"see that the server is up and the address of the {name} right, then the same command "
        "again",
    )
