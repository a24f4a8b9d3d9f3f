"""The decorators that make a function a step or a gate of a runbook."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec

from handrail.engine import gate as gates
from handrail.engine.attempt.going_back import PROPOSE
from handrail.engine.attempt.opening import current
from handrail.engine.clause import Clause
from handrail.engine.contract import Commands, Contract, Follows, Irreversible, contract_of
from handrail.engine.finding import Finding
from handrail.engine.form import Step
from handrail.engine.spoken import Spoken, take
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
    gone: Clause | None = None,
    follows: Mapping[str, Follows] | None = None,
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
        stake: What is at stake from its act on, as a clause: "the legacy database refuses writes".
            Every stop says so first until ``until=`` of the call, its way back, or the run's end.
        felt: What users feel of that, as a clause; so long is their outage. Empty: nothing.
        rollback_name: The way back as a sentence; else the first line of the rollback clause.
        rollback_loses: What the way back does not bring back, as a clause; told before it begins.
        round_trips: About how often it goes to a database and back, its claims included: what a
            plan expects of it grows by these where `handrail doctor` measured a longer way.
        cancels: Cancels what the act asked of somebody else, such as a job, and that goes on; safe
            to repeat, told `before`. A rollback asks it of an act in doubt before it looks.
        gone: Returns which entries of a snapshot that is a dictionary are of something that is gone
            for good, each with a sentence; told `before`. A rollback leaves them out and tells.
        follows: Steps whose work its claim is about, each with a function of both calls' arguments
            that says whether they have to do with each other: where a plan has such a step act
            first, this one is told as it will be then.

    Raises:
        TypeError: the contract does not fit the body; at import.
    """

    def declare(body: Callable[P, Commands]) -> Step[P]:
        refuse_in_runbook(body)
        contract = contract_of(
            body, requires=requires, captures=captures, ensures=ensures, rollback=rollback,
            idempotent=idempotent, preview=preview, keeps_since=keeps_since, stake=stake,
            felt=felt, rollback_name=rollback_name, rollback_loses=rollback_loses,
            round_trips=round_trips, cancels=cancels, gone=gone, follows=follows,
        )  # fmt: skip
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
            take(Spoken(contract, args, *said, settings, kwargs))
        except RunbookError as error:
            current().refusal = error
            raise refuse(error) from None

    declare.contract = contract  # type: ignore[attr-defined]
    return declare  # type: ignore[return-value]


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
