"""Numbers that a sequence of the destination gave, or might have given, to a column."""

import re
from collections.abc import Iterable, Iterator, Mapping

from handrail.transfer.sql.catalog import Column, Table
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import Plan, TablePlan
from handrail.transfer.sql.types import INTEGERS, NUMBERS

# Of `'INV-' || nextval(…)` the number is the last one in the text; of anything longer, any may be.
ENDS_IT = re.compile(r"nextval\('[^']*'::regclass\)(?!.*\|\|)")
DIGITS = "[0-9]{1,18}"
MOST = 2**63 - 1


def number_in(column: Column, value: str) -> str:
    """Return an expression of the number that a value used up.

    It is NULL for a value without a number that a sequence could have given.
    """
    if column.type in INTEGERS:
        return value
    if column.type in NUMBERS:
        number = f"({value})::numeric"
        return f"case when {number} between {-MOST} and {MOST} then trunc({number}) end"
    if _ends_in_number(column.default or ""):
        return f"substring({value}::text from '({DIGITS})[^0-9]*$')::numeric"
    found = f"regexp_matches({value}::text, '{DIGITS}', 'g') m"
    return f"(select max(m[1]::numeric) from {found})"


def _ends_in_number(default: str) -> bool:
    return "||" in default and ENDS_IT.search(default) is not None


def mapped(
    plan: Plan, sequences: Mapping[str, Iterable[tuple[Table, Column]]]
) -> Iterator[tuple[str, TablePlan, ColumnPlan]]:
    """Yield sequences with each column that they number and that the mapping fills."""
    for sequence, members in sequences.items():
        for member, column in members:
            table = plan.by_name.get(member.name)
            if table is not None and column.name in table.by_name:
                yield sequence, table, table.by_name[column.name]
