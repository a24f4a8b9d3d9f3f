"""What the mapping itself changes, row by row: values that `sql:` makes others of, dropped columns.

It stands in `_migration.adjusted` beside the values that had a fault. Of each column the first rows
only: the preflight counts them all.
"""

from collections.abc import Iterator

from handrail.transfer.load.batches import ADJUSTED, inserting
from handrail.transfer.mapping.rules import MOST_RECORDED
from handrail.transfer.read.left_out import changed_of, dropped_of
from handrail.transfer.session.asking import Question, answers, rows, together
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.secret import WITHHELD, sounds_secret

# They are of a table, not of a chunk: a chunk that is moved again leaves them.
OF_THE_TABLE = -1
FORGET = f"delete from _migration.adjusted where chunk = {OF_THE_TABLE}"


def record(destination: Connection, plan: Plan, source: Connection) -> None:
    """Write down what the rows of a snapshot lose by the mapping's own word.

    Args:
        destination: Session on the loaded database.
        plan: The compiled mapping.
        source: Session inside the snapshot that was loaded.
    """
    listings = [
        listing for table in plan.tables for listing in (*_changed(table), *_dropped(plan, table))
    ]
    found = answers([Question(source, listing, texts=True) for listing in listings])
    with destination.transaction():
        put = (inserting(destination, "_migration.adjusted", ADJUSTED, each) for each in found)
        together([rows(destination, FORGET), *put])


def _changed(table: TablePlan) -> Iterator[str]:
    """Yield a SELECT for each column whose `sql:` makes another value of the one it reads."""
    for column in table.columns:
        found = changed_of(table, column)
        if found is not None and not column.secret:
            label = f"{literal(table.name)}, {OF_THE_TABLE}, {table.key_text}"
            yield _first(
                f"select {label}, {literal(column.name)}, 'sql', 'changed', "
                f"{found.was}, {found.now} "
                f"from {found.rows}"
            )


def _dropped(plan: Plan, table: TablePlan) -> Iterator[str]:
    """Yield a SELECT for each column of its source that is dropped, of the rows that are moved."""
    for column in dropped_of(plan, table) if not table.also else ():
        value = f"s.{quoted(column)}"
        hidden = column in table.secrets or sounds_secret(column)
        shown = WITHHELD if hidden else f"{value}::text"
        yield _first(
            f"select {literal(table.name)}, {OF_THE_TABLE}, {table.key_text}, "
            f"{literal(column)}, 'drop', 'dropped', {shown}, null::text "
            f"from {table.relation(needs=table.needs_of_kept)} "
            f"where {table.kept()} and {value} is not null"
        )


def _first(query: str) -> str:
    """Return a SELECT of the first rows of another.

    They are kept first: with a limit right behind a join, the planner takes these rows to come
    soon, and reads what is joined once for each row.
    """
    return f"with found as materialized ({query}) select * from found limit {MOST_RECORDED}"
