"""What the operator is told, and the two shapes of a refusal that pyinfra carries out."""

from collections.abc import Callable
from functools import cache
from typing import Any

import click
from pyinfra import logger
from pyinfra.api.command import (
    FileDownloadCommand,
    FileUploadCommand,
    FunctionCommand,
    PyinfraCommand,
    RsyncCommand,
)
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.context import host

from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.views.plain import rough
from handrail.pages import one_line


@cache
def _refused() -> type[Exception]:
    """Return the exception that pyinfra lets through, printed as it is and nothing beside it.

    It is made when it is first raised: to import pyinfra's CLI patches the whole process for
    gevent, which is right in a command and surprises whoever imports a step elsewhere.
    """
    from pyinfra_cli.exceptions import CliError  # type: ignore[import-untyped]  # noqa: PLC0415

    class Refused(CliError, PyinfraError):  # type: ignore[misc]  # CliError is untyped
        """A refusal before anything was done."""

        def show(self, file: Any = None) -> None:  # Any: click's own signature
            """Print what, why and next."""
            click.echo(f"--> Refused: {self.message}", file=file, err=True)

    return Refused


_refusals: list[RunbookError] = []


def last_refusal() -> RunbookError | None:
    """Return what ended this command before anything was done; None where nothing did."""
    return _refusals[-1] if _refusals else None


def refuse(refusal: RunbookError) -> Exception:
    """Return a refusal that ends the command before anything was done."""
    _refusals.append(refusal)
    found = _refused()(str(refusal))
    found.exit_code = status_of(refusal)  # type: ignore[attr-defined]  # click's, see `_refused`
    return found


def status_of(refusal: RunbookError) -> int:
    """Return the exit status of a refusal: 2 where the command itself was wrong."""
    return 2 if isinstance(refusal, WrongCommand) else 1


def failing(message: str) -> PyinfraCommand:
    """Return a command that prints a refusal and fails on its target.

    An exception would stop the other targets in the middle of what they are doing.
    """

    def refuse_here(state: State, host: Host) -> bool:  # pyinfra goes by these two names
        del state, host
        tell(message)
        return False

    return FunctionCommand(refuse_here, (), {})


def in_words(command: PyinfraCommand) -> str:
    """Return what one of pyinfra's commands does, as an operator would say it."""
    match command:
        case FileUploadCommand(src=source, dest=to):
            return f"upload {_file(source)} to {to}"
        case FileDownloadCommand(src=source, dest=to):
            return f"download {source} to {_file(to)}"
        case RsyncCommand(src=source, dest=to):
            return f"rsync {source} to {to}"
        case FunctionCommand(function=function):
            return f"call {function.__name__}"
    return str(command)


def _file(named: object) -> str:
    """Return a file's path; what an operation keeps in memory has none."""
    return named if isinstance(named, str) else "a text"


def tell(message: str) -> None:
    """Print a refusal under the target's name."""
    for line in message.splitlines():
        logger.error(f"{host.print_prefix}{line}")


Listener = Callable[[str, str, float | None], None]  # target, what it is at, share of it, 0 to 1
_listeners: list[Listener] = []


def tell_doing_to(listener: Listener) -> None:
    """Let somebody hear what the step or gate at work is at, and which share of it is done."""
    _listeners.append(listener)


def progress(done: int, total: int, what: str = "") -> None:
    """Tell how far the step at work is, as often as one likes; the console shows it now and then.

    Args:
        done: So much of it.
        total: All there is; in the same unit.
        what: What is at hand, as people say it: "attendance_records 1.2 M of 1.9 M".
    """
    for listener in _listeners:
        listener(host.name, what, min(done / total, 1.0) if total else None)


def waits(what: str, at_most_seconds: float) -> None:
    """Say once what the step or gate at work waits for, and how long at most; then show that."""
    told = f"waiting: {one_line(what)}"
    say(f"{told}; at most {rough(at_most_seconds)}")
    progress(0, 0, told)


def say(message: str) -> None:
    """Tell the operator something while a step or gate is at work."""
    logger.info(f"{host.print_prefix}{message}")
