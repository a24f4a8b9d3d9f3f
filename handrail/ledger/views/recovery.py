"""How long every way back took, of runs and of drills, held against what it may take."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from handrail.ledger.entry import BESIDE, Entry
from handrail.ledger.run import Outcome, Run, fold
from handrail.ledger.views import plain
from handrail.ledger.views.evidence import seconds_between
from handrail.ledger.views.scale import rows_of

JSON = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Recovery:
    """One way back that came to its end.

    Args:
        environment: Where.
        runbook: What it undid.
        rollback: Id of the run that did so.
        undoes: Id of the run that it undid.
        drill: The drill that it was a leg of; empty where it was in earnest.
        began_at: When it began, RFC 3339.
        seconds: From there to its end, pauses between its attempts included.
        whole: Nothing of the run that it undid was left.
        rows: Of the run that it undid, the most that one of its steps carried; 0: none told.
        objective_seconds: What it may take; None where nobody said.
    """

    environment: str
    runbook: str
    rollback: str
    undoes: str
    drill: str
    began_at: str
    seconds: float
    whole: bool
    rows: int
    objective_seconds: float | None

    @property
    def met(self) -> bool | None:
        """Tell whether it kept to the objective; None where there is none."""
        return None if self.objective_seconds is None else self.seconds <= self.objective_seconds


def recoveries(environment: str, entries: Iterable[Entry]) -> list[Recovery]:
    """Return the ways back of a ledger that came to their end, oldest first."""
    known = list(entries)
    runs, last = fold(known), {each.run: each.at for each in known if each.event not in BESIDE}
    return [
        _one(environment, runs[run.undoes], run, last[run.id])
        for run in runs.values()
        if run.undoes in runs and run.outcome is Outcome.PROVEN
    ]


def _one(environment: str, undone: Run, run: Run, ended_at: str) -> Recovery:
    minutes = undone.undo_minutes
    return Recovery(
        environment, undone.runbook, run.id, undone.id, run.drill, run.opened_at,
        round(seconds_between(run.opened_at, ended_at), 3), undone.rolled_back,
        rows_of(undone),
        None if minutes is None else minutes * 60,
    )  # fmt: skip


def held_against(found: Iterable[Recovery], minutes: float | None) -> list[Recovery]:
    """Return recoveries with the objective of the environment that asks, where they have none."""
    return [
        replace(each, objective_seconds=minutes * 60)
        if each.objective_seconds is None and minutes is not None
        else each
        for each in found
    ]


@dataclass(frozen=True)
class Spread:
    """What the ways back of one runbook took in one environment: half of them, and 95 of 100."""

    environment: str
    runbook: str
    count: int
    p50_seconds: float
    p95_seconds: float
    objective_seconds: float | None

    @property
    def met(self) -> bool | None:
        """Tell whether 95 of 100 kept to the objective; None where there is none."""
        objective = self.objective_seconds
        return None if objective is None else self.p95_seconds <= objective


def spreads(found: Iterable[Recovery]) -> Iterator[Spread]:
    """Yield what the ways back took that went all the way, by environment and runbook."""
    groups: dict[tuple[str, str], list[Recovery]] = {}
    for each in filter(lambda each: each.whole, found):
        groups.setdefault((each.environment, each.runbook), []).append(each)
    for (environment, runbook), same in groups.items():
        took = sorted(each.seconds for each in same)
        slow = took[math.ceil(0.95 * len(took)) - 1]
        newest = next((each.objective_seconds for each in reversed(same)
                       if each.objective_seconds is not None), None)  # fmt: skip
        yield Spread(environment, runbook, len(took), median(took), slow, newest)


WORDS: Mapping[bool | None, str] = {True: "yes", False: "NO", None: "no objective"}


def as_text(found: list[Recovery]) -> list[str]:
    """Return a line for each way back, then what they come to."""
    if not found:
        return ["No way back that came to its end is on record yet."]
    rows: list[tuple[object, ...]] = [
        ("ENVIRONMENT", "RUNBOOK", "ROLLBACK", "DRILL", "BEGAN", "TOOK", "ROWS", "OBJECTIVE", "MET")
    ]
    for each in found:
        objective = plain.rough(each.objective_seconds) if each.objective_seconds else ""
        rows.append((
            each.environment, each.runbook, each.rollback, each.drill, plain.moment(each.began_at),
            plain.duration(each.seconds) + ("" if each.whole else " (in part)"), each.rows or "",
            objective, WORDS[each.met],
        ))  # fmt: skip
    return [*plain.columns(rows), "", *map(_sentence, spreads(found))]


def _sentence(spread: Spread) -> str:
    told = f"{spread.runbook} on {spread.environment}: {plain.count(spread.count, 'rollback')}, "
    told += f"half within {plain.duration(spread.p50_seconds)}, "
    told += f"95 of 100 within {plain.duration(spread.p95_seconds)}"
    if spread.objective_seconds is None:
        return f"{told}; nobody said what it may take (`undo_minutes`)."
    word = "within" if spread.met else "OVER"
    return f"{told}; {word} the {plain.rough(spread.objective_seconds)} that it may take."


def as_json(found: list[Recovery]) -> JSON:
    """Return the same for programs."""
    return {
        "recoveries": [vars(each) | {"met": each.met} for each in found],
        "spreads": [vars(each) | {"met": each.met} for each in spreads(found)],
    }
