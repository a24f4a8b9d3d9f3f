"""Count the rows of a table, and those with each fault, in one reading of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from handrail.transfer.mapping.rules import Action
from handrail.transfer.read.misfits import SAMPLES, SHOWN, Misfit
from handrail.transfer.session.asking import Line, gathered, rows
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.pieces import pieces
from handrail.transfer.sql.parts import FaultPlan
from handrail.transfer.sql.plan import TablePlan

VERDICTS = {
    Action.REFUSE: "refused", Action.QUARANTINE: "quarantined", Action.KEEP: "noted",
}  # fmt: skip
STAND_INS = {Action.DEFAULT, Action.SENTINEL, Action.PLACEHOLDER}
TEXTS = 10  # different texts that are listed of one fault
AT_ONCE = 400  # faults of one query, which may have 1,664 columns


@dataclass(frozen=True)
class TableCount:
    """Rows of one table: all, those that will be moved, those kept out, and how many may be.

    `failed` says that they could not be counted: an expression fails on some row.
    """

    table: str
    source: str
    rows: int
    moved: int
    quarantined: int
    allowed: int
    failed: bool = False

    def reason(self) -> str | None:
        """Say that more would be kept out than may be, where it is so."""
        if self.quarantined <= self.allowed:
            return None
        out = f"{self.quarantined} of {self.rows} rows would be kept out"
        return f"`{self.table}`: {out}, {self.allowed} may be"


@dataclass(frozen=True)
class _Hit:
    """A fault that some rows have, with the condition under which it counts."""

    fault: FaultPlan
    condition: str
    rows: int


def count(session: Connection, table: TablePlan) -> Line[tuple[TableCount, list[Misfit]]]:
    """Count one table, and say what is wrong with which of its rows.

    Raises:
        psycopg.Error: an expression of the mapping fails on some row; see `raising`.
    """
    totals, hits = yield from _totals(session, table, "true")
    found = yield from _found(session, table, hits, "true")
    lost = Counter[tuple[str, str]]()
    for hit in hits:
        lost[hit.fault.column, hit.fault.action] += hit.rows
    return totals, [*found, *beyond(table, totals.rows, lost)]


def faulty(session: Connection, table: TablePlan, where: str) -> Line[list[Misfit]]:
    """Say what is wrong with which of the rows under a condition; bounds are for all rows."""
    _, hits = yield from _totals(session, table, where)
    return (yield from _found(session, table, hits, where))


def _totals(
    session: Connection, table: TablePlan, where: str
) -> Line[tuple[TableCount, list[_Hit]]]:
    counted = _counted(table)
    hits: list[_Hit] = []
    # a table without a fault is counted all the same
    for batch in pieces(table.faults, AT_ONCE) or [[]]:
        conditions = [_condition(table, fault) for fault in batch]
        parts = counted + [f"count(*) filter (where {condition})" for condition in conditions]
        query = f"select {', '.join(parts)} from {table.relation(where)}"
        (row,) = yield from rows(session, query)
        found = zip(batch, conditions, row[len(counted) :], strict=True)
        hits += [_Hit(fault, condition, number) for fault, condition, number in found if number]
    totals = TableCount(table.name, table.source, row[0], row[1], row[2], table.limit.of(row[0]))
    return totals, hits


def _counted(table: TablePlan) -> list[str]:
    """Return what is counted beside the faults: rows, those moved and kept out, values."""
    moved = f"filter (where {table.kept()})"
    out = f"count(*) filter (where ({table.reason}) is not null)" if table.reason else "0"
    values = (column.sql for column in table.columns if column.may_fail)
    return ["count(*)", f"count(*) {moved}", out, *(f"count({sql}) {moved}" for sql in values)]


def _condition(table: TablePlan, fault: FaultPlan) -> str:
    """Return the condition of the rows for which a fault counts."""
    return fault.condition if fault.keeps_out else f"{table.kept()} and {fault.condition}"


def _found(
    session: Connection, table: TablePlan, hits: Sequence[_Hit], where: str
) -> Line[list[Misfit]]:
    looks = (_findings(session, table, batch, where) for batch in pieces(hits, AT_ONCE))
    return (yield from gathered(looks))


def _findings(
    session: Connection, table: TablePlan, hits: Sequence[_Hit], where: str
) -> Line[list[Misfit]]:
    """Look for examples of all faults in one more reading.

    What is found is kept first: with a limit right behind it, the planner takes the first rows to
    come soon, and reads a joined table once for each row.
    """
    marks = ", ".join(
        f"({hit.condition}) as f{n}, "
        f"case when {hit.condition} then left({hit.fault.old}, {SHOWN}) end as o{n}"
        for n, hit in enumerate(hits)
    )
    either = " or ".join(f"({hit.condition})" for hit in hits)
    asked = ", ".join(
        f"array(select key from found where f{n} limit {SAMPLES}), "
        f"(select coalesce(jsonb_agg(jsonb_build_array(o{n}, n) order by n desc, o{n}), '[]') from "
        f"(select o{n}, count(*) as n from found where f{n} and o{n} is not null group by 1 "
        f"order by 2 desc, 1 limit {TEXTS}) t)"
        for n, _ in enumerate(hits)
    )
    (row,) = yield from rows(
        session,
        f"with found as materialized (select {table.key_text} as key, {marks} "
        f"from {table.relation(where)} where {either}) select {asked}",
    )
    return [
        _finding(table, hit, tuple(keys), tuple((text, number) for text, number in texts))
        for hit, keys, texts in zip(hits, row[::2], row[1::2], strict=True)
    ]


def _finding(
    table: TablePlan, hit: _Hit, keys: tuple[str, ...], texts: tuple[tuple[str, int], ...]
) -> Misfit:
    fault = hit.fault
    verdict = VERDICTS.get(fault.action, "adjusted")
    what = fault.reason if fault.action in VERDICTS else f"{fault.reason} ({fault.action})"
    return Misfit(
        table.name, fault.column, what, verdict, hit.rows, keys, str(fault.place), texts=texts
    )


def beyond(table: TablePlan, total: int, lost: Mapping[tuple[str, str], int]) -> Iterator[Misfit]:
    """Yield the columns in which more values are lost than declared.

    Args:
        table: The table.
        total: Its rows.
        lost: How many values of a column are treated by an action.
    """
    for column in table.columns:
        rule = column.rule
        stood_in = sum(lost.get((column.name, action), 0) for action in STAND_INS)
        for number, limit, become, key in (
            (lost.get((column.name, Action.NULL), 0), rule.max_nulled, "become NULL", "max_nulled"),
            (stood_in, rule.max_defaulted, "get a stand-in", "max_defaulted"),
        ):
            if number > limit.of(total):
                what = f"{number} of {total} rows would {become}, `{key}` allows {limit}"
                yield Misfit(table.name, column.name, what, "refused", 0, (), str(rule.place))
