"""Task 9.0: nothing is written on the legacy side while its data moves."""

from handrail.clients.postgres import Database
from handrail.engine import Commands, Finding, call, fails, holds, say, step
from handrail.transfer import freeze

from .databases import database_answers


def is_frozen(database: Database) -> bool:
    """Return whether new sessions of the database are read-only."""
    return freeze.is_frozen(database.url.reveal())


def writes_are_refused(database: Database) -> Finding:
    """The legacy database refuses writes."""
    if not is_frozen(database):
        return fails("it takes writes")
    return holds(roles_that_still_write=list(freeze.overrides(database.url.reveal())))


def thaw(database: Database, before: bool) -> None:  # noqa: FBT001  what was captured
    """Let the database take writes again, if it did before."""
    if not before:
        freeze.thaw(database.url.reveal())


@step(
    requires=[database_answers],
    captures=is_frozen,
    ensures=writes_are_refused,
    rollback=thaw,
    idempotent=True,
)
def writes(database: Database) -> Commands:
    """Make the legacy database read-only and end the sessions that are open.

    Users can still read; what they try to write is refused with the application's own message.
    The refusal is proven by a write that must fail. Roles with settings of their own, which let
    them write all the same, are named.

    Args:
        database: The legacy database.

    Raises:
        ClientError: unreachable, or a write still goes through.

    Source: https://www.postgresql.org/docs/current/runtime-config-client.html
    """
    yield call(stop, database)


def stop(database: Database) -> None:
    """Freeze, and say whom that does not stop."""
    frozen = freeze.freeze(database.url.reveal())
    say(f"`{frozen.database}` refuses writes; {frozen.sessions_ended} sessions were ended")
    if frozen.overrides:
        roles = ", ".join(f"`{role}`" for role in frozen.overrides)
        say(
            f"{roles} can still write: of each, `alter role … reset default_transaction_read_only`"
            f", also `in database {frozen.database}`"
        )
