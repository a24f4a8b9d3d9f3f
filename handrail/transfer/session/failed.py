"""What a database said to a statement, in words that say what to do about it."""

import psycopg

from handrail.clients.errors import ClientError
from handrail.transfer.session.connection import first_line

# Classes and codes of SQLSTATE, the longest that fits first, with what to do then.
# Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
FIXES = {
    "42501": "let its user read every table: `grant select on all tables in schema … to …`",
    "57014": "see what cancelled it, or holds a lock that it waited for",
    "08": "see that the server is up",
    "57": "see that the server is up",
    "53": "free connections, memory or disk space of the server",
    "22": "see which value the rules of the mapping cannot convert: try the preflight",
    "42": "see the `sql:` of the mapping, and that both schemas are those it was written for",
}


def statement_failed(error: psycopg.Error) -> ClientError:
    """Return the refusal for a statement that a database did not carry out; it quotes no row."""
    state = error.sqlstate or "08"  # a lost connection has no state
    fit = next((FIXES[state[:n]] for n in (5, 2) if state[:n] in FIXES), None)
    fix = fit or f"look SQLSTATE {state} up in the server's log, which has the statement"
    return ClientError(
        "a database did not answer as it was asked",
        first_line(error),
        f"{fix}; then the same command again",
    )
