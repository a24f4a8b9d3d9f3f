"""pyinfra's own operations under the contract: inside a body, or as a step of their own."""

import inspect
from collections.abc import Iterator
from typing import Any, ParamSpec

from pyinfra.api.arguments import all_global_arguments
from pyinfra.api.arguments_typed import PyinfraOperation
from pyinfra.api.command import PyinfraCommand, StringCommand
from pyinfra.api.exceptions import PyinfraError

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


def inner_of(op: PyinfraOperation[P]) -> Any:  # Any: pyinfra types it so
    """Return the generator function behind an operation.

    Raises:
        RunbookError: there is none; what was given is no operation.
    """
    inner = getattr(op, "_inner", None)
    if inner is None:
        raise RunbookError(
            f"`{name_of(op)}` was not carried out",
            "it is no operation of pyinfra",
            "give the operation itself, uncalled: `uses(files.put, src=…, dest=…)`",
        )
    return inner


def name_of(op: object) -> str:
    """Return an operation's name as pyinfra's documentation spells it: `files.put`."""
    module = str(getattr(op, "__module__", "")).rpartition(".")[2]
    return f"{module}.{getattr(op, '__name__', type(op).__name__)}"
