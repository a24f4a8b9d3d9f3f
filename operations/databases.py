"""Claims of databases that several steps rely on."""

from handrail.clients.postgres import Database
from handrail.engine import Finding, check, fails, holds, holds_if
from handrail.transfer import freeze


@check(fix="see the database's reference in the inventory, and whether its server runs")
def database_answers(database: Database) -> Finding:
    """The database answers."""
    return _answers(database)


@check(fix="see the reference of `source` in the inventory, and whether its server runs")
def source_answers(source: Database) -> Finding:
    """The legacy database answers."""
    return _answers(source)


def _answers(database: Database) -> Finding:
    with database.connect() as connection:
        connection.execute("SELECT 1")
    return holds()


@check(fix="run the runbook's task that stops legacy writes first")
def writes_are_stopped(source: Database) -> Finding:
    """The legacy database takes no writes, so that nothing is lost after its rows are read."""
    found = freeze.standing(source.url.reveal())
    if not found.frozen:
        return fails(f"`{source.name}` takes writes")
    return holds_if(found.mark, f"`{source.name}` was not frozen to the end")
