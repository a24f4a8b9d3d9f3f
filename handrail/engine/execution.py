"""Carry one step out on one target: decide, record the intent, act, prove, record the outcome."""

from collections.abc import Iterator, Sequence
from typing import Any

from pyinfra.api.arguments import auth_argument_meta
from pyinfra.api.command import PyinfraCommand
from pyinfra.context import host

from handrail.clients.patience import note_waits
from handrail.engine import snapshot
from handrail.engine.act import Act
from handrail.engine.arming import arming_of
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.budget import refuse_beyond_budget
from handrail.engine.clause import ask, chosen, claim
from handrail.engine.commands import perform
from handrail.engine.contract import Contract
from handrail.engine.decide import decide
from handrail.engine.decide.decision import Do
from handrail.engine.failure import Failure
from handrail.engine.finding import Finding
from handrail.engine.outcome import proving, refuse_after_failure, refuse_stopping, refusing
from handrail.engine.secrecy import refuse_in_clear
from handrail.engine.standing import step_facts, told
from handrail.engine.telling import say
from handrail.ledger.entry import WAITED, Event
from handrail.ledger.errors import NotProven
from handrail.ledger.task import Standing, TaskState

EDITS_KEPT = 2_000  # characters; an argument may be as long as a file
# As whom and where commands run, without passwords.
SETTINGS = (
    *(key for key in auth_argument_meta if not key.endswith("_password")),
    *("_chdir", "_shell_executable"),
)


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
    if attempt.is_beyond(task):
        return
    with refusing(attempt, attempt.task(task).declared) as end:
        refuse_after_failure(attempt)
        attempt.write()
        act = Act.of(attempt, contract, task, plain)
        acting = settled_or_acting(act)
    if end.refused or not acting:
        yield from end.told
        return
    failure, waits = Failure(), note_waits()
    with proving(act, f"{contract.name} failed on {host.name}", failure) as end:
        yield from perform(act, contract.body(**chosen(contract.body, act.live)), failure)
        prove(act, failure.said(), waits)
    yield from end.told


def settled_or_acting(act: Act) -> bool:
    """Carry a decision out as far as the ledger goes; True where the step's body comes next.

    Raises:
        RunbookError: the step must not act.
    """
    facts = step_facts(act)
    decision = decide(facts)
    refuse_stopping(decision, f"{act.contract.name} did not start on {host.name}")
    consent = spent(act, facts.consent)
    match decision.do:
        case Do.ACT:
            refuse_beyond_budget(act.attempt, act.task.declared.task)
            intend(act, {"reason": _why_again(act, facts.edits)} | consent)
        case Do.ADOPT:
            refuse_in_clear({"arguments": act.plain})
            seen = snapshot.figures(facts.ensures().facts)
            act.record(Event.STEP_ADOPTED, facts=seen, arguments=act.plain, **left_by(act))
        case Do.VOUCH:
            seen = snapshot.figures(facts.ensures().facts)
            act.record(Event.STEP_ADOPTED, **consent, proven=False, facts=seen)
        case Do.SKIP:
            act.record(Event.STEP_SKIPPED, **consent)
        case Do.NOTE:
            act.record(Event.STEP_UNCHANGED, facts=snapshot.figures(facts.ensures().facts))
        case Do.CONFIRM:
            act.record(Event.STEP_CONFIRMED, reason=facts.edits and _why_again(act, facts.edits))
        case _:
            _restate(act)
    return decision.acts


def left_by(act: Act) -> dict[str, Any]:  # Any: JSON
    """Return a trace of what an act in doubt left; nothing where its snapshot does not show that.

    Raises:
        PreconditionUnmet: what is there cannot be read.
    """
    receipt, after = act.task.receipt, act.trace()
    if not after or receipt is None or after == snapshot.trace_of(receipt.before):
        return {}
    return {"after": after, "blind": False}


def spent(act: Act, choice: str) -> dict[str, str]:
    """Return what the ledger keeps of a consent that is used now, its reason beside it."""
    if not choice:
        return {}
    kinds = {"redo": "drift", "undo": "drift", "irreversible": "accept"}
    found = act.attempt.consent(kinds.get(choice, "settle"), act.task)
    text = found.text(act.task.declared.target) if found else ""
    return {"consent": text, "reason": act.attempt.choices.reason}


def _restate(act: Act) -> None:
    """Say again what is on record of a step that was refused since: it is as it was before that."""
    if act.task.state is not TaskState.REFUSED:
        return
    if act.task.standing is Standing.SKIPPED:
        act.record(Event.STEP_SKIPPED)
    else:
        act.record(Event.STEP_CONFIRMED, proven=act.task.standing is not Standing.UNPROVEN)


def _why_again(act: Act, edits: str) -> str:
    """Return the reason that stands with an act: which of its arguments were edited, and a word."""
    edited = f"edited{edits}"[:EDITS_KEPT] if edits else ""
    return "; ".join(filter(None, [edited, act.attempt.choices.reason]))


def intend(act: Act, said: dict[str, str]) -> None:
    """Record what is about to happen and what was there before; on disk before any effect.

    Args:
        act: What is about to happen.
        said: Why, and the consent that it rests on, where it needed one.

    Raises:
        PreconditionUnmet: what is there cannot be read, or would not survive being recorded.
    """
    before = None
    if act.contract.captures is not None:
        there = act.captured(act.contract.captures)
        before = snapshot.seal(there, act.attempt.vault) if act.task.receipt is None else None
        act.found = snapshot.trace(there, act.attempt.vault)
    refuse_in_clear({"arguments": act.plain, "captures": before})
    stake, until = act.attempt.calls.stakes.get(act.task.declared.task, ("", ""))
    at_stake = {"stake": stake, "until": until, "felt": act.contract.felt} if stake else {}
    armed = arming_of(act.attempt, act.task.declared.task)
    act.record(
        Event.STEP_STARTED,
        arguments=act.plain,
        before=before,
        settings=settings_here(),
        idempotent=act.contract.idempotent,
        rollback=act.contract.rollback_name,
        **at_stake,
        **armed,
        **said,
    )


def settings_here() -> dict[str, Any]:  # Any: JSON
    """Return as whom and where commands run, without passwords; a rollback runs its own so, too."""
    given = dict(host.current_op_global_arguments or {})
    return {key: value for key in SETTINGS if (value := given.get(key))}


def prove(act: Act, said: dict[str, Any], waits: Sequence[float]) -> None:  # Any: JSON
    """Ask `ensures` after the act, and record that the step changed what it ensures.

    Args:
        act: What was done.
        said: What the ledger keeps of its commands.
        waits: How long it waited for others, in seconds.

    Raises:
        NotProven: it does not hold, or cannot be told.
    """
    found, after = _ensured(act), act.trace()
    if blind := bool(after) and after == act.found:
        say(
            f"{act.contract.name}: what it captures reads the same after the act as before it, so "
            "a rollback goes by its claim alone"
        )
    waited = {WAITED: round(sum(waits), 3)} if waits else {}
    facts = snapshot.figures(found.facts) | waited
    act.record(Event.STEP_CHANGED, facts=facts, after=after, blind=blind, **said)


def _ensured(act: Act) -> Finding:
    """Ask `ensures` after the act.

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
    return found
