"""What a body yields, as pyinfra's commands: guarded, watched, and a failure kept as evidence."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from pyinfra.api.arguments import ConnectorArguments
from pyinfra.api.command import (
    FileUploadCommand,
    FunctionCommand,
    PyinfraCommand,
    QuoteString,
    StringCommand,
)
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.connectors.util import CommandOutput

from handrail.clients.errors import ClientError
from handrail.clients.masking import masked
from handrail.engine.act import Act
from handrail.engine.contract import Call, Commands
from handrail.engine.failure import Failure
from handrail.engine.guard import Guard, named
from handrail.engine.outcome import unforeseen
from handrail.engine.plain_operations import refuse_called_operation, told_apart
from handrail.engine.secrecy import refuse_shown_secret
from handrail.engine.telling import in_words, tell
from handrail.ledger.errors import RunbookError

DRAFT = ".handrail-draft"
# A file that is there keeps its owner and mode, and one behind a link stays where it is.
MOVE = """
[ ! -d "$d" ] || { echo "$d is a folder" >&2; exit 1; }
[ ! -L "$d" ] || d=$(readlink -f "$d")
if [ -e "$d" ]; then cp -p "$d" "$t.new" && cat "$t" >"$t.new" && mv -f "$t.new" "$t"; fi &&
mv -f "$t" "$d"
"""
TELL = '|| { code=$?; echo "exit status $code" >&2; exit $code; }'
STATUS = re.compile(r"exit status (\d+)")


def perform(act: Act, body: Commands, failure: Failure) -> Iterator[PyinfraCommand]:
    """Turn what a body yields into pyinfra's commands, each guarded and watched."""
    with told_apart(), guard_of(act).held() as guard:
        for item in body:
            act.attempt.refuse_stale()
            command = watched(act, item, failure, guard)
            began = time.monotonic()
            try:
                yield command  # pyinfra carries it out before it asks for the next one
            finally:
                failure.carried_out(masked(words_of(item)), time.monotonic() - began)


def words_of(item: object) -> str:
    """Return what a body yielded, as an operator would say it."""
    if isinstance(item, Call):
        return f"call {getattr(item.function, '__qualname__', type(item.function).__name__)}"
    if isinstance(item, StringCommand):
        return str(item.get_masked_value())
    return in_words(item) if isinstance(item, PyinfraCommand) else str(item).strip()


def guard_of(act: Act) -> Guard:
    """Return the guard of what the step does in this attempt."""
    attempt = act.attempt
    name = named(attempt.run.id, act.task.declared.task, attempt.number)
    return Guard(attempt.ledger, name)


def watched(act: Act, item: object, failure: Failure, guard: Guard) -> PyinfraCommand:
    """Return one command of a body, guarded and watched.

    Raises:
        RunbookError: it is no command, or would show a secret.
    """
    if isinstance(item, Call):
        refuse_called_operation(item.function)
        return FunctionCommand(performer(item, failure, guard), (), {})
    if isinstance(item, FunctionCommand):
        return FunctionCommand(caller(item, failure, guard), (), {})
    if isinstance(item, str | StringCommand):
        refuse_shown_secret(act.live, item)
        line = item if isinstance(item, StringCommand) else StringCommand(item.strip())
        return WatchedLine(line, act, failure, guard)
    if isinstance(item, PyinfraCommand):
        return WatchedTransfer(item, act, failure, guard)
    raise RunbookError(
        "the step was not carried on",
        f"its body yields {type(item).__name__}, which is not a command",
        "yield a shell line, `call(function, …)`, or `yield from uses(OPERATION, …)`",
    )


class WatchedLine(StringCommand):
    """A shell line under the guard of its target, which leaves behind what it said."""

    def __init__(self, line: StringCommand, act: Act, failure: Failure, guard: Guard) -> None:
        here = guard.is_here(line.connector_arguments)
        bits = [line] if here else ["(", guard.line(line), ")", TELL]
        super().__init__(*bits, **line.connector_arguments)
        self._line, self._act, self._failure = line, act, failure
        self._shell = guard.shell if here else nullcontext

    def execute(
        self, state: State, host: Host, connector_arguments: ConnectorArguments
    ) -> tuple[bool, CommandOutput]:
        """Run it; of a failure keep line, exit status and the end of the output."""
        text = self._line.get_masked_value()
        with kept(self._failure, text), self._shell() as shell:
            good, output = super().execute(state, host, connector_arguments)
        if not good:
            said, status = _last_words(output.output_lines)
            note(self._failure, text, said, shell.status if shell else status)
        return good, output


class WatchedTransfer(PyinfraCommand):
    """A file on its way to or from a target; what copies it there holds the target's guard.

    An upload goes to a name beside its own first, so a file is never half there, and only the move
    of a command whose guard is held puts it in place.
    """

    def __init__(self, transfer: PyinfraCommand, act: Act, failure: Failure, guard: Guard) -> None:
        super().__init__(**transfer.connector_arguments)
        self._transfer, self._act, self._failure, self._guard = transfer, act, failure, guard

    def __repr__(self) -> str:
        """Return what pyinfra prints of it."""
        return repr(self._transfer)

    def execute(self, state: State, host: Host, connector_arguments: ConnectorArguments) -> bool:
        """Carry it out; of a failure keep what could not be copied where, and why."""
        text = in_words(self._transfer)
        with kept(self._failure, text), guarded_lines(self._guard, host):
            good = self._carry(state, host, connector_arguments)
        if not good:
            note(self._failure, text, "", None)
        return good

    def _carry(self, state: State, host: Host, connector_arguments: ConnectorArguments) -> bool:
        transfer = self._transfer
        if not isinstance(transfer, FileUploadCommand):
            return bool(transfer.execute(state, host, connector_arguments))
        draft = f"{transfer.dest}{DRAFT}"
        upload = FileUploadCommand(
            transfer.src, draft, transfer.remote_temp_filename, **transfer.connector_arguments
        )
        move = StringCommand(
            "d=", QuoteString(transfer.dest), "; t=", QuoteString(draft), MOVE, _separator=""
        )
        return bool(upload.execute(state, host, connector_arguments)) and host.run_shell_command(
            move, print_output=state.print_output, print_input=state.print_input,
            **connector_arguments,
        )[0]  # fmt: skip


def _last_words(lines: Sequence[str]) -> tuple[str, int | None]:
    """Return what a failed line said, and its exit status where the guard told it."""
    statuses = [int(found[1]) for found in map(STATUS.fullmatch, lines) if found]
    said = "\n".join(each for each in lines if not STATUS.fullmatch(each))
    return said, next(iter(statuses), None)


@contextmanager
def guarded_lines(guard: Guard, host: Host) -> Iterator[None]:
    """Put the shell lines with which a connector moves a file under the guard, too."""
    connector = host.connector
    run = connector.run_shell_command

    def guarded(command: StringCommand, *args: Any, **kwargs: Any) -> Any:  # Any: pyinfra's own
        if not guard.is_here(kwargs):
            return run(guard.line(command), *args, **kwargs)
        with guard.shell():
            return run(command, *args, **kwargs)

    connector.run_shell_command = guarded  # type: ignore[method-assign]
    try:
        yield
    finally:
        del connector.run_shell_command


@contextmanager
def kept(failure: Failure, text: str) -> Iterator[None]:
    """Keep what an exception says of a command; pyinfra prints it and ends the step."""
    try:
        yield
    except Exception as error:
        note(failure, text, f"{type(error).__name__}: {error}", None)
        raise


def note(failure: Failure, command: str, output: str, status: int | None) -> None:
    """Keep what a failed command left behind, secrets masked before it is cut."""
    failure.of_command(masked(command), masked(output), status)


def performer(item: Call, failure: Failure, guard: Guard) -> Callable[[State, Host], bool]:
    """Return a call in the form that pyinfra runs: False is a failure, told in three lines."""

    def run(state: State, host: Host) -> bool:  # pyinfra goes by these two names
        del state
        with told(failure), told_apart(), guard.call(), guarded_lines(guard, host):
            item.function(*item.args, **item.kwargs)
        return not failure

    return run


def caller(item: FunctionCommand, failure: Failure, guard: Guard) -> Callable[[State, Host], bool]:
    """Return a function command of one of pyinfra's operations in the same form."""

    def run(state: State, host: Host) -> bool:  # pyinfra goes by these two names
        with told(failure), guard.call(), guarded_lines(guard, host):
            if item.execute(state, host, item.connector_arguments) is False:
                failure.why = f"`{in_words(item)}` did not succeed"
        return not failure

    return run


@contextmanager
def told(failure: Failure) -> Iterator[None]:
    """Tell a refusal of a call in three lines; what nobody foresaw goes on up."""
    try:
        yield
    except (ClientError, RunbookError) as error:
        failure.why = f"{error.what}: {error.why}"
        tell(f"{error.what}.\n    why:  {error.why}\n    next: {error.fix}")
    except Exception as bug:
        failure.why = unforeseen(bug)
        raise
