"""See in two sums that every value maps back to its legacy text, without moving a row.

Of each side a row is hashed in a form that is equal where it maps back: the legacy text on the
source, the value mapped back on the destination. Only where the sums differ are the texts brought
over, row by row; see `inverse`. A day is spelled in many ways: there the source looks whether the
value that its row was given maps back, once for all rows of the same text, and the sums hold that
value against the one that is there.
"""

import itertools
from typing import Any

from handrail.transfer.session.asking import Line, Question, only, side_by_side
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.hashes import hash_sum
from handrail.transfer.sql.parts import FaultPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.verify import compare
from handrail.transfer.verify.compare import Comparison
from handrail.transfer.verify.inverse import (
    INTEGERS,
    Inverse,
    Looked,
    absence,
    forms_of,
    looked_at,
    stand_in,
)

SEPARATOR = r"E'\x1f'"


def looking(
    plan: Plan,
    table: TablePlan,
    source: Connection,
    destination: Connection,
    beside: Connection | None = None,
) -> Line[tuple[Comparison, list[Inverse] | None]]:
    """Compare one table, and in the same reading see that its values map back.

    Args:
        plan: The compiled mapping; its load is on the destination.
        table: One of its tables.
        source: Session inside one snapshot of the source.
        destination: Session inside one snapshot of the destination.
        beside: Another session inside the same snapshot of the source, for what is asked apart.

    Returns:
        What comparing came to, and the columns that map back; None where a closer look is needed.
    """
    some = [_Sides(table, columns, text=plan.text_hashes) for columns in looked_at(table)]
    looked = list(itertools.chain.from_iterable(sides.columns for sides in some))
    if plan.text_hashes and any(map(_is_numeric, looked)):
        # 1.0 and 1.00 are one number and two texts
        return (yield from compare.comparing(plan, table, source, destination)), None
    compared, all_back = yield from _told_by_sums(
        plan, table, source, destination, some, beside or source
    )
    rows = compared.source_rows
    inverses = [Inverse(table.name, each.column.name, rows, 0, ()) for each in looked]
    return compared, inverses if all_back else None


def _told_by_sums(
    plan: Plan,
    table: TablePlan,
    source: Connection,
    destination: Connection,
    some: list["_Sides"],
    beside: Connection,
) -> Line[tuple[Comparison, bool]]:
    """Compare one table, and tell by sums whether all its values map back."""
    more = list(map(_Sides.of_source, some)), list(map(_Sides.of_destination, some))
    changes = _called_for(table)
    asked: list[Line[Any]] = [
        compare.comparing(plan, table, source, destination, ([*more[0], *changes], more[1])),
        _are_pairs(some, beside),
        _recorded(table, destination),
    ]
    compared, belong, recorded = yield from side_by_side(asked)
    ours, theirs = compared.more
    return compared, belong and ours == (*theirs, *[recorded] * len(changes))


def _are_pairs(some: list["_Sides"], source: Connection) -> Line[bool]:
    """See that each legacy text of a day or a time belongs to the value of its rows."""
    found = yield [
        Question(source, sides.wrong_pairs(each))
        for sides in some
        for each in sides.columns
        if each.pair
    ]
    return not any(wrong for ((wrong,),) in found)


def _recorded(table: TablePlan, destination: Connection) -> Line[int]:
    """Return the sum over the changes on record."""
    facts = ("a.column_name", "a.action", "a.fault")
    there = (
        f"select coalesce(sum({_change('a.key', *facts)}), 0)::text from _migration.adjusted a "
        # what the mapping itself changes is of no chunk
        f"where a.table_name = {literal(table.name)} and a.chunk >= 0"
    )
    return int((yield from only(destination, there)))


def _called_for(table: TablePlan) -> list[str]:
    """Return the sum over the changes that the source's rows call for, where any may be."""
    recorded = table.recorded
    if not recorded or table.key is None:
        return []
    sums = (
        f"coalesce(sum({_change(table.key_text, *map(literal, _facts(fault)))}) "
        f"filter (where {fault.condition}), 0)"
        for fault in recorded
    )
    return [f"({' + '.join(sums)})::text"]


def _facts(fault: FaultPlan) -> tuple[str, str, str]:
    return fault.column, fault.action, fault.fault


def _change(key: str, *facts: str) -> str:
    return f"hashtextextended(concat_ws({SEPARATOR}, {', '.join([key, *facts])}), 0)"


def _is_numeric(looked: Looked) -> bool:
    column = looked.column
    types = {column.source_type, column.type}
    return "numeric" in types or not (types & INTEGERS == types or not types & INTEGERS)


class _Sides:
    """The queries about some columns of one table."""

    def __init__(self, table: TablePlan, columns: list[Looked], *, text: bool) -> None:
        self.columns = columns
        self._table = table
        self._text = text

    def of_source(self) -> str:
        """Return the sum over rows of the source: their legacy texts in their forms."""
        key = self._table.by_name[self._table.key or ""].sql
        row = f"row({', '.join([key, *map(self._of_text, self.columns)])})"
        return hash_sum(row, text=self._text)

    def of_destination(self) -> str:
        """Return the sum over rows of the destination: their values mapped back."""
        values = [self._of_value(each, quoted(each.column.name)) for each in self.columns]
        row = f"row({', '.join([quoted(self._table.key or ''), *values])})"
        return hash_sum(row, text=self._text)

    def wrong_pairs(self, looked: Looked) -> str:
        """Return a SELECT: how many pairs of a legacy text and its value do not belong together."""
        table, column = self._table, looked.column
        faults = self._recorded_of(looked)
        needs = column.needs.union(table.needs_of_kept, *(fault.needs for fault in faults))
        changed = " or ".join(f"({fault.condition})" for fault in faults) or "false"
        return (
            f"select count(*) from (select distinct {column.raw}::text as raw, "
            f"{column.sql} as now from {table.relation(needs=needs)} "
            # `offset 0`: a pair is looked at once, not once for each row that holds it
            f"where {table.kept()} and not coalesce({changed}, false) offset 0) p "
            f"where {looked.pair}"
        )

    def _recorded_of(self, looked: Looked) -> list[FaultPlan]:
        name = looked.column.name
        faults = self._table.recorded
        return [fault for fault in faults if fault.column == name]

    def _of_text(self, looked: Looked) -> str:
        """Return the legacy text in its form; of what is changed on record, the value it became."""
        column = looked.column
        if looked.pair:
            return column.sql
        text = f"{column.raw}::text"
        changed = " or ".join(f"({fault.condition})" for fault in self._recorded_of(looked))
        when = f"when {changed} then {self._of_value(looked, column.sql)} " if changed else ""
        absent = f"when {absence(column, text)} then {self._of_value(looked, stand_in(column))} "
        form, _ = forms_of(column, text, "null") or ("", "")
        return f"case {when}{absent}else {form} end"

    def _of_value(self, looked: Looked, value: str) -> str:
        """Return a value mapped back, in its form."""
        if looked.pair:
            return value
        _, form = forms_of(looked.column, "null", value) or ("", "")
        return form
