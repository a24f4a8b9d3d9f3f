"""A table of decisions: rows in order, of which the first that fits counts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from handrail.engine.decide.decision import Decision

F = TypeVar("F")


def first(rows: Sequence[Callable[[F], Decision | None]], facts: F) -> Decision:
    """Return the decision of the first row that fits, with its number.

    Raises:
        LookupError: none fits; the last row of each table fits always.
    """
    for number, row in enumerate(rows, start=1):
        if (found := row(facts)) is not None:
            return replace(found, row=number)
    raise LookupError(f"no row fits {facts}")
