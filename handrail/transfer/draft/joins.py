"""Keys that name their row by another column there: by a number what was named by a text."""

from handrail.transfer.draft import columns
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.catalog import Catalog, Constraint, Table
from handrail.transfer.sql.named import reference


def joined(
    source: Catalog, destination: Catalog, goes_to: dict[str, str], pair: tuple[Table, Table],
    names: tuple[str, str],
) -> tuple[str, str] | None:  # fmt: skip
    """Return the expression that finds the other name of the same row, and what is doubtful.

    Args:
        source: The source.
        destination: The destination.
        goes_to: Source tables with the destination tables they go to.
        pair: Source and destination table.
        names: A column of each, the one to be filled from the other.

    Returns:
        None where both refer to a row by the same column, or to different tables.
    """
    mine, other = (_key(table, name) for table, name in zip(pair, names, strict=True))
    if mine is None or other is None or goes_to.get(mine.target or "") != other.target:
        return None
    parent, there = source.by_name[mine.target or ""], destination.by_name[other.target or ""]
    by, wanted = mine.target_columns[0], other.target_columns[0]
    named = columns.pair(parent, there, goes_to).origins.get(wanted)
    if named is None or named == by:
        return None
    query = f"select k.{quoted(named)} from {parent.qualified} k where k.{quoted(by)} = "
    doubt = (
        f"it refers to `{there.name}.{wanted}`, `{names[0]}` to `{parent.name}.{by}`: the row is "
        "found by that"
    )
    return f"({query}{reference(names[0])})", doubt


def _key(table: Table, name: str) -> Constraint | None:
    """Return the foreign key of one column alone, if it has one."""
    return next((key for key in table.foreign_keys if key.columns == (name,)), None)
