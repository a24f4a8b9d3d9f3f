"""What an attempt knows of the people around it: who they are, what they said, what counts."""

import shlex
from datetime import datetime

from handrail.engine.attempt.attempt import Attempt
from handrail.ledger.entry import BESIDE, Entry, now
from handrail.ledger.people import os_user
from handrail.ledger.seam import NoLedger
from handrail.ledger.task import Task


def hear(attempt: Attempt) -> None:
    """Take into account what people said of this run since it was last heard of."""
    if isinstance(attempt.ledger, NoLedger):
        return
    heard = max([attempt.seen.seq, *(entry.seq for entry in attempt.run.beside)])
    for entry in attempt.ledger.since(heard):
        if entry.event in BESIDE and entry.run == attempt.run.id:
            attempt.run.apply(entry)


def family(attempt: Attempt, run: str) -> list[Entry]:
    """Return the entries of a run and of its rollbacks, in their order."""
    if isinstance(attempt.ledger, NoLedger):
        return []
    return attempt.ledger.of_runs(list(dict.fromkeys([run, *attempt.ledger.undoing(run)])))


def operators(attempt: Attempt) -> set[str]:
    """Return everybody who started an attempt of this run, by any name."""
    return attempt.run.operators | {attempt.choices.operator, os_user()}


def owner(attempt: Attempt, task: str) -> str:
    """Return who answers for a task; in a rollback, who did in the run it undoes."""
    undone = attempt.runs.get(attempt.run.undoes)
    return attempt.calls.owners.get(task) or (undone.owners.get(task, "") if undone else "")


def ledger_option(attempt: Attempt) -> str:
    """Return what names this ledger to the `handrail` command."""
    return f" --ledger {shlex.quote(str(attempt.inventory.kept))}"


def is_withdrawn(attempt: Attempt, task: Task) -> bool:
    """Tell whether an approval was of another plan, or ran out before anything came of it."""
    if not task.settled or not {"plan", "ends"} <= task.facts.keys():
        return False
    if task.facts["plan"] != attempt.calls.digest():
        return True
    ends = datetime.fromisoformat(str(task.facts["ends"]))
    return not _came_to_something(attempt, task) and now() > ends


def _came_to_something(attempt: Attempt, task: Task) -> bool:
    """Tell whether a call that stands after a gate acted, or was proven, since the gate passed."""
    calls = attempt.calls
    later = calls.places.keys() - calls.before(task.declared.task)
    known = (each for (name, _), each in attempt.run.tasks.items() if name in later)
    return any(max(each.acted_seq, each.proven_seq) > task.proven_seq for each in known)
