"""Find the chunks of a load that its source has changed since."""

from operations.transfer.chunks import Chunk, Expected, LiveSupply, Sums, target_sums
from operations.transfer.plan import Plan, TablePlan
from operations.transfer.session import Connection, value

RECORDED = (
    "select number, lower, upper, rows, hash_0, hash_1, quarantined, adjusted "
    "from _migration.chunk where digest = %s and table_name = %s and loaded_at is not null "
    "order by number"
)
# In the order in which a plan selects them: rows are compared as text.
QUARANTINE = "key, reason, row_data"
ADJUSTED = "key, column_name, action, fault, old_value, new_value"
SUM = "select coalesce(sum(hashtextextended(q::text, 0)), 0)::text from ({}) q"


def stale_chunks(
    destination: Connection, plan: Plan, supply: LiveSupply, *, there: bool = True
) -> list[tuple[TablePlan, Chunk]]:
    """Return the chunks that are not as the source would have them now.

    A row that is kept out, or changed on its way, counts as well: what is on record of it is all
    that people will look at.

    Args:
        destination: Session on the loaded database.
        plan: The compiled mapping of the load.
        supply: A snapshot of the source.
        there: Look at the destination's rows, too, and not only at what is on record of them.
    """
    stale: list[tuple[TablePlan, Chunk]] = []
    for table in plan.tables:
        for row in destination.execute(RECORDED, [plan.digest, table.name]).fetchall():
            chunk = Chunk(table.name, *row[:3])
            recorded = Expected(Sums(*row[3:6]), row[6], row[7])
            same = (
                recorded == supply.expected(table, chunk)
                and (not there or recorded.sums == _sums(destination, supply, table, chunk))
                and _same_evidence(destination, supply, table, chunk, recorded)
            )
            if not same:
                stale.append((table, chunk))
    return stale


def _sums(destination: Connection, supply: LiveSupply, table: TablePlan, chunk: Chunk) -> Sums:
    return target_sums(destination, table, chunk, text=supply.text_hashes)


def _same_evidence(
    destination: Connection, supply: LiveSupply, table: TablePlan, chunk: Chunk, recorded: Expected
) -> bool:
    """Hold what is on record of rows kept out and values changed against the source's rows."""
    where = table.span(chunk.lower, chunk.upper, source=True)
    kinds = (
        ("quarantine", QUARANTINE, recorded.quarantined, table.quarantined(where)),
        ("adjusted", ADJUSTED, recorded.adjusted, table.adjusted(where)),
    )
    for name, columns, count, query in kinds:
        there = f"select {columns} from _migration.{name} where table_name = %s and chunk = %s"
        if count and value(supply.session, SUM.format(query)) != value(
            destination, SUM.format(there), table.name, chunk.number
        ):
            return False
    return True
