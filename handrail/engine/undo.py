"""Undo another run's receipts, newest first; itself a durable run."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pyinfra.api.command import PyinfraCommand
from pyinfra.context import host

from handrail.engine import calling, snapshot
from handrail.engine.act import Act
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.choosing import receipts_to_undo, run_to_undo
from handrail.engine.attempt.command import is_executing, said
from handrail.engine.attempt.opening import current, open_attempt
from handrail.engine.clause import Clause, ask, chosen
from handrail.engine.commands import perform
from handrail.engine.contract import Call, Irreversible, load
from handrail.engine.decide import decide
from handrail.engine.decide.decision import Decision, Do, Planned
from handrail.engine.execution import spent
from handrail.engine.failure import Failure
from handrail.engine.needs import ROLLBACK
from handrail.engine.outcome import proving, refuse_after_failure, refuse_stopping, refusing
from handrail.engine.plan import preview
from handrail.engine.standing import (
    cover,
    gone,
    is_accepted,
    is_blind,
    reads_as_before,
    receipt_facts,
)
from handrail.engine.telling import say
from handrail.ledger.entry import Event
from handrail.ledger.errors import NotProven, RunbookError
from handrail.ledger.run import Outcome
from handrail.ledger.task import Receipt, TaskState


def roll_back(
    *,
    run: object,
    reason: object,
    to: object = None,
    accepts: Mapping[str, str] | None = None,
) -> None:
    """Undo what a run changed, newest first, on every target; the one call of a rollback runbook.

    Args:
        run: Id of the run, or ``latest``.
        reason: Why; it is kept in the ledger.
        to: Plan task, or hold, to stop at: everything after it is undone, it stays.
        accepts: By plan task, why what it did may stay where its step cannot be undone; what is
            not among them an operator has to accept, else the rollback is not complete.

    Raises:
        Refused: no such run, no reason, nothing to undo, rolled back already.
    """
    wanted, why, until = _typed("run", run), _typed("reason", reason), _typed("to", to)
    attempt = open_attempt(
        None,
        lambda runs, name, left_out: run_to_undo(runs, name, wanted, why, until, left_out),
        ROLLBACK,
    )
    undone = attempt.undone
    receipts = receipts_to_undo(attempt.run, undone, until, attempt.choices.without)
    attempt.calls.accepts |= accepts or {}
    attempt.calls.undoing |= {(each.task, each.target) for each in receipts}
    for receipt in host.loop(receipts):  # type: ignore[no-untyped-call]  # pyinfra's is untyped
        here = receipt.target == host.name
        name = way_back(receipt)
        place = f"{undone.id}:{receipt.task}"
        attempt.declare(receipt.task, receipt.step, name, place, selected=here)
        added = calling.add(name, _commands_for(receipt), dict(receipt.settings), here=here)
        attempt.calls.operations[added] = receipt.task


def way_back(receipt: Receipt) -> str:
    """Return the way back of a step as a sentence for 2 a.m., by what it is called today."""
    try:
        return load(receipt.step).rollback_name or f"Leave {receipt.step} as it is: no way back"
    except RunbookError:  # told when its turn comes
        return receipt.rollback or f"Put back {receipt.step}"


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
    with refusing(attempt, attempt.task(receipt.task).declared) as end:
        refuse_after_failure(attempt)
        attempt.write()
        work = None if _is_undone(attempt, receipt) else _to_put_back(attempt, receipt)
    if end.refused or work is None:
        yield from end.told
        return
    act, decision = work
    failure = Failure()
    with proving(act, f"{act.contract.name} was not put back on {host.name}", failure) as end:
        yield from _putting_back(act, receipt, decision, failure)
        if decision.do is Do.KEEP:
            _keep(act, decision)
        else:
            _prove(act, receipt, failure.said())
    yield from end.told


def _putting_back(
    act: Act, receipt: Receipt, decision: Decision, failure: Failure
) -> Iterator[PyinfraCommand]:
    """Cancel what may still arrive, and put back what is there."""
    if decision.cancels:
        yield from _way_back(act, receipt, act.contract.cancels, failure)
    if decision.do is Do.UNDO or (decision.do is Do.AS_BEFORE and _has_arrived(act, receipt)):
        yield from _way_back(act, receipt, act.contract.rollback, failure)


def _has_arrived(act: Act, receipt: Receipt) -> bool:
    """Tell whether what was asked for came about before it could be cancelled."""
    return not reads_as_before(act, receipt)


def _to_put_back(attempt: Attempt, receipt: Receipt) -> tuple[Act, Decision] | None:
    """Carry a decision out as far as the ledger goes; None where nothing is to be done there.

    Raises:
        RunbookError: it must not be put back, or its snapshot is not to be had.
    """
    act = Act.recorded(attempt, load(receipt.step), receipt)
    facts = receipt_facts(act, receipt, attempt.undone)
    decision = decide(facts)
    refuse_stopping(decision, f"{act.contract.name} was not put back on {host.name}")
    if decision.acts:
        snapshot.unseal(receipt.before, attempt.vault)  # before the intent: it may be lost
        _intend(act, receipt, spent(act, facts.consent))
        return act, decision
    if decision.do is Do.KEEP:
        _keep(act, decision)
    elif decision.do is Do.AS_BEFORE:
        why = "; ".join(["it already is as it was before", *_told_gone(act, receipt)])
        act.record(Event.STEP_ROLLED_BACK, why=why)
        _settle(act)
    else:
        say(f"{act.contract.name}: {decision.why}")
        _settle_covered(act)
    return None


def _keep(act: Act, decision: Decision) -> None:
    """Record that a step cannot be undone, and whether somebody accepted that."""
    accepted = is_accepted(act)
    consent = spent(act, "irreversible") if accepted else {}
    if accepted and not consent["consent"]:  # the runbook accepts it, or it was accepted before
        consent = {"reason": act.attempt.calls.accepts.get(act.task.declared.task, "")}
    act.record(Event.STEP_SKIPPED, why=decision.why, accepted=accepted, **consent)
    say(f"{act.contract.name} cannot be undone: {decision.why}")
    _close(act.attempt)


def _preview(receipt: Receipt) -> Iterator[PyinfraCommand]:
    """Say what would happen to one receipt."""
    attempt = current()
    declared = attempt.task(receipt.task).declared
    if _is_undone(attempt, receipt):
        decision = Decision(Do.LEAVE, "done", "put back already")
        yield from preview(attempt, Planned(declared, decision, decision))
        return
    try:
        act = Act.recorded(attempt, load(receipt.step), receipt)
        decision = decide(receipt_facts(act, receipt, attempt.undone))
    except RunbookError as error:
        decision = Decision(Do.REFUSE, "would refuse", error.why, error.fix)
    yield from preview(attempt, Planned(declared, decision, decision))


def _is_undone(attempt: Attempt, receipt: Receipt) -> bool:
    """Tell whether nothing is left to do: no receipt stands, or it was accepted that it stays."""
    task = attempt.undone.tasks.get(receipt.key)
    stands = task is not None and task.receipt is not None
    here = attempt.task(receipt.task)
    done = not stands or (here.state is TaskState.SKIPPED and not here.unproven)
    if done and attempt.writer is not None:
        _close(attempt)
    return done


def _intend(act: Act, receipt: Receipt, consent: dict[str, str]) -> None:
    """Record that the rollback of a step begins; on disk before any effect."""
    act.record(
        Event.STEP_STARTED,
        undoes=act.attempt.run.undoes,
        arguments=dict(receipt.arguments),
        before=receipt.before,
        **consent,
    )


def _prove(act: Act, receipt: Receipt, said: dict[str, Any]) -> None:  # Any: JSON
    """Hold what was put back against the snapshot, and record that it reads as before.

    Args:
        act: What was put back.
        receipt: What it had left.
        said: What the ledger keeps of the commands.

    Raises:
        NotProven: it does not; or the snapshot cannot tell, and the step's claim still holds.
    """
    seen = f"`handrail show {act.attempt.run.undoes}` says what was there"
    if not reads_as_before(act, receipt):
        raise NotProven(
            f"{act.contract.name} was put back on {host.name} and does not read as before",
            "what the step captures differs from what was captured before it acted",
            f"{seen}; mend it by hand, then the same command again",
        )
    if is_blind(receipt) and ask(act.contract.ensures, act.live).passed:
        raise NotProven(
            f"{act.contract.name} was put back on {host.name} and is not proven undone",
            "what it captures read the same before and after it acted, and its claim still holds",
            f"{seen}; look there, mend it by hand, then the same command again",
        )
    why = "; ".join(_told_gone(act, receipt))
    act.record(Event.STEP_ROLLED_BACK, undoes=act.attempt.run.undoes, why=why, **said)
    _settle(act)


def _told_gone(act: Act, receipt: Receipt) -> list[str]:
    """Say what of a step's snapshot is gone for good, and return it."""
    sentences = sorted({*gone(act, receipt).values()})
    for each in sentences:
        say(f"{act.contract.name}: {each}; nothing of it is left to put back")
    return sentences


def _way_back(
    act: Act, receipt: Receipt, clause: Clause | Irreversible | None, failure: Failure
) -> Iterator[PyinfraCommand]:
    """Return the commands of a clause of the way back, a generator or a plain function."""
    if clause is None or isinstance(clause, Irreversible):
        raise TypeError("an irreversible step has nothing to run")
    before = snapshot.unseal(receipt.before, act.attempt.vault)
    act = replace(act, live=act.live | {"before": before})
    given = chosen(clause, act.live)
    if inspect.isgeneratorfunction(clause):
        yield from perform(act, clause(**given), failure)
    else:
        yield from perform(act, iter([Call(clause, (), given)]), failure)


def _settle(act: Act) -> None:
    """Settle with a step that was put back those that went back with it, then the whole run."""
    attempt = act.attempt
    for receipt in attempt.undone.receipts():
        if receipt.target == host.name and (receipt.task, host.name) in attempt.calls.undoing:
            _settle_covered(Act.recorded(attempt, load(receipt.step), receipt))
    _close(attempt)


def _settle_covered(act: Act) -> None:
    """Record that a step went back with another one, once that one did."""
    covering = cover(act, act.attempt.undone)
    if covering is not None and covering.rolled_back:
        call = covering.declared
        why = f"{call.step} (task {call.task}) took it back, too"
        act.record(Event.STEP_ROLLED_BACK, undoes=act.attempt.run.undoes, why=why)
        _close(act.attempt)


def _close(attempt: Attempt) -> None:
    """Close the undone run once nothing of it is left to undo."""
    undone = attempt.undone
    if undone.rolled_back or attempt.run.outcome is not Outcome.PROVEN:
        return
    here = [attempt.run.tasks.get(each.key) for each in undone.receipts()]
    if all(task is not None and task.state is TaskState.SKIPPED for task in here):
        attempt.append(Event.RUN_ROLLED_BACK, run=undone.id, reason=attempt.choices.reason)
        undone.rolled_back = True
