"""From where the destination goes on numbering the rows that come after a load."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.read.misfits import Misfit
from handrail.transfer.session.connection import Connection, value
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.numbered import mapped
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import INTEGERS

ENDS = (
    "select n, seqmax from unnest(%s::text[]) n join pg_sequence on seqrelid = n::regclass "
    "where seqincrement > 0"
)
# PostgreSQL shows a function with its schema, unless it is one of its own.
OWN_FUNCTION = re.compile(r"(?:\w+|\"[^\"]+\")\.(?:\w+|\"[^\"]+\")\(")


def check(plan: Plan, source: Connection, destination: Connection) -> Iterator[Misfit]:
    """Look at every sequence and function that gives new rows their numbers."""
    yield from _sequences(plan, source, destination)
    for table in plan.tables:
        yield from _unfathomed(table, plan.destination.by_name[table.name])


@dataclass(frozen=True)
class _Use:
    """A mapped column whose numbers a sequence of the destination goes on from."""

    sequence: str
    table: TablePlan
    column: ColumnPlan

    @property
    def highest(self) -> str:
        """Return an expression: the highest number that the source has for it, kept out or not."""
        if self.column.exact and self.column.source:
            return f"(select max({quoted(self.column.source)}) from {self.table.source_rows})"
        return f"(select max(k) from ({self.table.keys(self.column.name)}) m)"

    def beyond(self, last: int | None, number: int | None) -> Iterator[Misfit]:
        """Tell where the rows have reached the end of the sequence."""
        if last is None or number is None or number < last:
            return
        what = f"its sequence `{self.sequence}` ends at {last}, the rows at {number}"
        verdict, place = "refused" if number > last else "noted", str(self.column.rule.place)
        yield Misfit(self.table.name, self.column.name, what, verdict, 0, (), place)


def _uses(plan: Plan) -> Iterator[_Use]:
    """Yield the mapped columns of whole numbers that sequences go on from."""
    for sequence, table, column in mapped(plan, plan.destination.sequences()):
        # what may fail on a row is not asked here
        if column.type in INTEGERS and not column.may_fail:
            yield _Use(sequence, table, column)


def _sequences(plan: Plan, source: Connection, destination: Connection) -> Iterator[Misfit]:
    """Look for numbers beyond the end of the sequence that would go on from them."""
    uses = list(_uses(plan))
    if not uses:
        return
    found = destination.execute(ENDS, [[use.sequence for use in uses]])
    ends: dict[str, int] = dict(found)
    listing = ", ".join(f"{use.highest}::numeric" for use in uses)
    highest = value(source, f"select array[{listing}]")
    for use, number in zip(uses, highest, strict=True):
        yield from use.beyond(ends.get(use.sequence), number)


def _numbering(column: Column) -> re.Match[str] | None:
    """Return the call of a function that numbers new rows, if it is no sequence that does."""
    if column.is_numbered or column.type == "uuid":
        return None
    return OWN_FUNCTION.search(column.default or "")


def _unfathomed(table: TablePlan, target: Table) -> Iterator[Misfit]:
    """Name the keys that a function of the destination gives: nobody can tell from where."""
    keys = set(itertools.chain.from_iterable(target.uniques))
    for column in table.columns:
        called = _numbering(target.by_name[column.name])
        if called and column.name in keys:
            what = (
                f"new rows get it from `{called[0]}…)`: whether that goes on beyond the rows "
                "nobody can tell; try it after the load"
            )
            place = str(column.rule.place)
            yield Misfit(table.name, column.name, what, "noted", 0, (), place)
