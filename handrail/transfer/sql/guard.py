"""Rows that other rules keep out: what a person wrote in SQL is not computed for these.

A condition may well be there because an expression cannot be computed of such a row.
"""

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from handrail.transfer.mapping.rules import Action
from handrail.transfer.sql.parsed import Join, Parsed
from handrail.transfer.sql.parts import FaultPlan

MARK = 's."row:in"'


@dataclass(frozen=True)
class Guard:
    """The condition of the rows that nothing keeps out which can be told beforehand.

    `needs` names the joins and parsed values that it reads.
    """

    condition: str
    needs: frozenset[str]


@dataclass(frozen=True)
class Provided:
    """What the query of a table provides for its columns, and the faults that are looked for."""

    parsed: tuple[Parsed, ...]
    joins: tuple[Join, ...]
    faults: tuple[FaultPlan, ...]
    guard: Guard | None


def provided(
    parsed: tuple[Parsed, ...],
    joins: tuple[Join, ...],
    faults: tuple[FaultPlan, ...],
    excluded: str | None,
) -> Provided:
    """Return it with what a person wrote behind all that keeps a row out beforehand."""
    guard = guard_of(faults, excluded, parsed, joins)
    return Provided(parsed, joins, behind(faults, parsed, joins) if guard else faults, guard)


def guard_of(
    faults: Iterable[FaultPlan],
    excluded: str | None,
    parsed: Collection[Parsed],
    joins: Collection[Join],
) -> Guard | None:
    """Return what guards the values that a person wrote; None where there are none, or no rule."""
    late = _late(parsed, joins)
    out = [f for f in faults if f.action is Action.QUARANTINE and not f.needs & late]
    parts = [f"not {fault.condition}" for fault in out]
    parts += [f"not coalesce({excluded}, false)"] if excluded else []
    if not late or not parts:
        return None
    needs = frozenset().union(*(fault.needs for fault in out), {"kept"} if excluded else ())
    return Guard(" and ".join(parts), needs)


def behind(
    faults: Iterable[FaultPlan], parsed: Collection[Parsed], joins: Collection[Join]
) -> tuple[FaultPlan, ...]:
    """Return faults of which none is one of a value that was not computed."""
    late = _late(parsed, joins)
    return tuple(
        dataclasses.replace(fault, condition=f"({MARK} and {fault.condition})")
        if fault.needs & late
        else fault
        for fault in faults
    )


def _late(parsed: Iterable[Parsed], joins: Iterable[Join]) -> set[str]:
    """Name the values that a person wrote, and the joins that read one."""
    late = {item.name for item in parsed if item.by_hand}
    for join in joins:
        if join.needs & late:
            late.add(join.name)
    return late
