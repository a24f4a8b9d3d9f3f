"""Task 9.0: nothing is written on the legacy side while its data moves."""

from collections.abc import Mapping

from handrail.clients.postgres import Database
from handrail.engine import FROM_TARGET, Commands, Finding, call, fails, holds, say, step
from handrail.naming import ticked
from handrail.transfer import freeze
from handrail.transfer.session import others, write_triggers

from .databases import source_answers

SHOWN = 5  # tables by name


def is_frozen(source: Database) -> bool:
    """Return whether new sessions of the database are read-only."""
    return freeze.is_frozen(source.url.reveal())


def writes_are_refused(source: Database, asked: bool) -> Finding:  # noqa: FBT001  inventory data
    """The legacy database refuses writes, and no session is left from before it did."""
    found = freeze.standing(source.url.reveal())
    if not asked:
        return holds(asked=False, frozen=found.frozen)
    if not found.frozen:
        return fails("it takes writes")
    if found.mark is None:
        return fails("new sessions are refused, but no finished freeze ended those from before")
    return holds(
        mark=found.mark,
        roles_that_still_write=list(found.overrides),
        tables_that_take_writes=list(found.open_tables),
    )


def thaw(source: Database, before: bool) -> None:  # noqa: FBT001  what was captured
    """Let the database take writes again, if it did before, and say who has to reconnect."""
    if before:
        write_triggers.remove_from(source.url.reveal())
        return
    thawed = freeze.thaw(source.url.reveal())
    say(f"`{source.name}` takes writes again; {thawed.sessions_ended} sessions were ended")
    if thawed.held:
        say(
            f"somebody holds {ticked(thawed.held)}: the trigger `{write_triggers.NAME}` is still "
            "there, and refuses nothing any more: `drop trigger …` of each when it is free"
        )
    if thawed.left:
        say(
            f"these began read-only and go on so until they reconnect: "
            f"{others.listed(thawed.left)}: restart the services that hold them"
        )


@step(
    requires=[source_answers],
    captures=is_frozen,
    ensures=writes_are_refused,
    rollback=thaw,
    rollback_name="Let the legacy database take writes again",
    stake="the legacy database refuses writes",
    felt="users read, and cannot write",
    idempotent=True,
    round_trips=39,
)
def writes(
    source: Database = FROM_TARGET,
    sessions_let_be: Mapping[str, str] = FROM_TARGET,
    asked: bool = True,  # noqa: FBT001, FBT002  passed by its name, as every argument of a step
) -> Commands:
    """Make the legacy database read-only and end the sessions that are open.

    Users can still read; what they try to write is refused with the application's own message.
    The refusal is proven by a write that must fail; a session that makes its transactions
    read-write by itself is refused by a trigger on each table, until the way back. Sessions that
    the database's owner may not end, and roles with settings of their own which let them write all
    the same, stop it before anything is changed, but for roles that are named with a reason. It
    leaves a mark in the database, by which later evidence names the state that it was made of.

    Args:
        source: The legacy database.
        sessions_let_be: Roles whose sessions stay, as a provider's monitoring: reason by role.
        asked: False leaves the database as it is: it is stopped by a later call.

    Raises:
        ClientError: unreachable, a session would write on, or a write still goes through.

    Source: https://www.postgresql.org/docs/current/runtime-config-client.html
    """
    if asked:
        yield call(stop, source, sessions_let_be)


def stop(database: Database, let_be: Mapping[str, str]) -> None:
    """Freeze, and say whom that does not stop."""
    frozen = freeze.freeze(database.url.reveal(), let_be=let_be)
    say(f"`{frozen.database}` refuses writes; {frozen.sessions_ended} sessions were ended")
    for each in frozen.left:
        reason = let_be.get(each.role, "it only sends the log of changes")
        say(f"{each} was let be: {reason}")
    if frozen.open_tables:
        more = f" and {len(frozen.open_tables) - SHOWN} more" * (len(frozen.open_tables) > SHOWN)
        say(
            f"{ticked(frozen.open_tables[:SHOWN])}{more} took no trigger, being another role's or "
            "held by somebody: a session that makes its transactions read-write by itself writes "
            "there"
        )
    if frozen.overrides:
        say(
            f"{ticked(frozen.overrides)} can still write: of each, "
            "`alter role … reset default_transaction_read_only`, "
            f"also `in database {frozen.database}`"
        )
