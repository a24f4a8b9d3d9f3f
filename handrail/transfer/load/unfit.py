"""What came to a source since its preflight, and would have been refused by it."""

import itertools
from collections import defaultdict
from collections.abc import Sequence

from handrail.transfer.load.altered import OF_THE_TABLE
from handrail.transfer.load.chunks import LoadFailed
from handrail.transfer.read.counts import beyond, faulty
from handrail.transfer.read.journal import Chunk
from handrail.transfer.read.misfits import Misfit
from handrail.transfer.session.asking import answered, gathered
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan, TablePlan

MOST_TOLD = 5  # of what is wrong with rows
ROWS = """
select table_name, sum(rows + quarantined)::bigint from _migration.chunk where digest = %s
group by 1
"""
TREATED = f"""
select table_name, column_name, action, count(*) from _migration.adjusted
where chunk <> {OF_THE_TABLE} group by 1, 2, 3
"""


def refuse(
    plan: Plan,
    source: Connection,
    destination: Connection,
    moved: Sequence[tuple[TablePlan, Chunk]],
) -> None:
    """Refuse rows that do not fit, and more values that are lost than the mapping allows.

    Args:
        plan: The compiled mapping.
        source: Session inside the snapshot that was followed.
        destination: Session on the destination, in the transaction that follows it.
        moved: The chunks that were moved again.

    Raises:
        LoadFailed: with the first of what is wrong.
    """
    if not moved:
        return
    unfit = [*_refused(source, moved), *_beyond(plan, destination)]
    if unfit:
        told = "; ".join(each.told for each in unfit[:MOST_TOLD])
        raise LoadFailed(
            "the load was not brought up to date",
            f"rows that were written since do not fit: {told}",
            "mend them on the source (a frozen one takes it after `begin read write`), then the "
            "same command again; the destination is as it was",
        )


def _refused(source: Connection, moved: Sequence[tuple[TablePlan, Chunk]]) -> list[Misfit]:
    """Find what a preflight of these chunks would refuse."""
    looks = (
        faulty(source, table, table.span(chunk.lower, chunk.upper, source=True))
        for table, chunk in moved
    )
    return [each for each in answered(gathered(looks)) if each.verdict == "refused"]


def _beyond(plan: Plan, destination: Connection) -> list[Misfit]:
    """Find the columns in which more values are lost by now than may be."""
    rows: dict[str, int] = dict(destination.execute(ROWS, [plan.digest]).fetchall())
    # of a source that two tables are filled from, the rows of one are all there are
    totals = {table.source: rows[table.name] for table in plan.tables if not table.also}
    lost: defaultdict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for name, column, action, number in destination.execute(TREATED):
        lost[name][column, action] = number
    found = (beyond(table, totals[table.source], lost[table.name]) for table in plan.tables)
    return list(itertools.chain.from_iterable(found))
