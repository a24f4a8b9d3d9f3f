"""Undo another run's receipts, newest first; itself a durable run."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand
from pyinfra.api.command import PyinfraCommand

from operations.clients.errors import ClientError
from operations.engine import arguments as values
from operations.engine.contract import Call, Contract, Irreversible, ask, chosen, load
from operations.engine.execution import (
    Act,
    failed,
    perform,
    performer,
    record_failure,
    refusal,
    refuse_after_failure,
    refuse_orphan,
    refused,
)
from operations.engine.finding import Verdict
from operations.engine.plan import preview
from operations.engine.session import Session, current, is_executing, new_id, open_session, refuse
from operations.engine.steps import add_operation
from state.entry import Event
from state.errors import DriftFound, NotProven, RunbookError
from state.run import Declared, Receipt, Run, TaskState


@dataclass(frozen=True)
class Undone:
    """Which run a rollback undoes, and down to which task."""

    run: Run
    to: str


def roll_back(*, run: str | None, reason: str | None, to: str | None = None) -> None:
    """Undo what a run changed, newest first, on every target; the one call of a rollback runbook.

    Args:
        run: Id of the run, or ``latest``.
        reason: Why; it is kept in the ledger.
        to: Plan task to stop at: everything after it is undone, it stays.

    Raises:
        Refused: no such run, no reason, nothing to undo, rolled back already.
    """
    wanted = str(run or "")
    session = open_session(None, lambda runs, name: _chosen(runs, name, wanted, reason, str(to or "")))
    undone = session.runs[session.run.undoes]
    receipts = _receipts(session, undone, str(to or ""))
    _refuse_strangers(session, receipts)
    for receipt in host.loop(receipts):
        here = receipt.target == host.name
        name = f"Put back {receipt.step} (task {receipt.task} on {receipt.target})"
        session.declare(receipt.task, receipt.step, name, f"{undone.id}:{receipt.task}", selected=here)
        add_operation(name, _generator(receipt), {}, here=here)


def _generator(receipt: Receipt) -> Any:
    return lambda: _commands(receipt)


def _chosen(
    runs: dict[str, Run], runbook: str, wanted: str, reason: str | None, to: str
) -> tuple[Run, dict[str, Any]]:
    """Choose the rollback to carry on, or open one."""
    undone = _run_to_undo(runs, wanted)
    if not reason:
        raise RunbookError(
            f"`{undone.id}` was not rolled back",
            "a rollback needs a reason; it is kept in the ledger",
            f'add `--data run={undone.id} --data reason="…"`',
        )
    if undone.rolled_back:
        raise RunbookError(
            f"`{undone.id}` was not rolled back",
            "it is rolled back already",
            "see `runbook runs`; to go forward again run the runbook itself",
        )
    if to and not any(task == to for task, _ in undone.tasks):
        raise RunbookError(
            f"`{undone.id}` was not rolled back",
            f"it has no task `{to}`",
            f"see `runbook show {undone.id}` for its tasks",
        )
    for run in reversed(runs.values()):
        if run.undoes == undone.id and run.outcome != "proven":
            return run, {"undoes": undone.id, "to": to}
    if not undone.receipts():
        raise RunbookError(
            f"`{undone.id}` was not rolled back",
            "no step of it changed anything",
            f"see `runbook show {undone.id}`",
        )
    return Run(new_id(runs, runbook), runbook, "", undone.id), {"undoes": undone.id, "to": to}


def _run_to_undo(runs: dict[str, Run], wanted: str) -> Run:
    forward = [run for run in runs.values() if not run.undoes]
    if wanted == "latest":
        standing = [run for run in forward if not run.rolled_back]
        if standing:
            return standing[-1]
    elif wanted in runs and not runs[wanted].undoes:
        return runs[wanted]
    known = ", ".join(f"`{run.id}`" for run in forward[-3:]) or "none"
    asked = f"there is no run `{wanted}` to undo" if wanted else "no run was named"
    if wanted == "latest":
        asked = "no run stands that is not rolled back"
    raise RunbookError(
        "nothing was rolled back",
        f"{asked}; the newest are: {known}",
        'name one: `--data run=RUN --data reason="…"`, or `--data run=latest`',
    )


def _receipts(session: Session, undone: Run, to: str) -> list[Receipt]:
    """Return what this rollback covers: what it undid before an interruption, and what is left."""
    left = undone.receipts()
    if to:
        stays = max((each.seq for each in left if each.task == to), default=0)
        order = list(dict.fromkeys(task for task, _ in undone.tasks))
        after = set(order[order.index(to) + 1 :])
        left = [each for each in left if each.seq > stays and each.task in after]
    keys = {(each.task, each.target) for each in left}
    done = [
        Receipt(task.declared.task, task.declared.step, task.declared.target, {}, "", None, 0, 0)
        for key, task in session.run.tasks.items()
        if key not in keys and task.state is TaskState.ROLLED_BACK
    ]
    return done + left


def _refuse_strangers(session: Session, receipts: list[Receipt]) -> None:
    targets = {each.name for each in host.inventory}
    for receipt in receipts:
        if receipt.target not in targets:
            raise refuse(
                RunbookError(
                    f"`{session.run.undoes}` was not rolled back",
                    f"it changed `{receipt.target}`, which this inventory does not hold",
                    "run the rollback with the inventory the run was made with",
                )
            )


def _commands(receipt: Receipt) -> Iterator[PyinfraCommand]:
    """Undo one receipt on this target, or say what it would take."""
    session = current()
    try:
        if is_executing():
            session.write()
            refuse_after_failure(session)
        task = session.task(receipt.task)
        if task.state in (TaskState.ROLLED_BACK, TaskState.SKIPPED):
            _settle(session)
            if not is_executing():
                yield from preview(session, task.declared, "done", "put back already")
            return
        contract = load(receipt.step)
        act = Act.of(session, contract, receipt.task, dict(receipt.arguments))
        before = values.unseal(receipt.before, session.vault)
        decision, why = _decide(act, receipt)
    except RunbookError as error:
        if is_executing():
            yield refused(session, None, error)
        else:
            declared = session.task(receipt.task).declared
            yield from preview(session, declared, "would refuse", error.why)
        return
    if not is_executing():
        yield from preview(session, act.task.declared, decision, why)
    elif decision == "would refuse":
        yield refused(session, act, _drift(act, why))
    elif decision == "irreversible":
        act.record(Event.STEP_SKIPPED, why=why)
        _settle(session)
    elif decision == "as before":
        act.record(Event.STEP_ROLLED_BACK, why="it is as it was before already")
        _settle(session)
    else:
        yield from _undo(act, receipt, before)


def _decide(act: Act, receipt: Receipt) -> tuple[str, str]:
    """Return what a rollback does about a receipt, and why.

    Raises:
        RunbookError: what is there now cannot be read, or an orphan is still at work.
    """
    contract = act.contract
    if isinstance(contract.rollback, Irreversible):
        return "irreversible", f"{contract.rollback.reason}; instead: {contract.rollback.instead}"
    if _as_before(act, receipt):
        return "as before", ""
    doubtful = act.session.runs[act.session.run.undoes].tasks[receipt.task, receipt.target].in_doubt
    if act.task.in_doubt or doubtful:
        refuse_orphan(act)
        return "would undo", "it was interrupted"
    found = ask(contract.ensures, act.live)
    if found.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
        raise refusal(contract, f"it cannot be told what stands there now: {found.why}", found.fix)
    if not found.passed and act.session.choices.drift != "undo":
        return "would refuse", found.why
    return "would undo", ""


def _as_before(act: Act, receipt: Receipt) -> bool:
    """Tell whether what the step captures reads as it did before the step acted."""
    captures = act.contract.captures
    if captures is None:
        return False
    try:
        stands = captures(**chosen(captures, act.live))
    except ClientError as error:
        raise refusal(act.contract, f"{error.what}: {error.why}", error.fix) from None
    return bool(values.seal(stands, act.session.vault) == receipt.before)


def _undo(act: Act, receipt: Receipt, before: Any) -> Iterator[PyinfraCommand]:
    """Record the intent, put back, prove, record the outcome."""
    rollback = act.contract.rollback
    if isinstance(rollback, Irreversible):
        raise TypeError("an irreversible step has nothing to run")
    failure: list[str] = []
    try:
        act.record(
            Event.STEP_STARTED,
            undoes=act.session.run.undoes,
            arguments=dict(receipt.arguments),
            before=receipt.before,
        )
    except RunbookError as error:
        yield refused(act.session, act, error)
        return
    given = chosen(rollback, act.live | {"before": before})
    try:
        if inspect.isgeneratorfunction(rollback):
            yield from perform(rollback(**given), failure)
        else:
            yield FunctionCommand(performer(Call(rollback, (), given), failure), (), {})
    except (ClientError, RunbookError) as error:
        what = f"{act.contract.name} was not put back on {host.name}"
        yield failed(act, NotProven(what, f"{error.what}: {error.why}", error.fix))
        return
    except BaseException:
        record_failure(act, failure[0] if failure else "a command did not succeed; see above")
        raise
    try:
        if not _as_before(act, receipt):
            raise NotProven(
                f"{act.contract.name} was put back on {host.name} and does not read as before",
                "what the step captures differs from what was captured before it acted",
                f"runbook show {act.session.run.undoes} --json shows what was there; "
                "mend it by hand, then the same command again",
            )
        act.record(Event.STEP_ROLLED_BACK, undoes=act.session.run.undoes)
        _settle(act.session)
    except RunbookError as error:
        yield failed(act, error)


def _settle(session: Session) -> None:
    """Close the undone run once nothing of it is left to undo."""
    if not is_executing() or session.run.outcome != "proven":
        return
    undone = session.runs[session.run.undoes]
    if undone.rolled_back or session.body.get("to"):
        return
    session.append(Event.RUN_ROLLED_BACK, run=undone.id, reason=session.choices.reason)
    undone.rolled_back = True


def _drift(act: Act, why: str) -> DriftFound:
    return DriftFound(
        f"{act.contract.name} was not put back on {host.name}",
        f"what it left there was changed since: {why}",
        "find out who changed it; then the same command with `--data drift=undo`",
    )


