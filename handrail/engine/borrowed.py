"""pyinfra's own operations under the contract: inside a body, or as a step of their own."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ParamSpec

from pyinfra.api.arguments import all_global_arguments
from pyinfra.api.arguments_typed import PyinfraOperation
from pyinfra.api.command import PyinfraCommand, StringCommand
from pyinfra.api.exceptions import PyinfraError

from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret
from handrail.engine import steps
from handrail.engine.clause import Check, Clause
from handrail.engine.contract import Commands, Irreversible, contract_of
from handrail.engine.finding import Finding, holds_if
from handrail.engine.form import Step
from handrail.engine.plain_operations import is_operation, name_of
from handrail.engine.signature import RESERVED
from handrail.engine.telling import in_words
from handrail.ledger.errors import RunbookError

P = ParamSpec("P")
ABOUT_THE_CALL = {name for name, _ in all_global_arguments()}  # name, _sudo, _chdir, …


def uses(op: PyinfraOperation[P], *args: P.args, **kwargs: P.kwargs) -> Iterator[PyinfraCommand]:
    """Carry one of pyinfra's operations out inside the body or the rollback of a step.

    Use it as ``yield from uses(files.put, src="motd", dest="/etc/motd")``. Its facts are read when
    it is its turn, and its commands are guarded and watched as shell lines are. As whom and where
    it runs (``_sudo``, ``_chdir``, …) is said at the call of the step, for all of its commands.

    Raises:
        RunbookError: it is no operation, does not take these arguments, or cannot do its work.
    """
    what = f"`{name_of(op)}` was not carried out"
    inner = inner_of(op)
    about = sorted(ABOUT_THE_CALL & kwargs.keys())
    if about:
        why = f"`{about[0]}` is about a whole step, and was given to one operation inside it"
        raise RunbookError(what, why, f"say `{about[0]}=…` where the runbook calls the step")
    try:
        inspect.signature(inner).bind(*args, **kwargs)
    except TypeError as error:
        fix = f"correct the body of the step; it takes {inspect.signature(inner)}"
        raise RunbookError(what, str(error), fix) from None
    try:
        for command in inner(*args, **kwargs):
            yield StringCommand(command.strip()) if isinstance(command, str) else command
    except (PyinfraError, OSError) as error:
        fix = "see pyinfra's lines above, mend it, then the same command again"
        raise RunbookError(what, f"{type(error).__name__}: {error}", fix) from None


def adopt(
    op: PyinfraOperation[P],
    *,
    rollback: Clause | Irreversible,
    captures: Clause | None = None,
    requires: Sequence[Clause] = (),
    called: str = "",
) -> Step[P]:
    """Make one of pyinfra's operations a step; its claim is that pyinfra finds nothing to do.

    Use it in a module of steps, as ``line = adopt(files.line, captures=…, rollback=…)``. It takes
    the operation's arguments, and a clause takes those of them that it names. An argument written
    as ``env:NAME``, ``file:PATH`` or ``cmd:COMMAND`` is a secret.

    Args:
        op: An operation that pyinfra can tell is done: `server.shell`, say, always acts.
        rollback: Puts back what was `before`, or `irreversible(reason, instead=…)`.
        captures: Reads what the rollback needs.
        requires: Claims that must hold before the operation acts.
        called: The step's name in the ledger, where its module adopts an operation twice; the
            operation's own name where it is left out.

    Raises:
        TypeError: the operation always acts, or the clauses do not fit it; at import.
    """
    inner, module = inner_of(op), _module_of_the_caller()
    if not getattr(inner, "is_idempotent", False):
        raise TypeError(
            f"{module.get('__name__')}: `{name_of(op)}` always finds something to do, so it claims "
            "nothing; write a step with a claim of its own, and in its body "
            f"`yield from uses({name_of(op)}, …)`"
        )
    _refuse_taken(op, f"{module.get('__name__')}")
    body = _body(op, module.get("__name__"), called or inner.__name__)
    steps.refuse_in_runbook(body)
    contract = contract_of(
        body,
        requires=requires,
        captures=captures,
        ensures=Check(_claim(op), "see what pyinfra would do above", _words(op)),
        rollback=rollback,
        idempotent=True,
    )
    if any(
        getattr(getattr(each, "contract", None), "name", "") == contract.name
        for each in module.values()
    ):
        raise TypeError(f'{contract.name} is adopted twice; give one a name: `called="…"`')
    return steps.called(body, replace(contract, adopted=True))


def _refuse_taken(op: PyinfraOperation[P], module: str) -> None:
    """Raise where an operation takes a name by which a call says something of itself."""
    if taken := sorted(RESERVED & _signature(op).parameters.keys()):
        raise TypeError(
            f"{module}: `{taken[0]}` means something else in a call than in `{name_of(op)}`; write "
            f"a step that calls it otherwise, and in its body `yield from uses({name_of(op)}, …)`"
        )


def _signature(op: PyinfraOperation[P]) -> inspect.Signature:
    """Return what an operation takes, without what only other operations of pyinfra's give it."""
    signature = inspect.signature(inner_of(op))
    own = [each for name, each in signature.parameters.items() if not name.startswith("_")]
    return signature.replace(parameters=own)


def _module_of_the_caller() -> Mapping[str, Any]:  # Any: a module's names
    """Return the names of the module that calls `adopt`."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame.f_globals if frame else {}


def _body(op: PyinfraOperation[P], module: str | None, name: str) -> Callable[P, Commands]:
    """Return the body of a step that is one operation."""
    inner = inner_of(op)

    def body(**arguments: Any) -> Commands:  # Any: the operation's own
        yield from uses(op, **_revealed(arguments))  # type: ignore[call-arg]

    body.__name__ = name
    body.__module__ = module  # type: ignore[assignment]  # None in a runbook, which is refused
    body.__doc__ = _first_sentence(inner) or f"Carry out `{name_of(op)}`."
    body.__signature__ = _signature(op)  # type: ignore[attr-defined]
    return body  # type: ignore[return-value]


def _first_sentence(function: Callable[..., object]) -> str:
    """Return the first sentence of a docstring on one line; pyinfra's begin on one, or go on."""
    first = (inspect.getdoc(function) or "").partition("\n\n")[0]
    return " ".join(first.split()).partition(". ")[0].replace("``", "`")


def _claim(op: PyinfraOperation[P]) -> Callable[..., Finding]:
    """Return the claim of an operation, which takes its arguments."""

    def nothing_is_left_to_do(**arguments: Any) -> Finding:  # Any: the operation's own
        try:
            left = next(uses(op, **_revealed(arguments)), None)  # type: ignore[call-arg]
        except RunbookError as error:
            raise ClientError(error.what, error.why, error.fix) from None
        shown = in_words(left) if left else ""
        for secret in _secrets(arguments):
            shown = shown.replace(secret.reveal(), repr(secret))
        return holds_if(left is None, f"pyinfra would run {shown:.200}")

    nothing_is_left_to_do.__signature__ = _signature(op)  # type: ignore[attr-defined]
    return nothing_is_left_to_do


def _words(op: PyinfraOperation[P]) -> str:
    return f"pyinfra finds nothing to do for `{name_of(op)}`"


def _secrets(arguments: Mapping[str, object]) -> list[Secret]:
    return [each for each in arguments.values() if isinstance(each, Secret)]


def _revealed(arguments: Mapping[str, Any]) -> dict[str, Any]:  # Any: the operation's own
    return {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in arguments.items()
    }


def inner_of(op: PyinfraOperation[P]) -> Any:  # Any: pyinfra types it so
    """Return the generator function behind an operation.

    Raises:
        RunbookError: there is none; what was given is no operation.
    """
    if not is_operation(op):
        raise RunbookError(
            f"`{name_of(op)}` was not carried out",
            "it is not an operation of pyinfra",
            "give the operation itself, uncalled: `uses(files.put, src=…, dest=…)`",
        )
    return op._inner  # noqa: SLF001  typed and meant for this, see pyinfra's arguments_typed
