"""What the ledger says of a run that should be over: claims that interlocks are made of."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from handrail.engine import Record
from handrail.ledger.entry import now
from handrail.ledger.run import Outcome, Run
from handrail.ledger.task import Task


def not_ended(run: Run) -> Iterator[str]:
    """Yield what of a run is not at its end, or not known."""
    if run.outcome not in (Outcome.PROVEN, Outcome.FINISHED):
        yield f"run `{run.id}` is {run.outcome}"
    for (task, target), each in run.tasks.items():
        if each.in_doubt:
            yield f"task {task} is in doubt on {target}"


def not_watched(run: Run, soak: str) -> Iterator[str]:
    """Yield why the time since users were switched was not watched."""
    if not is_proven(run, soak):
        yield f"the watch of task {soak} did not pass"


def not_long_enough(run: Run, switched: str, seconds: float) -> Iterator[str]:
    """Yield why the time since users were switched is not enough."""
    ends = [end for each in _tasks(run, switched) if (end := _ended_at(each))]
    if not ends:
        yield f"nothing says when task {switched} was done"
    elif (since := now() - max(ends)) < timedelta(seconds=seconds):
        asked = f"{timedelta(seconds=seconds)} are asked for"
        yield f"task {switched} was done {str(since).partition('.')[0]} ago, and {asked}"


def unexplained(run: Run) -> Iterator[str]:
    """Yield what somebody skipped or vouched for without a reason on record."""
    explained = _explained(run)
    for (task, target), each in run.tasks.items():
        if (each.skipped or each.unproven) and not {task, f"{task}@{target}"} & explained:
            yield f"task {task} was {'skipped' if each.skipped else 'vouched for'}, with no reason"


def _explained(run: Run) -> set[str]:
    """Return the tasks, with the target where it was named, that a consent had a reason for."""
    return {what.partition("=")[2].partition("#")[0] for what, why in run.spent if why.strip()}


def not_drilled(record: Record, runbook: str) -> Iterator[str]:
    """Yield why no drill of a runbook is to be had, if none is."""
    found = list(record.drills(runbook))
    why_not = [each for each in found if isinstance(each, str)]
    if why_not == found:
        yield f"no drill: {(*why_not, 'none is kept')[0]}"


def _tasks(run: Run, task: str) -> list[Task]:
    return [each for (name, _), each in run.tasks.items() if name == task]


def is_proven(run: Run, task: str) -> bool:
    """Tell whether a task is done and proven on every target that it is for."""
    found = _tasks(run, task)
    return bool(found) and all(run.is_proven(each) for each in found)


def _ended_at(task: Task) -> datetime | None:
    if task.started_at is None or task.seconds is None:
        return None
    return datetime.fromisoformat(task.started_at) + timedelta(seconds=task.seconds)
