"""The two sides of a table, and how its rows are read and told apart on each."""

from collections.abc import Sequence

from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.hashes import hash_sum
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import INTEGERS

ARGUMENTS = 90  # of a function; PostgreSQL takes 100


class Side:
    """One side of a table: where its rows come from and how a row is identified there."""

    def __init__(self, session: Connection, table: TablePlan, *, source: bool, text: bool) -> None:
        self.session = session
        self.table = table
        self.source = source
        self.text = text

    def read(self, column: ColumnPlan) -> str:
        """Return the expression of one column on this side."""
        return column.sql if self.source else column.target

    @property
    def numbered(self) -> bool:
        """Say whether the rows have an integer key, so that a range of it can be read alone."""
        return self.table.key is not None and self.table.key_type in INTEGERS

    def key(self) -> str:
        """Return the key's column, before anything is computed from the row."""
        if self.source:
            return f"s.{quoted(self.table.key_source or '')}"
        return quoted(self.table.key or "")

    def rows(self, where: str = "true") -> str:
        """Return FROM and WHERE of the rows that count; `where` is over plain columns."""
        if self.source:
            return f"{self.table.relation(where)} where {self.table.kept()}"
        return f"{self.table.target_rows} where {where}"

    def identity(self, names: tuple[str, ...]) -> str:
        """Return an expression: the row's key as text."""
        parts = [self.read(self.table.by_name[name]) for name in names]
        if len(names) > ARGUMENTS:
            return f"(row({', '.join(parts)}))::text"
        return f"concat_ws(',', {', '.join(f'({part})::text' for part in parts)})"

    def sums(
        self, group: str, within: str = "true", where: str = "true", more: Sequence[str] = ()
    ) -> str:
        """Return a SELECT: a group of rows, its count, its hash sum, more sums of it."""
        row = hash_sum(self.table.row(source=self.source), text=self.text)
        told = ", ".join([group, "count(*)", row, *more])
        return f"select {told} from {self.rows(within)} and {where} group by 1"


def identity(plan: Plan, table: TablePlan) -> tuple[str, ...]:
    """Return the columns that tell rows apart: the destination's primary key, else all."""
    for unique in (plan.destination.by_name[table.name].primary_key, *table.uniques):
        if unique and set(unique) <= table.by_name.keys():
            return unique
    return tuple(table.by_name)


def sides_of(
    plan: Plan, table: TablePlan, source: Connection, destination: Connection
) -> tuple[Side, Side]:
    """Return both sides of a table: the source first."""
    return (
        Side(source, table, source=True, text=plan.text_hashes),
        Side(destination, table, source=False, text=plan.text_hashes),
    )
