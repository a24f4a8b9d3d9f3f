"""The decorators that make a function a step or a gate of a runbook."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Protocol

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.operation import operation
from pyinfra.context import host, state

from handrail.engine import arguments as values
from handrail.engine import gate as gates
from handrail.engine.attempt.command import is_executing
from handrail.engine.attempt.opening import current
from handrail.engine.contract import Clause, Commands, Contract, Irreversible, contract_of
from handrail.engine.execution import execute
from handrail.engine.inventory import selected
from handrail.engine.plan import preview_step
from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError

# pyinfra's global arguments that would let a step pass without its proof, or on some targets only.
FORBIDDEN = {"_ignore_errors", "_continue_on_error", "_if", "_run_once"}


class Step(Protocol):
    """A step as a runbook calls it: its own arguments, and `task`, `name`, `on`."""

    contract: Contract

    def __call__(
        self, *args: Any, task: str, name: str = "", on: str | None = None, **kwargs: Any
    ) -> None:
        """Declare the step on the targets of this run."""


def step(
    *,
    ensures: Clause,
    rollback: Clause | Irreversible,
    captures: Clause | None = None,
    requires: Sequence[Clause] = (),
    idempotent: bool = False,
    preview: Callable[..., str] | None = None,
) -> Callable[[Callable[..., Commands]], Step]:
    """Make a generator of commands a step.

    Args:
        ensures: The claim that holds when the step is done; asked before, after, and on resume.
        rollback: Puts back what was `before`, or `irreversible(reason, instead=…)`.
        captures: Reads what the rollback needs; plain data, a `Secret` for secret values.
        requires: Claims that must hold before the step acts.
        idempotent: Acting again after an interruption is safe; else the operator is asked.
        preview: Reads what the step would do, as text for a plan with ``--dry``; it is asked only
            where the step would run.

    Raises:
        TypeError: the contract does not fit the body; at import.
    """

    def declare(body: Callable[..., Commands]) -> Step:
        contract = contract_of(
            body,
            requires=requires,
            captures=captures,
            ensures=ensures,
            rollback=rollback,
            idempotent=idempotent,
            preview=preview,
        )
        return _declared(body, contract)

    return declare


def gate(*, fix: str) -> Callable[[Callable[..., Any]], Step]:
    """Make a check a gate: it observes, waits while the answer is open, and changes nothing.

    The function returns a Finding. While that is inconclusive it is asked again every
    ``poll_seconds`` until ``timeout_seconds`` have passed; both are arguments of the gate where it
    has them. It may name ``since``, when its window began: the window goes on over a restart.

    Args:
        fix: The command to run where it does not hold.
    """

    def declare(function: Callable[..., Any]) -> Step:
        return _declared(function, gates.contract_of_gate(function, fix))

    return declare


def _declared(function: Callable[..., Any], contract: Contract) -> Step:
    """Return the function that a runbook calls."""

    @wraps(function)
    def declare(
        *args: Any, task: str, name: str = "", on: str | None = None, **kwargs: Any
    ) -> None:
        attempt = current()
        settings = {key: kwargs.pop(key) for key in list(kwargs) if key.startswith("_")}
        try:
            _refuse_settings(contract, settings)
            chosen = selected(on)
            plain = values.bind(contract, args, kwargs) if chosen else {}
            sentence = name or contract.summary
            attempt.declare(task, contract.name, sentence, _place(), selected=chosen)
        except RunbookError as error:
            raise refuse(error) from None
        add_operation(sentence, lambda: commands(contract, task, plain), settings, here=chosen)

    declare.contract = contract  # type: ignore[attr-defined]
    return declare  # type: ignore[return-value]


def commands(
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Do the step, or say what it would do."""
    if gates.is_gate(contract):
        do = gates.ask_gate if is_executing() else gates.preview_gate
    else:
        do = execute if is_executing() else preview_step
    yield from do(current(), contract, task, plain)


def add_operation(
    name: str,
    generate: Callable[[], Iterator[PyinfraCommand]],
    settings: dict[str, Any],
    *,
    here: bool,
) -> None:
    """Add an operation to pyinfra on this target; elsewhere it only keeps its place.

    pyinfra orders operations by what each target does one after the other. A call that one target
    left out would let its next call run too early, so every target gets every call, and those
    that it is not for are taken away again.
    """
    added = operation()(_generator(generate if here else _nothing))(name=name, **settings)
    if not here:
        state.ops[host].pop(added._hash, None)  # noqa: SLF001  pyinfra offers no other way
        meta = state.get_meta_for_host(host)
        meta.ops -= 1
        meta.ops_no_change -= 1


def _generator(generate: Callable[[], Iterator[PyinfraCommand]]) -> Callable[[], Any]:
    def run() -> Iterator[PyinfraCommand]:
        yield from generate()

    return run


def _nothing() -> Iterator[PyinfraCommand]:
    return iter(())


def _refuse_settings(contract: Contract, settings: dict[str, Any]) -> None:
    bad = sorted(FORBIDDEN & settings.keys())
    if bad:
        raise RunbookError(
            f"`{contract.name}` cannot be called like this",
            f"`{bad[0]}` would let a step pass without its proof",
            "leave it out; a step that must not run is left out of the runbook",
        )


def _place() -> str:
    """Return file and line of the call in the runbook."""
    frame = inspect.currentframe()
    wanted = str(state.current_deploy_filename)
    while frame is not None and frame.f_code.co_filename != wanted:
        frame = frame.f_back
    if frame is None:
        why = "a step was called from outside of the runbook file"
        raise refuse(RunbookError("nothing was started", why, "call steps in the runbook itself"))
    return f"{wanted}:{frame.f_lineno}"
