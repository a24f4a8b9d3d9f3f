"""Sequences of the destination: the next number is above every one ever used."""

from collections.abc import Sequence

from handrail.transfer.load.chunks import Supply
from handrail.transfer.session.asking import Line, rows, together
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.plan import Plan


def set_sequences(session: Connection, plan: Plan, supply: Supply) -> None:
    """Set the sequences that give the numbers of loaded tables, also of rows that were kept out.

    One that several columns share, loaded or not, goes beyond the numbers of all of them; one that
    counts down goes below.
    """
    loaded = {table.name: table for table in plan.tables}
    uses = {
        sequence: members
        for sequence, members in plan.destination.sequences().items()
        if any(table.name in loaded for table, _ in members)
    }
    if not uses:
        return
    copied = [
        (loaded[table.name], column.name)
        for members in uses.values()
        for table, column in members
        if table.name in loaded and column.name in {c.name for c in loaded[table.name].columns}
    ]
    highest = {
        (table.name, name): number
        for (table, name), number in zip(copied, supply.highest(copied), strict=True)
    }
    there = together([_numbers(session, sequence, members) for sequence, members in uses.items()])
    calls = []
    for (sequence, members), (ascends, start, known) in zip(uses.items(), there, strict=True):
        theirs = [highest.get((t.name, c.name)) for t, c in members] if ascends else []
        used = [number for number in (*known, *theirs) if number is not None]
        furthest = max if ascends else min
        beyond = bool(used) and furthest([*used, start]) in used
        call = f"{furthest(used)}, true" if beyond else f"{start}, false"
        calls.append(f"setval({literal(sequence)}, {call})")
    session.execute(f"select {', '.join(calls)}")


def _numbers(
    session: Connection, sequence: str, members: Sequence[tuple[Table, Column]]
) -> Line[tuple[bool, int, list[int | None]]]:
    """Ask which way a sequence counts, from where, and the furthest numbers in use there."""
    ends = ", ".join(
        f"(select case when q.seqincrement > 0 then max({quoted(column.name)}) "
        f"else min({quoted(column.name)}) end from {table.rows})::numeric"
        for table, column in members
    )
    ((ascends, start, known),) = yield from rows(
        session,
        f"select q.seqincrement > 0, q.seqstart, array[{ends}] from pg_sequence q "
        f"where q.seqrelid = {literal(sequence)}::regclass",
    )
    return ascends, start, [None if each is None else int(each) for each in known]
