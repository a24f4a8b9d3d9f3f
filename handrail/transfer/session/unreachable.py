"""Why there is no session on a database, in words that say what to do about it."""

import re
from collections.abc import Mapping

from handrail.clients.address import misread
from handrail.clients.errors import ClientError

# What libpq or the server says, what that means, and what to do. Matched in this order; the first
# word of each that is told is theirs, so that a search for it finds something.
CAUSES = (
    (r"password authentication failed|no password supplied",
     "password authentication failed for user `{user}`",
     "put the right user and password into {address}, percent-encoded"),
    (r"role .* does not exist", "the role `{user}` does not exist there",
     "put a user of that server into {address}"),
    (r"database .* does not exist", "the database `{dbname}` does not exist there",
     "create it, or correct its name in {address}"),
    (r"resolve host|translate host name|name or service not known|nodename nor servname",
     "the host name `{host}` is not known here",
     "correct the host in {address}; outside Render it is the one of the external address"),
    (r"connection refused", "connection refused: nothing listens there",
     "start the server, or correct host and port in {address}"),
    (r"no such file or directory", "no server listens on that socket",
     "start the server, or name its host in {address}"),
    (r"timeout expired|timed out", "it did not answer in time",
     "see that the database is not suspended and lets this machine in"),
    (r"no route to host|network is unreachable", "there is no way to that host from here",
     "see the network of this machine, or correct the host in {address}"),
    (r"no pg_hba\.conf entry", "the server does not let this machine or user in",
     "add this machine to the database's allowed addresses"),
    (r"too many clients|remaining connection slots|too many connections",
     "it has no connection left", "close idle connections"),
    (r"starting up|shutting down|recovery mode", "it is starting or stopping",
     "wait until it takes connections"),
    (r"ssl|certificate", "the TLS connection was refused", "correct `sslmode` in {address}"),
)  # fmt: skip
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
    for pattern, why, fix in CAUSES:
        if re.search(pattern, said, re.IGNORECASE):
            next_step = fix.format(address=f"the address of the {name}")
            return DatabaseUnreachable(
                what, why.format(**parts), f"{next_step}, then the same command again"
            )
    told = FATAL.search(said)
    lines = [told.group(1)] if told else said.strip().splitlines()
    return DatabaseUnreachable(
        what,
        lines[0] if lines else "libpq says nothing",
        f"see that the server is up and the address of the {name} right, then the same command "
        "again",
    )
