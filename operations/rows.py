"""Claims and reads of the rows that move between two databases, which several steps rely on."""

from contextlib import AbstractContextManager

from handrail.clients.postgres import Database
from handrail.engine import Finding, Sql, check, fails, holds, holds_if
from handrail.transfer import freeze
from handrail.transfer.backup import backup as backups
from handrail.transfer.load import load as loads
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql import compile as compiled
from handrail.transfer.sql.compile import Sides, open_plan
from handrail.transfer.sql.plan import Plan
from handrail.transfer.sql.withhold import shown_sql

from .evidence import folder_of_backup


def opened(mapping: str, source: Database, destination: Database) -> Plan:
    """Compile the mapping against both live catalogs."""
    return open_plan(mapping, *urls(source, destination))


def opening(mapping: str, source: Database, destination: Database) -> AbstractContextManager[Sides]:
    """Compile the mapping, and keep the sessions on both databases for what else is asked."""
    return compiled.opening(mapping, *urls(source, destination))


def urls(source: Database, destination: Database) -> tuple[str, str]:
    """Return both addresses."""
    return source.url.reveal(), destination.url.reveal()


def sql_of_rows(source: Database, destination: Database, mapping: str) -> Sql:
    """Return the SQL that reads the rows as they will be, table by table."""
    return Sql(shown_sql(opened(mapping, source, destination)))


def rows_there(destination: Database) -> dict[str, str]:
    """Return rows and hash of every table there: what users wrote since a load shows in it."""
    return backups.fingerprint(destination.url.reveal())


def of_this_state(
    what: str, mark: str | None, database: Database, session: Connection | None = None
) -> Finding:
    """Tell whether evidence is of the state that a database is in now.

    What was made of a database that was not frozen names no state, so it cannot tell: that is for
    whoever relies on it.

    Args:
        what: The evidence, at the start of a sentence.
        mark: The freeze that it was made of.
        database: What it was made of.
        session: One that is open there, if one is.
    """
    if mark is None:
        return holds()
    now = freeze.mark_of(session or database.url.reveal())
    if now is None:
        return fails(f"{what} is of the freeze `{mark}`; `{database.name}` was let go since")
    return holds_if(
        now == mark,
        f"{what} is of the freeze `{mark}`; `{database.name}` was frozen again since, as `{now}`",
    )


@check(
    fix="roll back to the task of that backup (`--data to=TASK`): the same command then takes "
    "one of the state that is there now"
)
def way_back_is_proven(destination: Database, directory: str, label: str, run: str) -> Finding:
    """The backup that a rollback restores is of this database before the load, and proven."""
    place = folder_of_backup(directory, label, run)
    if backups.proof(place) is None:
        return fails(f"`{place}` is not a proven backup")
    made = backups.check(place)
    if made.database != destination.name:
        return fails(f"`{place}` is a backup of `{made.database}`")
    url = destination.url.reveal()
    if loads.is_begun(url):  # what is there is the load's, and goes with it
        return holds()
    changed = backups.changed_since(made, url)
    return holds_if(not changed, f"rows changed since the backup, in {', '.join(changed)}")
