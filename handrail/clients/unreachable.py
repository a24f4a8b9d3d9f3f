"""Why PostgreSQL lets nobody in: what libpq or the server says, what that means, and what to do."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """One reason why there is no session.

    `why` tells it with the parts of the address, `bare` without, where nobody is to read these:
    the server's own text holds host and user. `fix` has `{address}` in the place of its name.
    """

    pattern: str
    why: str
    bare: str
    fix: str


# Matched in this order. The first words of `why` are the server's, so that a search finds them.
CAUSES = (
    Cause(r"password authentication failed|no password supplied",
          "password authentication failed for user `{user}`", "user or password is refused",
          "put the right user and password into {address}, percent-encoded"),
    Cause(r"role .* does not exist",
          "the role `{user}` does not exist there", "user or password is refused",
          "put a user of that server into {address}"),
    Cause(r"database .* does not exist",
          "the database `{dbname}` does not exist there", "there is no database of that name",
          "create it, or correct its name in {address}"),
    Cause(r"resolve host|translate host name|name or service not known|nodename nor servname",
          "the host name `{host}` is not known here", "the host name is not known",
          "correct the host in {address}; outside Render it is the one of the external URL"),
    Cause(r"connection refused",
          "connection refused: nothing listens there", "nothing listens there",
          "start the server, or correct host and port in {address}"),
    Cause(r"no such file or directory",
          "no server listens on that socket", "nothing listens there",
          "start the server, or name its host in {address}"),
    Cause(r"timeout expired|timed out",
          "it did not answer in time", "it did not answer in time",
          "see that the database is not suspended and lets this machine in"),
    Cause(r"no route to host|network is unreachable",
          "there is no way to that host from here", "there is no way to that host from here",
          "see the network of this machine, or correct the host in {address}"),
    Cause(r"no pg_hba\.conf entry",
          "the server does not let this machine or user in",
          "the server does not let this machine or user in",
          "add this machine to the database's allowed addresses"),
    Cause(r"too many clients|remaining connection slots|too many connections",
          "it has no connection left", "it has no connection left",
          "close idle connections, or raise the limit of the server, the database or the role"),
    Cause(r"starting up|shutting down|recovery mode",
          "it is starting or stopping", "it is starting or stopping",
          "wait until it takes connections"),
    Cause(r"ssl|certificate",
          "the TLS connection was refused", "the TLS connection was refused",
          "correct `sslmode` in {address}"),
)  # fmt: skip


def cause_of(said: str) -> Cause | None:
    """Return the cause of what libpq or the server said; None for one that is not known."""
    return next((c for c in CAUSES if re.search(c.pattern, said, re.IGNORECASE)), None)
