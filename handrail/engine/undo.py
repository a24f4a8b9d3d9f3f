"""Undo another run's receipts, newest first; itself a durable run."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pyinfra.api.command import PyinfraCommand
from pyinfra.context import host

from handrail.clients.errors import ClientError
from handrail.engine import arguments as values
from handrail.engine import calling
from handrail.engine.act import Act, refusal
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.choosing import receipts_to_undo, run_to_undo
from handrail.engine.attempt.command import is_executing, said
from handrail.engine.attempt.opening import current, open_attempt
from handrail.engine.commands import perform
from handrail.engine.contract import Call, Contract, Irreversible, ask, chosen, load
from handrail.engine.execution import captured
from handrail.engine.failure import Failure
from handrail.engine.finding import Verdict
from handrail.engine.guard import acts_in_doubt, refuse_orphan
from handrail.engine.outcome import (
    because,
    failed,
    record_failure,
    record_refusal,
    refuse_after_failure,
    refused,
    unforeseen,
)
from handrail.engine.plan import preview
from handrail.engine.telling import say
from handrail.ledger.entry import Event
from handrail.ledger.errors import DriftFound, NotProven, RunbookError
from handrail.ledger.run import Outcome, Receipt, TaskState


def roll_back(*, run: object, reason: object, to: object = None) -> None:
    """Undo what a run changed, newest first, on every target; the one call of a rollback runbook.

    Args:
        run: Id of the run, or ``latest``.
        reason: Why; it is kept in the ledger.
        to: Plan task to stop at: everything after it is undone, it stays.

    Raises:
        Refused: no such run, no reason, nothing to undo, rolled back already.
    """
    wanted, why, until = _typed("run", run), _typed("reason", reason), _typed("to", to)
    attempt = open_attempt(None, lambda runs, name: run_to_undo(runs, name, wanted, why, until))
    undone = attempt.runs[attempt.run.undoes]
    receipts = receipts_to_undo(attempt.run, undone, until)
    for receipt in host.loop(receipts):  # type: ignore[no-untyped-call]  # pyinfra's is untyped
        here = receipt.target == host.name
        name = f"Put back {receipt.step} (task {receipt.task} on {receipt.target})"
        place = f"{undone.id}:{receipt.task}"
        attempt.declare(receipt.task, receipt.step, name, place, selected=here)
        calling.add(name, _commands_for(receipt), dict(receipt.settings), here=here)


def _typed(name: str, value: object) -> str:
    """Return an argument as text, and as it was typed: pyinfra reads `3.10` as a number."""
    if value is None:
        return ""
    return value if isinstance(value, str) else said(name) or str(value)


def _commands_for(receipt: Receipt) -> Callable[[], Iterator[PyinfraCommand]]:
    return lambda: _execute(receipt) if is_executing() else _preview(receipt)


def _execute(receipt: Receipt) -> Iterator[PyinfraCommand]:
    """Undo one receipt on this target."""
    attempt = current()
    declared = attempt.task(receipt.task).declared
    try:
        refuse_after_failure(attempt)
        attempt.write()
        if _is_undone(attempt, receipt):
            _settle(attempt)
            return
        contract = load(receipt.step)
        act = Act.recorded(attempt, contract, receipt)
        decision, why = _decide(act, receipt)
        if decision == "would refuse":
            raise _drift(act, why)
        if decision == "would undo":
            before = values.unseal(receipt.before, attempt.vault)
            _intend(act, receipt)
    except RunbookError as error:
        yield refused(attempt, declared, error)
        return
    except Exception as bug:
        record_refusal(attempt, declared, unforeseen(bug))
        raise
    if decision == "would undo":
        yield from _undo(act, receipt, before)
        return
    try:
        if decision == "irreversible":
            act.record(Event.STEP_SKIPPED, why=why)
            say(f"{contract.name} cannot be undone: {why}")
        else:
            act.record(Event.STEP_ROLLED_BACK, why="it is as it was before already")
        _settle(attempt)
    except RunbookError as error:
        yield refused(attempt, declared, error)


def _preview(receipt: Receipt) -> Iterator[PyinfraCommand]:
    """Say what would happen to one receipt."""
    attempt = current()
    declared = attempt.task(receipt.task).declared
    if _is_undone(attempt, receipt):
        yield from preview(attempt, declared, "done", "put back already")
        return
    try:
        act = Act.recorded(attempt, load(receipt.step), receipt)
        decision, why = _decide(act, receipt)
    except RunbookError as error:
        decision, why = "would refuse", error.why
    yield from preview(attempt, declared, decision, why)


def _is_undone(attempt: Attempt, receipt: Receipt) -> bool:
    """Tell whether nothing is left to do: no receipt stands, or there is no way back."""
    task = attempt.runs[attempt.run.undoes].tasks.get((receipt.task, receipt.target))
    stands = task is not None and task.receipt is not None
    return not stands or attempt.task(receipt.task).state is TaskState.SKIPPED


def _decide(act: Act, receipt: Receipt) -> tuple[str, str]:
    """Return what a rollback does about a receipt, and why.

    Raises:
        RunbookError: what is there now cannot be read, or an orphan is still at work.
    """
    contract = act.contract
    if isinstance(contract.rollback, Irreversible):
        return "irreversible", f"{contract.rollback.reason}; instead: {contract.rollback.instead}"
    task = act.attempt.runs[act.attempt.run.undoes].tasks[receipt.task, receipt.target]
    doubtful = act.task.in_doubt or task.in_doubt or task.state is TaskState.SKIPPED
    if doubtful:  # before anything is read: an orphan may still change it
        what = f"{contract.name} was not put back on {host.name}"
        undone = act.attempt.runs[act.attempt.run.undoes]
        acts = acts_in_doubt(undone, task) + acts_in_doubt(act.attempt.run, act.task)
        refuse_orphan(act.attempt.environment, acts, what)
    if _as_before(act, receipt):
        return "as before", ""
    if doubtful:
        return "would undo", "it was interrupted"
    if _as_left(act, receipt):
        return "would undo", ""
    found = ask(contract.ensures, act.live)
    if found.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
        raise refusal(contract, f"it cannot be told what stands there now: {found.why}", found.fix)
    if not found.passed and act.attempt.choices.drift != "undo":
        return "would refuse", found.why
    return "would undo", "" if found.passed else f"drift: {found.why}"


def _as_before(act: Act, receipt: Receipt) -> bool:
    """Tell whether what the step captures reads as it did before the step acted."""
    captures = act.contract.captures
    if captures is None:
        return False
    return values.same(captured(act, captures), receipt.before, act.attempt.vault)


def _as_left(act: Act, receipt: Receipt) -> bool:
    """Tell whether what the step captures reads as it did after the step acted.

    Then nobody changed it since, whatever became of the files and values the step was made from.
    """
    captures = act.contract.captures
    if captures is None or not receipt.after:
        return False
    return values.trace(captured(act, captures), act.attempt.vault) == receipt.after


def _intend(act: Act, receipt: Receipt) -> None:
    """Record that the rollback of a step begins; on disk before any effect."""
    act.record(
        Event.STEP_STARTED,
        undoes=act.attempt.run.undoes,
        arguments=dict(receipt.arguments),
        before=receipt.before,
    )


def _undo(
    act: Act,
    receipt: Receipt,
    before: Any,  # Any: what the step captures
) -> Iterator[PyinfraCommand]:
    """Put back, prove, record the outcome."""
    failure = Failure()
    try:
        yield from _put_back(act, act.contract, before, failure)
    except (ClientError, RunbookError) as error:
        what = f"{act.contract.name} was not put back on {host.name}"
        yield failed(act, NotProven(what, f"{error.what}: {error.why}", error.fix))
        return
    except BaseException as stop:
        record_failure(act, because(stop, failure), failure)
        raise
    try:
        if not _as_before(act, receipt):
            raise NotProven(
                f"{act.contract.name} was put back on {host.name} and does not read as before",
                "what the step captures differs from what was captured before it acted",
                f"`handrail show {act.attempt.run.undoes}` says what was there; mend it by hand, "
                "then the same command again",
            )
        act.record(Event.STEP_ROLLED_BACK, undoes=act.attempt.run.undoes)
        _settle(act.attempt)
    except RunbookError as error:
        yield failed(act, error)
    except Exception as bug:
        record_failure(act, unforeseen(bug))
        raise


def _put_back(
    act: Act,
    contract: Contract,
    before: Any,  # Any: what the step captures
    failure: Failure,
) -> Iterator[PyinfraCommand]:
    """Return the commands of the rollback clause, a generator or a plain function."""
    rollback = contract.rollback
    if isinstance(rollback, Irreversible):
        raise TypeError("an irreversible step has nothing to run")
    act = replace(act, live=act.live | {"before": before})
    given = chosen(rollback, act.live)
    if inspect.isgeneratorfunction(rollback):
        yield from perform(act, rollback(**given), failure)
    else:
        yield from perform(act, iter([Call(rollback, (), given)]), failure)


def _settle(attempt: Attempt) -> None:
    """Close the undone run once nothing of it is left to undo."""
    undone = attempt.runs[attempt.run.undoes]
    left = {(each.task, each.target) for each in undone.receipts()}
    kept = {key for key, task in attempt.run.tasks.items() if task.state is TaskState.SKIPPED}
    if attempt.run.outcome is Outcome.PROVEN and left <= kept and not undone.rolled_back:
        attempt.append(Event.RUN_ROLLED_BACK, run=undone.id, reason=attempt.choices.reason)
        undone.rolled_back = True


def _drift(act: Act, why: str) -> DriftFound:
    return DriftFound(
        f"{act.contract.name} was not put back on {host.name}",
        f"what it left there was changed since: {why}",
        "find out who changed it; then the same command with `--data drift=undo`",
    )
