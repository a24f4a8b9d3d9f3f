"""Carry one step out on one target: admit, record the intent, act, prove, record the outcome."""

from collections.abc import Iterator
from typing import Any

from pyinfra.api.arguments import auth_argument_meta
from pyinfra.api.command import PyinfraCommand
from pyinfra.context import host

from handrail.clients.errors import ClientError
from handrail.engine import arguments as values
from handrail.engine.act import Act, refusal
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.commands import perform
from handrail.engine.contract import Clause, Contract, ask, chosen, claim
from handrail.engine.facts import facts_answer
from handrail.engine.failure import Failure
from handrail.engine.finding import Finding, Verdict
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
from handrail.engine.secrecy import refuse_in_clear
from handrail.ledger.entry import Event
from handrail.ledger.errors import DriftFound, InDoubt, NotProven, PreconditionUnmet, RunbookError
from handrail.ledger.run import TaskState


def execute(
    attempt: Attempt,
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Do one step as its contract says, and yield pyinfra's commands.

    An expected refusal ends as a command that fails; what nobody foresaw is recorded, and goes up
    with its traceback.
    """
    declared = attempt.task(task).declared
    try:
        refuse_after_failure(attempt)
        attempt.write()
        act = Act.of(attempt, contract, task, plain)
        if not admit(act):
            return
        intend(act)
    except RunbookError as error:
        yield refused(attempt, declared, error)
        return
    except Exception as bug:
        record_refusal(attempt, declared, unforeseen(bug))
        raise
    failure = Failure()
    try:
        yield from perform(act, contract.body(**chosen(contract.body, act.live)), failure)
    except (ClientError, RunbookError) as error:
        what = f"{contract.name} failed on {host.name}"
        yield failed(act, NotProven(what, f"{error.what}: {error.why}", error.fix))
        return
    except BaseException as stop:
        record_failure(act, because(stop, failure), failure)
        raise
    try:
        prove(act)
    except RunbookError as error:
        yield failed(act, error)
    except Exception as bug:
        record_failure(act, unforeseen(bug))
        raise


def admit(act: Act) -> bool:
    """Decide whether the step has to act; False where nothing is left to do.

    Raises:
        RunbookError: it must not act.
    """
    if act.task.state is TaskState.SKIPPED:
        return False
    act.refuse_other_subject()
    if act.task.in_doubt:
        return resolve_doubt(act)
    found = looked(act, act.contract.ensures)
    if act.is_settled:
        return confirm_or_redo(act, found)
    if found.passed:
        act.record(Event.STEP_UNCHANGED, facts=dict(found.facts))
        return False
    refuse_unmet(act)
    return True


def confirm_or_redo(act: Act, found: Finding) -> bool:
    """Hold a settled step against the world."""
    if found.passed:
        if act.task.state is TaskState.REFUSED:
            act.record(Event.STEP_CONFIRMED)
        return False
    choices = act.attempt.choices
    if choices.drift != "redo":
        raise DriftFound(
            f"{act.contract.name} did not start on {host.name}",
            f"it was done in this run and no longer holds: {found.why}",
            "find out who changed it; then the same command with `--data drift=redo "
            '--data reason="…"`',
        )
    if not choices.reason:
        raise no_reason(act)
    refuse_unmet(act)
    return True


def resolve_doubt(act: Act) -> bool:
    """Find out what an interrupted act came to; True where it has to run again."""
    what = f"{act.contract.name} did not start on {host.name}"
    refuse_orphan(act.attempt.environment, acts_in_doubt(act.attempt.run, act.task), what)
    choice = act.attempt.settlement(act.task)
    reason = act.attempt.choices.reason
    if choice and not reason:
        raise no_reason(act)
    if choice == "skip":
        act.record(Event.STEP_SKIPPED, reason=reason)
        return False
    found = looked(act, act.contract.ensures)
    if found.passed or choice == "adopt":
        act.record(Event.STEP_ADOPTED, reason=reason, facts=dict(found.facts))
        return False
    if act.contract.idempotent or choice == "retry":
        refuse_unmet(act)
        return True
    raise InDoubt(
        f"{act.contract.name} did not start on {host.name}",
        f"attempt {max(act.task.attempts)} began it and its end is not on record; {found.why}; "
        "it is not declared idempotent, so it does not run twice unattended",
        "look there, then the same command with "
        f"`--data settle={act.attempt.place(act.task)}:retry` (or `:adopt`, `:skip`) and "
        '`--data reason="…"`; or roll the run back',
    )


def refuse_unmet(act: Act) -> None:
    """Raise where a precondition does not hold or cannot be looked at."""
    for requirement in act.contract.requires:
        found = ask(requirement, act.live)
        if not found.passed:
            raise PreconditionUnmet(
                f"{act.contract.name} did not start on {host.name}",
                f"it requires that {claim(requirement)}; {told(found)}",
                found.fix or "make it so, then the same command again",
            )


def looked(act: Act, clause: Clause) -> Finding:
    """Ask a claim of which both yes and no are good answers; anything else is a refusal."""
    found = ask(clause, act.live)
    if found.verdict in (Verdict.PASS, Verdict.FAIL):
        return found
    raise PreconditionUnmet(
        f"{act.contract.name} did not start on {host.name}",
        f"whether {claim(clause)} cannot be told: {found.why}",
        found.fix or "make it visible, then the same command again",
    )


def intend(act: Act) -> None:
    """Record what is about to happen and what was there before; on disk before any effect."""
    before = None
    if act.contract.captures is not None and act.task.receipt is None:
        before = values.seal(captured(act, act.contract.captures), act.attempt.vault)
    refuse_in_clear({"arguments": act.plain, "captures": before})
    act.record(
        Event.STEP_STARTED,
        arguments=act.plain,
        before=before,
        settings=settings_here(),
        idempotent=act.contract.idempotent,
        reason=act.attempt.choices.reason,
    )


def captured(act: Act, captures: Clause) -> Any:  # Any: a snapshot
    """Return what is there now, as the step's `captures` reads it.

    Raises:
        PreconditionUnmet: it cannot be read.
    """
    try:
        with facts_answer():
            return captures(**chosen(captures, act.live))
    except ClientError as error:
        what = f"what is there cannot be read: {error.what}: {error.why}"
        raise refusal(act.contract, what, error.fix) from None


def settings_here() -> dict[str, Any]:  # Any: JSON
    """Return as whom and where commands run, without passwords; a rollback runs its own so, too."""
    given = dict(host.current_op_global_arguments or {})
    kept = [key for key in auth_argument_meta if not key.endswith("_password")]
    kept += ["_chdir", "_shell_executable"]
    return {key: given[key] for key in kept if given.get(key)}


def prove(act: Act) -> None:
    """Ask `ensures` after the act, and record that the step changed what it ensures.

    Raises:
        NotProven: it does not hold, or cannot be told.
    """
    found = ask(act.contract.ensures, act.live)
    if not found.passed:
        raise NotProven(
            f"{act.contract.name} acted on {host.name} and is not proven",
            f"it ensures that {claim(act.contract.ensures)}; {told(found)}",
            found.fix or "see the lines above, then the same command again",
        )
    captures = act.contract.captures
    after = values.trace(captured(act, captures), act.attempt.vault) if captures else ""
    act.record(Event.STEP_CHANGED, facts=dict(found.facts), after=after)


def told(found: Finding) -> str:
    """Return what was found instead of yes, telling no from unknown."""
    return found.why if found.verdict is Verdict.FAIL else f"that cannot be told: {found.why}"


def no_reason(act: Act) -> PreconditionUnmet:
    """Return the refusal of an override without a reason."""
    return refusal(act.contract, "an override needs a reason", 'add `--data reason="…"`')
