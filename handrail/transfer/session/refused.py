"""Why a server did not do as it was asked, in words that say what to do about it."""

import re

import psycopg

from handrail.clients.errors import ClientError

# By the first characters of the SQLSTATE, the longest first.
# Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
FIXES = (
    ("42501", "grant its user that, or put the URL of the tables' owner into the inventory"),
    ("25006", "it is read-only: name the primary, or thaw it if a freeze is still on"),
    ("55000", "make ready for it what the message names"),
    ("53100", "make room on the server's disk"),
    ("53300", "close idle connections of the server"),
    ("57014", "raise the limit that cancelled it, as `statement_timeout` of the role"),
    ("08", "see that the server answers"),
    ("57P", "see that the server answers"),
    ("40", "something else held what it needed"),
    ("55", "end the session that holds it, or wait for it"),
    ("53", "give the server more of what it lacks"),
    ("22", "run the preflight: it names the rows; mend them or the mapping"),
    ("23", "run the preflight: it names the rows; mend them or the mapping"),
    ("42", "hold the mapping against the tables: run the preflight"),
    ("54", "hold the mapping against the tables: run the preflight"),
)
# PostgreSQL has no SQLSTATE of its own for rows that a policy would hide.
HIDDEN = "row-level security"
LET_SEE = (
    "let the role see every row: `alter role ROLE bypassrls`, or the URL of the table's owner with "
    "`alter table TABLE no force row level security`"
)
ASKED = "asked of the "
USUAL_FIX = "read the server's log at this moment, mend what it names"


class DatabaseRefused(ClientError):
    """A server did not do what it was asked; `error` is what psycopg raised.

    Args:
        name: What messages call the database, as `source`.
        error: What the server, or the line to it, answered.
    """

    def __init__(self, name: str, error: psycopg.Error) -> None:
        super().__init__(
            f"the {name} did not do as it was asked",
            f"{first_line(error)}{_on(error)}",
            f"{advice(error)}, then the same command again",
        )
        self.error = error


def advice(error: psycopg.Error) -> str:
    """Return what to do about what a server answered."""
    state = error.sqlstate or "08"  # without a state no server spoke: the line is gone
    if HIDDEN in first_line(error):
        return LET_SEE
    return next((fix for begin, fix in FIXES if state.startswith(begin)), USUAL_FIX)


def raised_in(error: psycopg.Error) -> str | None:
    """Return the function of a trigger, a check or an index in which it came up, if in one."""
    found = re.search(r'function (\S+\(.*\)|"[^\n]+")', error.diag.context or "")
    return f"function {found[1]}" if found else None


def asked(error: psycopg.Error, name: str) -> None:
    """Note on an error which of several databases it is about."""
    error.add_note(f"{ASKED}{name}")


def asked_of(error: psycopg.Error) -> str | None:
    """Return which database an error is about, where that was noted."""
    notes: list[str] = getattr(error, "__notes__", [])
    return next((note.removeprefix(ASKED) for note in notes if note.startswith(ASKED)), None)


def first_line(error: psycopg.Error) -> str:
    """Return what the server said, without its details: those quote rows."""
    if error.diag.message_primary:
        return error.diag.message_primary
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _on(error: psycopg.Error) -> str:
    """Return the table, column and constraint it is about, where the message does not say."""
    said = error.diag.message_primary or ""
    named = (
        ("table", error.diag.table_name),
        ("column", error.diag.column_name),
        ("constraint", error.diag.constraint_name),
    )
    listing = [f"{kind} `{name}`" for kind, name in named if name and name not in said]
    return f" ({', '.join(listing)})" if listing else ""
