"""What one rule of a mapping came to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from handrail.transfer.mapping.rules import Problem
from handrail.transfer.sql.parsed import Join, Parsed
from handrail.transfer.sql.parts import ColumnPlan, FaultPlan


@dataclass
class Built:
    """What one rule came to, with what the table's query must provide for it."""

    plan: ColumnPlan | None = None
    faults: list[FaultPlan] = field(default_factory=list)
    parsed: list[Parsed] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def names(self) -> frozenset[str]:
        """Name what the table's query must provide for it."""
        parsed = {item.name for item in self.parsed}
        return frozenset(parsed | {join.name for join in self.joins})

    @classmethod
    def of_all(cls, parts: Iterable[Self]) -> Self:
        """Return what all rules of a table came to, but for the columns."""
        whole = cls()
        for part in parts:
            whole.faults += part.faults
            whole.parsed += part.parsed
            whole.joins += part.joins
            whole.sources |= part.sources
            whole.problems += part.problems
        return whole


@dataclass(frozen=True)
class Raw:
    """A value as the source gives it; `known` is never NULL."""

    sql: str
    type: str
    known: bool
