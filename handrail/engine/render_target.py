"""``@render/<service>``: a target inside Render's network, reached by one-off jobs.

A shell command becomes a job on the service's latest build, with its variables; facts and
`server.shell` work. A job starts from the build each time, so files that one leaves are gone in the
next: copying files is refused.
"""

from collections.abc import Iterator
from io import IOBase
from typing import TYPE_CHECKING, Any

from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import ConnectError, InventoryError
from pyinfra.connectors.base import BaseConnector
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command_for_host
from typing_extensions import override

from handrail.clients.errors import ClientError
from handrail.engine.telling import say, tell
from handrail.ledger.errors import RunbookError

if TYPE_CHECKING:
    from handrail.clients.render.jobs import Ended

TIMEOUT_SECONDS = 15 * 60.0


class RenderConnector(BaseConnector):
    """Carry a command out as a job of one service; the target's data needs `render`."""

    handles_execution = True

    @staticmethod
    @override
    def make_names_data(name: str | None = None) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """Yield one host for a service, in the group of its name."""
        if not name:
            raise InventoryError("`@render` needs a service: `@render/rotc-django-web`")
        yield f"@render/{name}", {"render_service": name}, [name]

    @override
    def connect(self) -> None:
        """Find the service.

        Raises:
            ConnectError: Render cannot be asked, or has no such service.
        """
        try:
            # Here: pyinfra loads every connector at every start, and few have such a target.
            from handrail.clients.render import Render  # noqa: PLC0415

            self.render = Render.from_inventory(self.host.data.get("render"))
            self.service = self.render.service(self.host.data.render_service)
        except ClientError as error:
            raise ConnectError(f"{error.what}: {error.why}. {error.fix}") from None

    @override
    def run_shell_command(
        self,
        command: StringCommand,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Any,  # pyinfra's own, such as _timeout
    ) -> tuple[bool, CommandOutput]:
        """Run a command as a job.

        Returns:
            Whether its exit status is a good one, and what it printed.
        """
        arguments.pop("_get_pty", False)
        wanted = arguments.pop("_success_exit_codes", None) or [0]
        timeout = arguments.pop("_timeout", None) or TIMEOUT_SECONDS
        if arguments.pop("_stdin", None):
            return False, _said("a job on Render has no standard input")
        line = make_unix_command_for_host(self.state, self.host, command, **arguments)
        if print_input:
            say(f">>> {line}")
        try:
            ended = self.render.run_job(self.service.id, line.get_raw_value(), timeout)
        except ClientError as error:
            return False, _said(f"{error.what}: {error.why}", error.fix)
        lines = _printed(ended)
        if print_output:
            for each in lines:
                say(each.line)
        return ended.status in wanted, CommandOutput(lines)

    @override
    def put_file(
        self, filename_or_io: str | IOBase, remote_filename: str, *_: Any, **__: Any
    ) -> bool:
        """Refuse in words: nothing that is put there would be there in the next job."""
        return _no_files(remote_filename)

    @override
    def get_file(
        self, remote_filename: str, filename_or_io: str | IOBase, *_: Any, **__: Any
    ) -> bool:
        """Refuse in words, likewise."""
        return _no_files(remote_filename)


def _printed(ended: "Ended") -> list[OutputLine]:
    """Return what a job printed, as far as its log has it."""
    lines = [OutputLine("stdout", each) for each in ended.lines]
    if not ended.whole:
        lines.append(OutputLine("stderr", "more may have been printed: its log is not whole"))
    return lines


def _said(*lines: str) -> CommandOutput:
    return CommandOutput([OutputLine("stderr", line) for line in lines])


def _no_files(name: str) -> bool:
    refusal = RunbookError(
        f"`{name}` was not copied",
        "each job on Render starts from the service's build, and files of an earlier one are gone",
        "commit the file to the repository of the service, or print it in a shell command",
    )
    tell(str(refusal))
    return False
