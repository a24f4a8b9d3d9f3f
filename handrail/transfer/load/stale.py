"""Find the chunks of a load that its source has changed since."""

import itertools
from typing import Any

from handrail.transfer.load.chunks import Supply, clearing, move, preparing, target_sums
from handrail.transfer.load.keys_aside import keys_aside
from handrail.transfer.read import journal
from handrail.transfer.read.journal import Chunk, Moved
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.asking import (
    Line,
    Question,
    beginning,
    rows,
    side_by_side,
    together,
)
from handrail.transfer.session.connection import Connection
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
    recorded = moved_of(destination, plan)
    same = together([_is_same(destination, supply, *each, there=there) for each in recorded])
    return [
        (table, done.chunk)
        for (table, done), is_same in zip(recorded, same, strict=True)
        if not is_same
    ]


def moved_of(destination: Connection, plan: Plan) -> list[tuple[TablePlan, Moved]]:
    """List the chunks on record as moved, each with its table, in the plan's order."""
    tables = {table.name: (place, table) for place, table in enumerate(plan.tables)}
    found = journal.moved(destination, plan.digest, list(tables))
    found.sort(key=lambda done: tables[done.chunk.table][0])
    return [(tables[done.chunk.table][1], done) for done in found]


def _is_same(
    destination: Connection, supply: Supply, table: TablePlan, done: Moved, *, there: bool
) -> Line[bool]:
    chunk, recorded = done.chunk, done.expected
    asked: list[Line[Any]] = [supply.expected(table, chunk)]
    if there:
        asked.append(target_sums(destination, table, chunk, text=supply.text_hashes))
    expected, *found = yield from side_by_side(asked)
    same = recorded == expected and all(each == recorded.sums for each in found)
    if same and isinstance(supply, LiveSupply):  # the files of an export do not change
        same = yield from _same_evidence(destination, supply, table, done)
    return same


def refresh(destination: Connection, plan: Plan, supply: Supply) -> list[tuple[TablePlan, Chunk]]:
    """Move again the chunks that the source has changed since they were moved, and return them.

    In one transaction: a row gone from a parent and from its children is gone from both at once.
    All of them are taken away before the first is there again, for a value that is unique may have
    gone from a row of one chunk to one of another.
    """
    if not (stale := stale_chunks(destination, plan, supply)):
        return []
    parents = {table.name for table, _ in stale}
    with (
        beginning(destination) as begun,
        keys_aside(destination, plan.destination.schema, parents),
    ):
        gone = itertools.chain.from_iterable(itertools.starmap(clearing, stale))
        together([*preparing(destination), *(rows(destination, each) for each in gone)])
        for table, chunk in stale:
            move(supply, destination, table, chunk, plan.digest, within=begun)
    return stale


def _same_evidence(
    destination: Connection, supply: LiveSupply, table: TablePlan, done: Moved
) -> Line[bool]:
    """Hold what is on record of rows kept out and values changed against the source's rows."""
    where = table.span(done.chunk.lower, done.chunk.upper, source=True)
    kinds = (
        ("quarantine", QUARANTINE, done.expected.quarantined, table.quarantined(where)),
        ("adjusted", ADJUSTED, done.expected.adjusted, table.adjusted(where)),
    )
    recorded = [table.name, done.chunk.number]
    asked: list[Question] = []
    for name, columns, count, query in kinds:
        if count:
            there = f"select {columns} from _migration.{name} where table_name = %s and chunk = %s"
            asked.append(Question(supply.session, SUM.format(query)))
            asked.append(Question(destination, SUM.format(there), recorded))
    sums = yield asked
    return sums[::2] == sums[1::2]
