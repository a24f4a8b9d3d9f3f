"""See in two sums that every value maps back to its legacy text, without moving a row.

Of each side a row is hashed in a form that is equal where it maps back: the legacy text on the
source, the value mapped back on the destination. Only where the sums differ are the texts brought
over, row by row; see `inverse`. A day is spelled in many ways: there the source looks whether the
value that its row was given maps back, once for all rows of the same text, and the sums hold that
value against the one that is there.
"""

from handrail.transfer.session.asking import Line, Question
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal, quoted
from handrail.transfer.sql.hashes import hash_sum
from handrail.transfer.sql.parts import FaultPlan
from handrail.transfer.sql.plan import RECORDED, Plan, TablePlan
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


def checking(
    plan: Plan, table: TablePlan, source: Connection, destination: Connection
) -> Line[list[Inverse] | None]:
    """Hold the sums of both sides against each other; None where a closer look is needed.

    Args:
        plan: The compiled mapping; its load is on the destination.
        table: One of its tables.
        source: Session inside one snapshot of the source.
        destination: Session inside one snapshot of the destination.
    """
    found: list[Inverse] = []
    for some in looked_at(table):
        if plan.text_hashes and any(_is_numeric(each) for each in some):
            return None  # 1.0 and 1.00 are one number and two texts
        sides = _Sides(table, some, text=plan.text_hashes)
        (ours,), (theirs,), *pairs = yield [
            Question(source, sides.of_source()),
            Question(destination, sides.of_destination()),
            *(Question(source, sides.wrong_pairs(each)) for each in some if each.pair),
        ]
        if ours != theirs or any(wrong for ((wrong,),) in pairs):
            return None
        found += [Inverse(table.name, each.column.name, ours[0], 0, ()) for each in some]
    return found


def _is_numeric(looked: Looked) -> bool:
    column = looked.column
    types = {column.source_type, column.type}
    return "numeric" in types or not (types & INTEGERS == types or not types & INTEGERS)


class _Sides:
    """The queries about some columns of one table."""

    def __init__(self, table: TablePlan, columns: list[Looked], *, text: bool) -> None:
        self._table = table
        self._columns = columns
        self._text = text
        self._recorded = [fault for fault in table.faults if fault.action in RECORDED]

    def of_source(self) -> str:
        """Return a SELECT: rows, sum of their legacy texts, sum of the changes to record."""
        table = self._table
        key = next(column.sql for column in table.columns if column.name == table.key)
        row = f"row({', '.join([key, *map(self._of_text, self._columns)])})"
        changes = [
            f"coalesce(sum({self._change(table.key_text, fault.column, fault.action, fault.fault)})"
            f" filter (where {fault.condition}), 0)"
            for fault in self._recorded
        ]
        needs = table.needs_of_kept.union(
            *(each.column.needs for each in self._columns), *(f.needs for f in self._recorded)
        )
        return (
            f"select count(*), {hash_sum(row, text=self._text)}, "
            f"({' + '.join(changes) or '0'})::text "
            f"from {table.relation(needs=needs)} where {table.kept()}"
        )

    def of_destination(self) -> str:
        """Return a SELECT: rows, sum of their values mapped back, sum of the changes on record."""
        table = self._table
        values = [self._of_value(each, quoted(each.column.name)) for each in self._columns]
        row = f"row({', '.join([quoted(table.key or ''), *values])})"
        change = self._change("a.key", *("a.column_name", "a.action", "a.fault"), quote=False)
        changes = (
            f"select coalesce(sum({change}), 0)::text from _migration.adjusted a "
            # what the mapping itself changes is of no chunk
            f"where a.table_name = {literal(table.name)} and a.chunk >= 0"
        )
        return (
            f"select count(*), {hash_sum(row, text=self._text)}, ({changes}) "
            f"from {table.target_rows}"
        )

    def wrong_pairs(self, looked: Looked) -> str:
        """Return a SELECT: how many pairs of a legacy text and its value do not belong together."""
        table, column = self._table, looked.column
        faults = self._recorded_of(looked)
        needs = column.needs.union(table.needs_of_kept, *(fault.needs for fault in faults))
        changed = " or ".join(f"({fault.condition})" for fault in faults) or "false"
        return (
            f"select count(*) from (select distinct s.{quoted(column.source or '')}::text as raw, "
            f"{column.sql} as now from {table.relation(needs=needs)} "
            # `offset 0`: a pair is looked at once, not once for each row that holds it
            f"where {table.kept()} and not coalesce({changed}, false) offset 0) p "
            f"where {looked.pair}"
        )

    def _recorded_of(self, looked: Looked) -> list[FaultPlan]:
        return [fault for fault in self._recorded if fault.column == looked.column.name]

    def _of_text(self, looked: Looked) -> str:
        """Return the legacy text in its form; of what is changed on record, the value it became."""
        column = looked.column
        if looked.pair:
            return column.sql
        text = f"s.{quoted(column.source or '')}::text"
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

    @staticmethod
    def _change(key: str, *facts: str, quote: bool = True) -> str:
        told = ", ".join(literal(fact) if quote else fact for fact in facts)
        return f"hashtextextended(concat_ws({SEPARATOR}, {key}, {told}), 0)"
