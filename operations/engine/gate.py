"""A gate: a claim that stands alone in a runbook, watched over a window if it has one."""

import inspect
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import gevent
from pyinfra import host
from pyinfra.api import FunctionCommand
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from operations.engine.contract import (
    SUPPLIED,
    Check,
    Contract,
    Irreversible,
    ask,
    claim_of,
    ledger_name,
    readers_of,
    signature_without,
)
from operations.engine.finding import Finding, Verdict
from operations.engine.plan import preview
from operations.engine.session import say
from state.entry import Event, now
from state.errors import PreconditionUnmet, RunbookError
from state.run import TaskState

if TYPE_CHECKING:
    from operations.engine.execution import Act

POLL_SECONDS = 2.0
TIMEOUT_SECONDS = 60.0
SAY_EVERY = timedelta(seconds=15)  # a wait that says nothing looks like a hang
_NOTHING_TO_UNDO = Irreversible("a gate changes nothing", instead="nothing is needed")


def contract_of_gate(function: Callable[..., Any], fix: str) -> Contract:
    """Return the contract of a gate: it ensures its claim and changes nothing."""
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"{ledger_name(function)}: a gate returns a Finding and yields no command")
    return Contract(
        name=ledger_name(function),
        summary=claim_of(function),
        body=function,
        requires=(),
        captures=None,
        ensures=Check(function, fix, claim_of(function)),
        rollback=_NOTHING_TO_UNDO,
        idempotent=True,
        signature=signature_without(function, SUPPLIED | {"since"}),
        readers=readers_of(function),
    )


def is_gate(contract: Contract) -> bool:
    """Tell a gate from a step."""
    return contract.rollback is _NOTHING_TO_UNDO


def preview_gate(act: "Act") -> Iterator[PyinfraCommand]:
    """Say whether the gate would be asked; planning does not ask it, for it may wait."""
    passed = act.task.state is TaskState.UNCHANGED and act.task.digest == act.digest
    decision = ("done", "it passed in this run") if passed else ("would be asked", "")
    yield from preview(act.session, act.task.declared, *decision)


def ask_gate(act: "Act") -> Iterator[PyinfraCommand]:
    """Ask the gate until it answers; a gate that passed in this run is not asked again."""
    from operations.engine.execution import failing, refuse_after_failure

    session = act.session
    try:
        session.write()
        act.task = session.task(act.task.declared.task)
        if act.task.state is TaskState.UNCHANGED and act.task.digest == act.digest:
            return
        refuse_after_failure(session)
        if act.task.opened_at is None or act.task.digest != act.digest:
            act.record(Event.GATE_OPENED)
    except RunbookError as error:
        session.stop(f"{act.contract.name} on {host.name}")
        yield failing(str(error))
        return

    def watch(state: State, host: Host) -> bool:  # pyinfra goes by these two names
        del state, host
        return wait_for(act)

    yield FunctionCommand(watch, (), {})


def wait_for(act: "Act") -> bool:
    """Ask until the answer is yes or no or the time is up; record it and tell."""
    from operations.engine.execution import tell

    opened = act.task.opened_at
    since = datetime.fromisoformat(opened) if opened else now()
    arguments = act.live | {"since": since}
    poll = float(act.plain.get("poll_seconds", POLL_SECONDS))
    deadline = now() + timedelta(seconds=float(act.plain.get("timeout_seconds", TIMEOUT_SECONDS)))
    told = now()
    while True:
        found = ask(act.contract.ensures, arguments)
        if found.verdict is Verdict.PASS:
            act.record(Event.GATE_PASSED, facts=dict(found.facts), why=found.why)
            return True
        if found.verdict is not Verdict.INCONCLUSIVE or now() > deadline:
            break
        if now() - told >= SAY_EVERY:
            say(f"waiting: {found.why}")
            told = now()
        gevent.sleep(poll)
    closed = closed_because(act, found)
    act.session.stop(f"{act.contract.name} on {host.name}")
    try:
        act.record(Event.GATE_CLOSED, why=closed.why, verdict=found.verdict, facts=dict(found.facts))
    except RunbookError as unwritable:
        tell(str(unwritable))
    tell(str(closed))
    return False


def closed_because(act: "Act", found: Finding) -> PreconditionUnmet:
    """Return the refusal of a gate, in words that tell no from unknown."""
    words = {
        Verdict.FAIL: "it does not hold",
        Verdict.INCONCLUSIVE: "there was not enough to tell in the time given",
        Verdict.ERROR: "it could not be looked at",
    }
    return PreconditionUnmet(
        f"{act.contract.name} is closed on {host.name}: {act.contract.summary[:1].lower()}"
        f"{act.contract.summary[1:]}",
        f"{words[found.verdict]}: {found.why}",
        found.fix or "mend it, then the same command again",
    )
