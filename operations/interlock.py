"""Task 14: nothing is destroyed before the ledger holds what makes that safe."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from handrail.engine import FROM_RUN, FROM_TARGET, Finding, Record, fails, gate, holds
from handrail.ledger.entry import now
from handrail.ledger.proof import Proof
from handrail.ledger.run import Outcome, Run
from handrail.ledger.task import Task


@gate(fix="do what is missing; or go on, on record: `--data override=interlock` with a reason")
def is_over(
    *,
    runbook: str,
    backups: list[str],
    soak: str,
    switched: str,
    window_seconds: float = FROM_TARGET,
    drilled: bool = FROM_TARGET,
    record: Record = FROM_RUN,
) -> Finding:
    """The earlier runbook is over for good: backed up, watched long enough, drilled, no doubt left.

    The ledger is asked, nobody's memory. Each of the tasks named must be done and proven.
    """
    run = record.newest(runbook)
    if run is None:
        return fails(f"no run of `{runbook}` is on record here")
    missing = [
        *_not_ended(run),
        *(f"task {task} is no proven backup" for task in backups if not _is_proven(run, task)),
        *_not_soaked(run, soak, switched, window_seconds),
        *_unexplained(run),
        *(_not_drilled(record, runbook) if drilled else ()),
    ]
    if record.is_overridden("interlock"):
        return holds(f"overridden; {'; '.join(missing) or 'nothing was missing'}", run=run.id)
    return fails("; ".join(missing)) if missing else holds(f"run `{run.id}` is over", run=run.id)


def _not_ended(run: Run) -> Iterator[str]:
    if run.outcome not in (Outcome.PROVEN, Outcome.FINISHED):
        yield f"run `{run.id}` is {run.outcome}"
    for (task, target), each in run.tasks.items():
        if each.in_doubt:
            yield f"task {task} is in doubt on {target}"


def _not_soaked(run: Run, soak: str, switched: str, seconds: float) -> Iterator[str]:
    """Yield why the time since users were switched is not enough, or was not watched."""
    if not _is_proven(run, soak):
        yield f"the watch of task {soak} did not pass"
    ends = [end for each in _tasks(run, switched) if (end := _ended_at(each))]
    if not ends:
        yield f"nothing says when task {switched} was done"
    elif (since := now() - max(ends)) < timedelta(seconds=seconds):
        asked = f"{timedelta(seconds=seconds)} are asked for"
        yield f"task {switched} was done {str(since).partition('.')[0]} ago, and {asked}"


def _unexplained(run: Run) -> Iterator[str]:
    """Yield what somebody skipped or vouched for without a reason on record."""
    explained = {what.partition("=")[2].partition("#")[0] for what, why in run.spent if why.strip()}
    for (task, target), each in run.tasks.items():
        if (each.skipped or each.unproven) and not {task, f"{task}@{target}"} & explained:
            yield f"task {task} was {'skipped' if each.skipped else 'vouched for'}, with no reason"


def _not_drilled(record: Record, runbook: str) -> Iterator[str]:
    found = list(record.drills(runbook))
    if not any(isinstance(each, Proof) for each in found):
        yield f"no drill: {next((each for each in found if isinstance(each, str)), 'none is kept')}"


def _tasks(run: Run, task: str) -> list[Task]:
    return [each for (name, _), each in run.tasks.items() if name == task]


def _is_proven(run: Run, task: str) -> bool:
    found = _tasks(run, task)
    return bool(found) and all(run.is_proven(each) for each in found)


def _ended_at(task: Task) -> datetime | None:
    if task.started_at is None or task.seconds is None:
        return None
    return datetime.fromisoformat(task.started_at) + timedelta(seconds=task.seconds)
