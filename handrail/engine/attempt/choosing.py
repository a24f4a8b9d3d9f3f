"""Which run a rollback undoes, in which run of its own, and which of its receipts."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from pyinfra.context import host

from handrail.engine.attempt.opening import new_id
from handrail.engine.decide.known import did_you_mean
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.run import Outcome, Run
from handrail.ledger.runs import Runs
from handrail.ledger.task import Receipt, TaskState


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
    labels = [hold.label for hold in undone.holds]
    tasks = list(dict.fromkeys(task for task, _ in undone.tasks))
    if to and to not in {*tasks, *labels}:
        known = ", ".join(f"`{name}`" for name in [*tasks, *labels])
        near = did_you_mean(to, [*tasks, *labels])
        fix = f"{near} its tasks are: {known}" if near.endswith("?") else f"its tasks are: {known}"
        raise WrongCommand(what, f"it has no task `{to}`", fix)
    _refuse_strangers(undone, to, without)
    body = {"undoes": undone.id, "to": to}
    earlier = runs.undoing(undone.id)
    if earlier and (earlier[-1].outcome is not Outcome.PROVEN or not undone.receipts()):
        return earlier[-1], body  # interrupted, if only before it could close the undone run
    if not _left(undone, to, without):
        why = f"no step after task `{to}` stands" if to else "no step of it changed anything"
        raise RunbookError(what, why, f"see `handrail show {undone.id}`")
    return Run(new_id(runs, runbook), runbook, "", undone.id), body


def _named(runs: Runs, wanted: str) -> Run:
    forward = (run for run in runs.newest() if not run.undoes)
    if wanted == "latest":
        # The newest that ever changed anything, rolled back or not: the same command, run again
        # after it was killed at its very end, must not go on to an older run.
        touched = next((run for run in forward if run.rolled_back or _has_acted(run)), None)
        if touched is not None:
            return touched
    elif wanted in runs and not runs[wanted].undoes:
        return runs[wanted]
    runs.refuse_archived(wanted, "nothing was rolled back")
    forward = (run for run in runs.newest() if not run.undoes)
    known = ", ".join(f"`{run.id}`" for run in reversed(list(islice(forward, 3)))) or "none"
    if wanted == "latest":
        asked = "no run has changed anything yet"
    elif wanted in runs:
        again = runs[runs[wanted].undoes].runbook
        asked = f"`{wanted}` is a rollback itself; to go forward, run `{again}` again"
    else:
        asked = f"there is no run `{wanted}`" if wanted else "no run was named"
    raise RunbookError(
        "nothing was rolled back",
        f"{asked}; the newest are: {known}",
        'name one: `--data run=RUN --data reason="…"`, or `--data run=latest`',
    )


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
    keys = {(each.task, each.target) for each in left}
    begun = [
        each
        for each in undone.receipts()
        if (key := (each.task, each.target)) not in keys
        and key in rollback.tasks
        and rollback.tasks[key].in_doubt
        and each.target not in without
    ]
    done = [
        Receipt(task.declared.task, task.declared.step, task.declared.target, {}, "", None, 0, 0)
        for key, task in rollback.tasks.items()
        if key not in keys and task.state is TaskState.ROLLED_BACK
    ]
    return done + sorted(left + begun, key=lambda each: each.seq, reverse=True)


def _left(undone: Run, to: str, without: Sequence[str]) -> list[Receipt]:
    """Return the receipts that stand, newest first, of the tasks after `to` in the runbook."""
    order = list(dict.fromkeys(task for task, _ in undone.tasks))
    after_label = {hold.label: hold.after for hold in undone.holds}
    last = after_label.get(to, to)
    after = set(order[order.index(last) + 1 :]) if last else set(order)
    return [each for each in undone.receipts() if each.task in after and each.target not in without]
