"""Find the chunks of a load that its source has changed since."""

from handrail.transfer.load.chunks import Supply, move, target_sums
from handrail.transfer.load.keys_aside import keys_aside
from handrail.transfer.read import journal
from handrail.transfer.read.journal import Chunk, Expected
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.sql.plan import Plan, TablePlan

# In the order in which a plan selects them: rows are compared as text.
QUARANTINE = "key, reason, row_data"
ADJUSTED = "key, column_name, action, fault, old_value, new_value"
SUM = "select coalesce(sum(hashtextextended(q::text, 0)), 0)::text from ({}) q"


def stale_chunks(
    destination: Connection, plan: Plan, supply: Supply, *, there: bool = True
) -> list[tuple[TablePlan, Chunk]]:
    """Return the chunks that are not as the source would have them now.

    A row that is kept out, or changed on its way, counts as well: what is on record of it is all
    that people will look at.

    Args:
        destination: Session on the loaded database.
        plan: The compiled mapping of the load.
        supply: A snapshot of the source, or an export.
        there: Look at the destination's rows, too, and not only at what is on record of them.
    """
    stale: list[tuple[TablePlan, Chunk]] = []
    text = supply.text_hashes
    for table in plan.tables:
        for done in journal.moved(destination, plan.digest, [table.name]):
            chunk, recorded = done.chunk, done.expected
            same = recorded == supply.expected(table, chunk) and (
                not there or recorded.sums == target_sums(destination, table, chunk, text=text)
            )
            if same and isinstance(supply, LiveSupply):  # the files of an export do not change
                same = _same_evidence(destination, supply, table, chunk, recorded)
            if not same:
                stale.append((table, chunk))
    return stale


def refresh(destination: Connection, plan: Plan, supply: Supply) -> int:
    """Move again the chunks that the source has changed since they were moved; return how many.

    In one transaction: a row gone from a parent and from its children is gone from both at once.
    """
    stale = stale_chunks(destination, plan, supply)
    parents = {table.name for table, _ in stale}
    with (
        destination.transaction(),
        keys_aside(destination, plan.destination.schema, parents),
    ):
        for table, chunk in stale:
            move(supply, destination, table, chunk, plan.digest, again=True)
    return len(stale)


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
