"""A gate: a claim that stands alone in a runbook, watched over a window if it has one."""

import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pyinfra.api.command import FunctionCommand, PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.context import host

from handrail.engine import snapshot
from handrail.engine.act import Act
from handrail.engine.arming import seconds_left
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.clause import Check, ask, claim_of, in_sentence, parameters
from handrail.engine.contract import GATES_NEED_NONE, Contract
from handrail.engine.decide import decide
from handrail.engine.decide.decision import Decision, Do, Planned
from handrail.engine.decide.gate import WINDOW_GOES_ON
from handrail.engine.finding import Finding, Verdict
from handrail.engine.names import ledger_name
from handrail.engine.outcome import refuse_after_failure, refusing, unforeseen
from handrail.engine.plan import preview
from handrail.engine.record import Record
from handrail.engine.signature import SUPPLIED, readers_of, refuse_reserved, signature_without
from handrail.engine.standing import gate_facts
from handrail.engine.telling import progress, say, tell, waits
from handrail.ledger.entry import Entry, Event, now
from handrail.ledger.errors import PreconditionUnmet, RunbookError
from handrail.ledger.seam import NoLedger

OURS = "handrail "  # how a command of ours begins
POLL_SECONDS = 2.0
TIMEOUT_SECONDS = 60.0
RED = (Verdict.FAIL, Verdict.INCONCLUSIVE)  # looked at; what could not be looked at tells nothing


def contract_of_gate(function: Callable[..., Any], fix: str) -> Contract:
    """Return the contract of a gate: it ensures its claim and changes nothing."""
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{ledger_name(function)}: a gate returns a Finding and yields no command")
    refuse_reserved(function)
    return Contract(
        name=ledger_name(function),
        summary=claim_of(function),
        body=function,
        requires=(),
        captures=None,
        ensures=Check(function, fix, claim_of(function)),
        rollback=GATES_NEED_NONE,
        idempotent=True,
        signature=signature_without(function, SUPPLIED | {"since", "record", "samples"}),
        readers=readers_of(function),
    )


def preview_gate(
    attempt: Attempt,
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Say whether the gate would be asked; planning does not ask it, for it may wait."""
    declared = attempt.task(task).declared
    try:
        facts = gate_facts(Act.of(attempt, contract, task, plain))
    except RunbookError as error:
        decision = Decision(Do.REFUSE, "would refuse", error.why, error.fix)
        yield from preview(attempt, Planned(declared, decision, decision))
        return
    yield from preview(attempt, Planned(declared, decide(facts), decide(replace(facts, void=True))))


def ask_gate(
    attempt: Attempt,
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Ask the gate until it answers; an answer stands until a step that stands before it acts."""
    if attempt.is_beyond(task):
        return
    with refusing(attempt, attempt.task(task).declared) as end:
        refuse_after_failure(attempt)
        attempt.write()
        act = Act.of(attempt, contract, task, plain)
        decision = decide(gate_facts(act))
        if decision.do is Do.LOOK and decision.row != WINDOW_GOES_ON:
            act.record(Event.GATE_OPENED)
    if end.refused or decision.do is Do.LEAVE:
        yield from end.told
        return

    def watch(state: State, host: Host) -> bool:  # pyinfra goes by these two names
        del state, host
        try:
            found = wait_for(act)
        except Exception as bug:  # not an interruption: the window goes on over a restart
            close(act, Verdict.ERROR, unforeseen(bug))
            raise
        except BaseException:
            act.attempt.stop(f"{act.contract.name} ({act.task.declared.task}) on {here}")
            raise
        if found.passed:
            return True
        tell(str(closed_because(act, found)))
        return False

    here = host.name
    yield FunctionCommand(watch, (), {})


def wait_for(act: Act) -> Finding:
    """Ask until the answer is yes or no or the time is up, and record it."""
    found = _answer(act)
    if not found.passed:
        close(act, found.verdict, closed_because(act, found).why, snapshot.figures(found.facts))
        return found
    act.attempt.red.pop((act.task.declared.task, host.name), None)
    try:
        act.record(Event.GATE_PASSED, facts=snapshot.figures(found.facts), why=found.why)
    except RunbookError as unwritable:
        act.attempt.stop(f"{act.contract.name} ({act.task.declared.task}) on {host.name}")
        return Finding(Verdict.ERROR, f"{unwritable.what}: {unwritable.why}", unwritable.fix)
    return found


def _answer(act: Act) -> Finding:
    """Ask until the answer is yes or no, the time is up, or something armed is over."""
    opened = act.task.opened_at
    since = datetime.fromisoformat(opened) if opened else now()
    supplied = {"since": since, "record": Record(act.attempt), "samples": samples_of(act)}
    arguments = act.live | supplied
    poll = float(act.plain.get("poll_seconds", POLL_SECONDS))
    at_most = timedelta(seconds=float(act.plain.get("timeout_seconds", TIMEOUT_SECONDS)))
    deadline, told = now() + at_most, False
    while (found := look(act, arguments)).verdict is Verdict.INCONCLUSIVE and now() <= deadline:
        if late := act.attempt.overdue():
            return Finding(Verdict.ERROR, late.why, late.fix)
        if not told:
            _tell_waiting(found, at_most.total_seconds())
            told = True
        progress(0, 0, f"waiting: {found.why}")
        left = seconds_left(act.attempt.run)
        time.sleep(min(poll, left))  # pyinfra makes this a switch to the other targets
    return found


def _tell_waiting(found: Finding, at_most: float) -> None:
    """Tell once what is waited for, and what to type where it is for somebody else to do."""
    waits(found.why, at_most)
    if found.fix.startswith(OURS):  # while this goes on waiting
        say(f"type elsewhere: {found.fix}")


def look(act: Act, arguments: dict[str, Any]) -> Finding:  # Any: the gate's arguments
    """Ask once; what it tells as a sample goes to the ledger, and to the next look."""
    found = ask(act.contract.ensures, arguments)
    if (sample := found.facts.get("sample")) is None:
        return found
    try:
        act.record(Event.GATE_SAMPLED, sample=sample, why=found.why)
    except RunbookError as unwritable:
        return Finding(Verdict.ERROR, f"{unwritable.what}: {unwritable.why}", unwritable.fix)
    arguments["samples"].append(sample)
    return found


def samples_of(act: Act) -> list[Any]:  # Any: JSON; what the gate told
    """Return the samples since the gate's window opened, those of earlier attempts too."""
    key, ledger = act.task.declared.key, act.attempt.ledger
    if "samples" not in parameters(act.contract.ensures) or isinstance(ledger, NoLedger):
        return []
    told = (each for each in ledger.of_runs([act.attempt.run.id]) if _is_sample(each))
    since = [each for each in told if each.seq > act.task.proven_seq]
    return [each.body["sample"] for each in since if (each.task, each.target) == key]


def _is_sample(entry: Entry) -> bool:
    return entry.event is Event.GATE_SAMPLED


def close(act: Act, verdict: Verdict, why: str, facts: dict[str, Any] | None = None) -> None:
    """Record that the gate did not open, and let nothing start after it."""
    key = (act.task.declared.task, host.name)
    act.attempt.stops[key] = None
    if verdict in RED:
        act.attempt.red[key] = verdict
    act.attempt.stop(f"{act.contract.name} ({act.task.declared.task}) on {host.name}")
    try:
        act.record(Event.GATE_CLOSED, why=why, verdict=verdict, facts=facts or {})
    except RunbookError as unwritable:
        tell(str(unwritable))


def closed_because(act: Act, found: Finding) -> PreconditionUnmet:
    """Return the refusal of a gate, in words that tell no from unknown."""
    words = {
        Verdict.FAIL: "it does not hold",
        Verdict.INCONCLUSIVE: "there was not enough to tell in the time given",
        Verdict.ERROR: "it could not be looked at",
    }
    return PreconditionUnmet(
        f"{act.contract.name} is closed on {host.name}: that {in_sentence(act.contract.summary)}",
        f"{words[found.verdict]}: {found.why}",
        found.fix or "mend it, then the same command again",
    )
