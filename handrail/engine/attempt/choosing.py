"""Which run a rollback undoes, in which run of its own, and which of its receipts."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from pyinfra.context import host

from handrail.engine.attempt.opening import new_id
from handrail.engine.decide.known import did_you_mean
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.run import Outcome, Run
from handrail.ledger.runs import Runs
from handrail.ledger.task import Receipt, Task, TaskState
from handrail.naming import ticked


def run_to_undo(
    runs: Runs,
    runbook: str,
    wanted: str,
    reason: str,
    to: str,
    without: Sequence[str],
) -> tuple[Run, dict[str, Any]]:  # Any: JSON of run.opened
    """Choose the rollback to carry on, or open one.

    Raises:
        RunbookError: no such run, no reason, no such task, nothing to undo.
    """
    undone = _named(runs, wanted)
    what = f"`{undone.id}` was not rolled back"
    _refuse_needless(undone, what, reason)
    _refuse_unknown(undone, what, to)
    _refuse_strangers(undone, to, without)
    body = {"undoes": undone.id, "to": to}
    if interrupted := _interrupted(runs, undone):
        return interrupted, body
    if not _left(undone, to, without):
        why = f"no step after task `{to}` stands" if to else "no step of it changed anything"
        raise RunbookError(what, why, f"see `handrail show {undone.id}`")
    return Run(new_id(runs, runbook), runbook, "", undone.id), body


def _interrupted(runs: Runs, undone: Run) -> Run | None:
    """Return the rollback that goes on, if only since it could not close the undone run."""
    newest = next(reversed(runs.undoing(undone.id)), None)
    is_over = newest is None or (newest.outcome is Outcome.PROVEN and bool(undone.receipts()))
    return None if is_over else newest


def _refuse_needless(undone: Run, what: str, reason: str) -> None:
    """Raise where nobody said why, or it is done."""
    if not reason.strip():
        raise RunbookError(
            what,
            "a rollback needs a reason; it is kept in the ledger",
            f'add `--data run={undone.id} --data reason="…"`',
        )
    if undone.rolled_back:
        raise RunbookError(
            what,
            "it is already rolled back",
            "see `handrail runs`; to go forward again run the runbook itself",
        )


def _refuse_unknown(undone: Run, what: str, to: str) -> None:
    """Raise where the run has no task and no hold of that name."""
    names = [*undone.order, *(hold.label for hold in undone.holds)]
    if to and to not in names:
        near = did_you_mean(to, names)
        known = f"its tasks are: {ticked(names)}"
        fix = f"{near} {known}" if near.endswith("?") else known
        raise WrongCommand(what, f"it has no task `{to}`", fix)


def _named(runs: Runs, wanted: str) -> Run:
    found = _newest_that_acted(runs) if wanted == "latest" else _forward(runs, wanted)
    if found is not None:
        return found
    runs.refuse_archived(wanted, "nothing was rolled back")
    newest = [run.id for run in islice(runs.forward(), 3)]
    if not newest:
        fix = "see `handrail runs`, and that this is the inventory you mean"
        raise RunbookError("nothing was rolled back", "there is no run on its ledger yet", fix)
    known = ticked(reversed(newest))
    raise RunbookError(
        "nothing was rolled back",
        f"{_asked(runs, wanted)}; the newest are: {known}",
        'name one: `--data run=RUN --data reason="…"`, or `--data run=latest`',
    )


def _newest_that_acted(runs: Runs) -> Run | None:
    """Return the newest run that ever changed anything, rolled back or not.

    The same command, run again after it was killed at its very end, must not go on to an older run.
    """
    return next((run for run in runs.forward() if run.rolled_back or _has_acted(run)), None)


def _forward(runs: Runs, wanted: str) -> Run | None:
    """Return the run of that name; a rollback is none that can be undone."""
    return runs[wanted] if wanted in runs and not runs[wanted].undoes else None


def _asked(runs: Runs, wanted: str) -> str:
    """Return why nothing can be undone by that name."""
    if wanted == "latest":
        return "no run has changed anything yet"
    if wanted in runs:
        again = runs[runs[wanted].undoes].runbook
        return f"`{wanted}` is a rollback itself; to go forward, run `{again}` again"
    return f"there is no run `{wanted}`" if wanted else "no run was named"


def _has_acted(run: Run) -> bool:
    states = {task.state for task in run.tasks.values()}
    return bool(run.receipts()) or TaskState.ROLLED_BACK in states


def _refuse_strangers(undone: Run, to: str, without: Sequence[str]) -> None:
    """Raise where a receipt is of a target that the inventory does not hold."""
    targets = {each.name for each in host.inventory}
    for receipt in _left(undone, to, without):
        if receipt.target not in targets:
            raise RunbookError(
                f"`{undone.id}` was not rolled back",
                f"it changed `{receipt.target}`, which this inventory does not hold",
                "run the rollback with the inventory the run was made with; or leave the target "
                f"out by name: add `--data without={receipt.target}`",
            )


def receipts_to_undo(rollback: Run, undone: Run, to: str, without: Sequence[str]) -> list[Receipt]:
    """Return what a rollback covers: what it undid before an interruption, and what is left.

    What it began to undo is finished, however far it is told to go now.
    """
    left = _left(undone, to, without)
    keys = {each.key for each in left}
    others = {key: task for key, task in rollback.tasks.items() if key not in keys}
    begun = [each for each in _standing(undone, without) if _is_in_doubt(others.get(each.key))]
    return [*_put_back(others.values()), *sorted(left + begun, key=attrgetter("seq"), reverse=True)]


def _put_back(tasks: Iterable[Task]) -> Iterator[Receipt]:
    """Yield receipts of what is undone already; nothing of what was there is wanted any more."""
    for call in (each.declared for each in tasks if each.state is TaskState.ROLLED_BACK):
        yield Receipt(call.task, call.step, call.target, {}, "", None, 0, 0)


def _is_in_doubt(task: Task | None) -> bool:
    return task is not None and task.in_doubt


def _standing(undone: Run, without: Sequence[str]) -> list[Receipt]:
    """Return the receipts that stand, newest first, but of targets that are left out."""
    return [each for each in undone.receipts() if each.target not in without]


def _left(undone: Run, to: str, without: Sequence[str]) -> list[Receipt]:
    """Return the receipts that stand, newest first, of the tasks after `to` in the runbook."""
    order = undone.order
    last = undone.task_of(to)
    after = order[order.index(last) + 1 :] if last else order
    return [each for each in _standing(undone, without) if each.task in after]
