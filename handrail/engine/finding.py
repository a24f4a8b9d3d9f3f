"""What a check found: four outcomes, and only one of them lets anything go on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The four outcomes of looking."""

    PASS = "pass"  # noqa: S105  a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # looked, and the data do not tell: none yet, or too few
    ERROR = "error"  # could not look


@dataclass(frozen=True)
class Finding:
    """The answer of a check.

    Args:
        verdict: One of four.
        why: What was found, as the end of the sentence "…; {why}".
        fix: A command to paste; empty where the check's own `fix` serves.
        facts: Figures worth recording; JSON, no secrets.
    """

    verdict: Verdict
    why: str = ""
    fix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON

    @property
    def passed(self) -> bool:
        """Tell whether the claim holds."""
        return self.verdict is Verdict.PASS

    @property
    def told(self) -> bool:
        """Tell whether the answer is yes or no."""
        return self.verdict in {Verdict.PASS, Verdict.FAIL}


def holds(why: str = "", **facts: Any) -> Finding:  # Any: JSON
    """Say that the claim holds."""
    return Finding(Verdict.PASS, why, facts=facts)


def fails(why: str, fix: str = "", **facts: Any) -> Finding:  # Any: JSON
    """Say that the claim does not hold, and what was found instead."""
    return Finding(Verdict.FAIL, why, fix, facts)


def unknown(why: str, fix: str = "", **facts: Any) -> Finding:  # Any: JSON
    """Say that there is not enough to tell yet."""
    return Finding(Verdict.INCONCLUSIVE, why, fix, facts)


def holds_if(condition: object, why: str, fix: str = "") -> Finding:
    """Say that the claim holds if the condition is true; else why it does not."""
    return holds() if condition else fails(why, fix)
