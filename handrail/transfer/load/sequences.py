"""Sequences of the destination: the next number is above every one ever used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handrail.transfer.load.chunks import Supply
from handrail.transfer.session.asking import Line, rows, together
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.numbered import mapped, number_in
from handrail.transfer.sql.plan import Plan

Members = Sequence[tuple[Table, Column]]


def set_sequences(session: Connection, plan: Plan, supply: Supply) -> None:
    """Set the sequences that give the numbers of loaded tables, also of rows that were kept out.

    One that several columns share, loaded or not, goes beyond the numbers of all of them; one that
    counts down goes below. None goes back: what it gave before may stand in a log or with somebody
    else, though its row is gone.
    """
    uses = _uses(plan)
    if not uses:
        return
    theirs = _used_there(plan, supply, uses)
    counters = together(_counter(session, *use) for use in uses.items())
    calls = (
        f"setval({literal(sequence)}, {counter.after(theirs[sequence])})"
        for sequence, counter in zip(uses, counters, strict=True)
    )
    session.execute(f"select {', '.join(calls)}")


def _uses(plan: Plan) -> dict[str, Members]:
    """Return the sequences of loaded tables, with every column that each of them numbers."""
    return {
        sequence: members
        for sequence, members in plan.destination.sequences().items()
        if not plan.by_name.keys().isdisjoint(table.name for table, _ in members)
    }


def _used_there(plan: Plan, supply: Supply, uses: dict[str, Members]) -> dict[str, list[int]]:
    """Return by sequence the highest numbers that its columns hold on the source."""
    asked = list(mapped(plan, uses))
    found = supply.highest([(table, column.name) for _, table, column in asked])
    used: dict[str, list[int]] = {sequence: [] for sequence in uses}
    for (sequence, _, _), number in zip(asked, found, strict=True):
        if number is not None:
            used[sequence].append(number)
    return used


@dataclass(frozen=True)
class _Counter:
    """How a sequence counts, from where and within which numbers, and the furthest used there."""

    ascends: bool
    start: int
    lowest: int
    highest: int
    used: tuple[int, ...]

    def after(self, others: Iterable[int]) -> str:
        """Return the arguments of `setval` after which the next number is beyond all of these."""
        within = [number for number in others if self.lowest <= number <= self.highest]
        used = [*self.used, *(within if self.ascends else ())]
        last = (max if self.ascends else min)([*used, self.start])
        return f"{last}, {str(last in used).lower()}"


def _counter(session: Connection, sequence: str, members: Members) -> Line[_Counter]:
    """Ask which way a sequence counts, and the furthest numbers in use there."""
    ends = ", ".join(_furthest(table, column) for table, column in members)
    # what it begins with where it gave none yet, and the last one that it gave
    ((ascends, start, lowest, highest, used),) = yield from rows(
        session,
        "select q.seqincrement > 0, case when l.is_called then q.seqstart else l.last_value end, "
        "q.seqmin, q.seqmax, "
        f"array[{ends}, case when l.is_called then l.last_value::numeric end] "
        f"from pg_sequence q, {sequence} l where q.seqrelid = {literal(sequence)}::regclass",
    )
    there = tuple(int(number) for number in used if number is not None)
    return _Counter(ascends, start, lowest, highest, there)


def _furthest(table: Table, column: Column) -> str:
    """Return an expression: the furthest number that a column holds which `q` may have given."""
    number = number_in(column, quoted(column.name))
    given = f"select {number} as n from {table.rows}"
    furthest = "case when q.seqincrement > 0 then max(n) else min(n) end"
    return f"(select {furthest} from ({given}) g where n between q.seqmin and q.seqmax)::numeric"
