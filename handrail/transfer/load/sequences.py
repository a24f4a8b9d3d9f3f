"""Sequences of the destination: the next number is above every one ever used."""

from handrail.transfer.load.chunks import Supply
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.plan import Plan


def set_sequences(session: Connection, plan: Plan, supply: Supply) -> None:
    """Set the sequences that give the numbers of loaded tables, also of rows that were kept out.

    One that several columns share, loaded or not, goes beyond the numbers of all of them; one that
    counts down goes below.
    """
    loaded = {table.name: table for table in plan.tables}
    for sequence, uses in plan.destination.sequences().items():
        if not any(table.name in loaded for table, _ in uses):
            continue
        row = session.execute(
            "select seqincrement > 0, seqstart from pg_sequence "
            f"where seqrelid = {literal(sequence)}::regclass"
        ).fetchone()
        ascends, start = row or (True, 1)
        furthest = max if ascends else min
        known = []
        for table, column in uses:
            query = f"select {furthest.__name__}({quoted(column.name)}) from {table.rows}"
            known.append(value(session, query))
            plans = loaded.get(table.name)
            if ascends and plans and any(item.name == column.name for item in plans.columns):
                known.append(supply.highest(plans, column.name))
        used = [number for number in known if number is not None]
        beyond = bool(used) and furthest([*used, start]) in used
        call = f"{furthest(used)}, true" if beyond else f"{start}, false"
        session.execute(f"select setval({literal(sequence)}, {call})")
