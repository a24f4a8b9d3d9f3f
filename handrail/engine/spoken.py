"""A call as it stands in the runbook, and how a target takes it into account."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyinfra.api.command import PyinfraCommand
from pyinfra.context import host

from handrail.engine import arguments as values
from handrail.engine import calling
from handrail.engine import gate as gates
from handrail.engine.arming import armed_minutes
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import is_executing
from handrail.engine.attempt.going_back import POLICIES, PROPOSE, RUN
from handrail.engine.attempt.opening import current
from handrail.engine.contract import Contract
from handrail.engine.execution import execute
from handrail.engine.here import ABSENT, refuse_taken_apart
from handrail.engine.inventory import data_of, selected
from handrail.engine.output import tasks_named
from handrail.engine.plan import preview_step
from handrail.ledger.errors import RunbookError
from handrail.naming import ticked


@dataclass(frozen=True)
class Spoken:
    """A call as it stands in the runbook."""

    contract: Contract
    args: tuple[Any, ...]  # Any: whatever was written
    task: str
    name: str
    on: str | None
    canary: int
    until: str
    stake: str
    owner: str
    confirm_minutes: float
    policy: str
    settings: dict[str, Any]  # Any: pyinfra's arguments
    kwargs: dict[str, Any]  # Any: whatever was written


def take(spoken: Spoken) -> None:
    """Take a call into account on this target, and hand it to pyinfra.

    Raises:
        RunbookError: it cannot be called like this.
    """
    attempt, contract, where = current(), spoken.contract, calling.place()
    calling.refuse_settings(contract.name, spoken.settings)
    chosen = selected(spoken.on, host)
    words = {"name": spoken.name, "on": spoken.on or "", "owner": spoken.owner} if chosen else {}
    refuse_taken_apart(host.name, int(where.rpartition(":")[2]), chosen=chosen)
    calling.refuse_form(contract.name, spoken.args, spoken.task, words)
    refuse_until(contract, spoken.until, spoken.stake)
    if chosen:
        _agree(attempt, spoken)
    plain = _bound(attempt, spoken) if chosen else {}
    sentence = _sentence(spoken)
    for task in tasks_named(list(plain.values())):
        attempt.calls.refuse_later(task, spoken.task)
    attempt.declare(spoken.task, contract.name, sentence, where, plain, selected=chosen)
    _note(attempt, spoken, chosen=chosen)
    _hand_over(attempt, spoken, plain, chosen=chosen)


def _agree(attempt: Attempt, spoken: Spoken) -> None:
    """Take over what a call says of its way back: by policy, and unless somebody confirms it."""
    refuse_policy(spoken.contract, spoken.policy)
    attempt.calls.policies |= {spoken.task: RUN} if spoken.policy == RUN else {}
    if minutes := armed_minutes(spoken.contract, spoken.confirm_minutes):
        attempt.calls.confirms[spoken.task] = minutes


def _hand_over(
    attempt: Attempt,
    spoken: Spoken,
    plain: dict[str, Any],  # Any: JSON
    *,
    chosen: bool,
) -> None:
    """Give a call to pyinfra: the targets that go first one after the other, then the others."""
    first = calling.canaries(spoken.canary, spoken.on)
    do = partial(commands, spoken.contract, spoken.task, plain)
    sentence, operations = _sentence(spoken), attempt.calls.operations
    if first:
        alone = spoken.settings | {"_serial": True}
        ahead = calling.add(sentence, do, alone, here=chosen and host.name in first)
        operations[ahead] = spoken.task
    added = calling.add(sentence, do, spoken.settings, here=chosen and host.name not in first)
    operations[added] = spoken.task


def _bound(attempt: Attempt, spoken: Spoken) -> dict[str, Any]:  # Any: JSON
    """Return a call's arguments, and remember which of them the target gave."""
    plain, found = values.bind(spoken.contract, spoken.kwargs, data_of(host), host.name)
    attempt.calls.bindings[spoken.task, host.name] = {key: plain[key] for key in found}
    return plain


def _sentence(spoken: Spoken) -> str:
    """Return what an operator reads of a call.

    The same on every target, also where the call is not for it: pyinfra joins names that differ.
    """
    named = isinstance(spoken.name, str) and spoken.name and not ABSENT.search(spoken.name)
    return spoken.name if named else spoken.contract.summary


def _note(attempt: Attempt, spoken: Spoken, *, chosen: bool) -> None:
    """Remember what a call says beside its arguments."""
    if spoken.stake:
        attempt.calls.stakes[spoken.task] = (spoken.stake, spoken.until)
    elif spoken.until:
        attempt.calls.untils[spoken.task] = spoken.until
    if spoken.owner and chosen:
        attempt.calls.owners[spoken.task] = spoken.owner


def refuse_until(contract: Contract, until: str, stake: str) -> None:
    """Raise where a step says what only a gate may say, or a gate what only a step may.

    Raises:
        RunbookError: with what to leave out.
    """
    what, is_gate = f"`{contract.name}` cannot be called like this", contract.is_gate
    if until and not is_gate and not stake:
        why = "`until=` is for gates, and for a step that puts something at stake"
        raise RunbookError(what, f"{why}: a step that is done stays done", "leave it out")
    if stake and is_gate:
        why = "`stake=` is for steps: a gate changes nothing, so it puts nothing at stake"
        raise RunbookError(what, why, "leave it out")


def refuse_policy(contract: Contract, policy: str) -> None:
    """Raise where what is to follow a gate that is red is not one of the two things that may.

    Raises:
        RunbookError: with what to write.
    """
    what = f"`{contract.name}` cannot be called like this"
    if policy not in POLICIES:
        known = ticked(POLICIES, " or ")
        raise RunbookError(what, f"`policy={policy!r:.40}` is no policy", f"write {known}")
    if policy != PROPOSE and not contract.is_gate:
        why = "`policy=` is for gates: a step that fails leaves a doubt for somebody to settle"
        raise RunbookError(what, why, "leave it out")


def commands(
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Do the step, or say what it would do."""
    if contract.is_gate:
        do = gates.ask_gate if is_executing() else gates.preview_gate
    else:
        do = execute if is_executing() else preview_step
    yield from do(current(), contract, task, plain)
