"""Rows that other rules keep out: what a person wrote in SQL is not computed for these.

A condition may well be there because an expression cannot be computed of such a row.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

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
    late = _late(parsed, joins)
    guard = _guard(faults, excluded, late)
    return Provided(parsed, joins, _behind(faults, late) if guard else faults, guard)


def _guard(faults: Iterable[FaultPlan], excluded: str | None, late: set[str]) -> Guard | None:
    """Return what guards the values that a person wrote; None where there are none, or no rule."""
    out = [fault for fault in faults if fault.keeps_out and late.isdisjoint(fault.needs)]
    parts = [f"not {fault.condition}" for fault in out] + not_excluded(excluded)
    return Guard(" and ".join(parts), needs_of(out, excluded)) if late and parts else None


def not_excluded(excluded: str | None) -> list[str]:
    """Return the condition of the rows that another rule does not keep out, if one might."""
    return [f"not coalesce({excluded}, false)"] if excluded else []


def needs_of(faults: Iterable[FaultPlan], excluded: str | None) -> frozenset[str]:
    """Name the joins and values that tell whether these faults, or another rule, keep a row out."""
    return frozenset({"kept"} if excluded else ()).union(*(fault.needs for fault in faults))


def _behind(faults: Iterable[FaultPlan], late: set[str]) -> tuple[FaultPlan, ...]:
    """Return faults of which none is one of a value that was not computed."""
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
