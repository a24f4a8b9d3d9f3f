"""The decorators that make a function a step or a gate of a runbook."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, ParamSpec

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
from handrail.engine.contract import Clause, Commands, Contract, Irreversible, contract_of
from handrail.engine.execution import execute
from handrail.engine.finding import Finding
from handrail.engine.form import Step
from handrail.engine.here import ABSENT
from handrail.engine.inventory import data_of, selected
from handrail.engine.output import tasks_named
from handrail.engine.plan import preview_step
from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError

P = ParamSpec("P")


def step(
    *,
    ensures: Clause,
    rollback: Clause | Irreversible,
    captures: Clause | None = None,
    requires: Sequence[Clause] = (),
    idempotent: bool = False,
    preview: Callable[..., str] | None = None,
    keeps_since: bool = False,
    stake: str = "",
    felt: str = "",
    rollback_name: str = "",
    rollback_loses: str = "",
    round_trips: int = 0,
    cancels: Clause | None = None,
) -> Callable[[Callable[P, Commands]], Step[P]]:
    """Make a generator of commands a step.

    Args:
        ensures: The claim that holds when the step is done; asked before, after, and on resume.
        rollback: Puts back what was `before`, or `irreversible(reason, instead=…)`.
        captures: Reads what the rollback needs; plain data, a `Secret` for secret values.
        requires: Claims that must hold before the step acts.
        idempotent: Acting again after an interruption is safe; else the operator is asked.
        preview: Reads what the step would do in full: text for ``--data diff=1``, or `Sql` for
            ``--data sql=FILE``; it is asked only where the step would run.
        keeps_since: The rollback keeps, in a place of its own, what others wrote there since; so
            that is no drift as long as `ensures` holds.
        stake: What is at stake from its act on, as a clause for the middle of a sentence: "the
            legacy database refuses writes". Every stop says so first, until the task or hold that
            the call names with ``until=`` is done, the step is put back, or the run is through.
        felt: What users feel of that, as a clause: "users read, and cannot write"; so long is their
            outage in the report. Empty where they feel nothing.
        rollback_name: The way back as a sentence an operator approves: "Let the legacy database
            take writes again"; the first line of the rollback clause where it is left out.
        rollback_loses: What the way back does not bring back, as a clause; told before it begins.
        round_trips: About how often it goes to a database and back, its claims included: what a
            plan expects of it grows by these where `handrail doctor` measured a longer way.
        cancels: Cancels what the act asked of somebody else, such as a job or an order, that goes
            on when the act was interrupted; a function or generator like `rollback`, and like it
            told `before`, and safe to repeat. A rollback asks it of an act in doubt before it
            believes that all is as before, or that what cannot be undone stays.

    Raises:
        TypeError: the contract does not fit the body; at import.
    """

    def declare(body: Callable[P, Commands]) -> Step[P]:
        refuse_in_runbook(body)
        contract = contract_of(
            body,
            requires=requires,
            captures=captures,
            ensures=ensures,
            rollback=rollback,
            idempotent=idempotent,
            preview=preview,
            keeps_since=keeps_since,
            stake=stake,
            felt=felt,
            rollback_name=rollback_name,
            rollback_loses=rollback_loses,
            round_trips=round_trips,
            cancels=cancels,
        )
        return called(body, contract)

    return declare


def gate(*, fix: str, round_trips: int = 0) -> Callable[[Callable[P, Finding]], Step[P]]:
    """Make a check a gate: it observes, waits while the answer is open, and changes nothing.

    The function returns a Finding. While that is inconclusive it is asked again every
    ``poll_seconds`` until ``timeout_seconds`` have passed; both are arguments of the gate where it
    has them. It may name ``since``, when its window began: the window goes on over a restart.

    Args:
        fix: The command to run where it does not hold.
        round_trips: About how often it goes to a database and back; see `step`.
    """

    def declare(function: Callable[P, Finding]) -> Step[P]:
        refuse_in_runbook(function)
        contract = gates.contract_of_gate(function, fix)
        return called(function, replace(contract, round_trips=round_trips))

    return declare


def called(function: Callable[P, Any], contract: Contract) -> Step[P]:
    """Return the function that a runbook calls."""

    @wraps(function)
    def declare(
        *args: Any,
        task: str = "",
        name: str = "",
        on: str | None = None,
        canary: int = 0,
        until: str = "",
        stake: str | None = None,
        owner: str = "",
        confirm_minutes: float = 0,
        policy: str = PROPOSE,
        **kwargs: Any,
    ) -> None:
        settings = {key: kwargs.pop(key) for key in list(kwargs) if key.startswith("_")}
        at_stake = contract.stake if stake is None else stake
        try:
            said = (task, name, on, canary, until, at_stake, owner, confirm_minutes, policy)
            _declare(Spoken(contract, args, *said, settings, kwargs))
        except RunbookError as error:
            current().refusal = error
            raise refuse(error) from None

    declare.contract = contract  # type: ignore[attr-defined]
    return declare  # type: ignore[return-value]


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


def _declare(spoken: Spoken) -> None:
    """Take a call into account on this target, and hand it to pyinfra.

    Raises:
        RunbookError: it cannot be called like this.
    """
    attempt, contract, where = current(), spoken.contract, calling.place()
    calling.refuse_settings(contract.name, spoken.settings)
    chosen = selected(spoken.on, host)
    words = {"name": spoken.name, "on": spoken.on or "", "owner": spoken.owner} if chosen else {}
    calling.refuse_form(contract.name, spoken.args, spoken.task, words)
    refuse_until(contract, spoken.until, spoken.stake)
    if chosen:
        refuse_policy(contract, spoken.policy)
        attempt.calls.policies |= {spoken.task: RUN} if spoken.policy == RUN else {}
    if chosen and (minutes := armed_minutes(contract, spoken.confirm_minutes)):
        attempt.calls.confirms[spoken.task] = minutes
    plain = _bound(attempt, spoken) if chosen else {}
    sentence = _sentence(spoken)
    for task in tasks_named(list(plain.values())):
        attempt.calls.refuse_later(task, spoken.task)
    attempt.declare(spoken.task, contract.name, sentence, where, plain, selected=chosen)
    _note(attempt, spoken, chosen=chosen)
    first = calling.canaries(spoken.canary, spoken.on)
    do = partial(commands, contract, spoken.task, plain)
    if first:
        alone = spoken.settings | {"_serial": True}
        ahead = calling.add(sentence, do, alone, here=chosen and host.name in first)
        attempt.calls.operations[ahead] = spoken.task
    added = calling.add(sentence, do, spoken.settings, here=chosen and host.name not in first)
    attempt.calls.operations[added] = spoken.task


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
        known = " or ".join(f"`{each}`" for each in POLICIES)
        raise RunbookError(what, f"`policy={policy!r:.40}` is no policy", f"write {known}")
    if policy != PROPOSE and not contract.is_gate:
        why = "`policy=` is for gates: a step that fails leaves a doubt for somebody to settle"
        raise RunbookError(what, why, "leave it out")


def refuse_in_runbook(function: Callable[..., object]) -> None:
    """Raise where a step or gate is defined in the runbook itself.

    Raises:
        Refused: a rollback could not find it again, for pyinfra executes a runbook, once for each
            target, and nothing can import it.
    """
    if function.__module__ is None:
        name = function.__name__
        raise refuse(
            RunbookError(
                "the runbook was not started",
                f"`{name}` is defined in the runbook file, where a rollback would not find it",
                f"move it into a module, `operations/{name}.py` say, and import it from there",
            )
        )


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
