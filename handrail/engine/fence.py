"""The lock on a target that keeps others out while a command of a killed run is at work."""

from collections.abc import Mapping
from typing import Any

from pyinfra.api.arguments import auth_argument_meta
from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.context import host

from handrail.ledger.errors import PreconditionUnmet

FENCE_EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try again when the other one has ended


def fence_file(environment: str) -> str:
    """Return the lock file on the target: of its user, this environment, this target."""
    # Every target has /tmp, no other folder is sure; the user in the name keeps others' files out.
    return f"/tmp/runbook-$(id -u)-{environment}-{host.name.replace('/', '-')}.fence"  # noqa: S108


def fenced(environment: str, command: str | StringCommand) -> StringCommand:
    """Wrap a shell command so that it holds the fence until it has ended, whoever waits for it.

    The lock stays with `flock` (`-o`): a daemon that the command leaves behind does not hold it.
    """
    line = f'flock -n -o -E {FENCE_EXIT_CODE} "{fence_file(environment)}" sh -c'
    told = (
        f"|| {{ code=$?; [ $code = {FENCE_EXIT_CODE} ] && "
        "echo 'a command of an earlier attempt is still at work on this target' >&2; exit $code; }"
    )
    return StringCommand(line, QuoteString(command), told)


def refuse_orphan(environment: str, what: str) -> None:
    """Raise while a command of a killed attempt is still at work on the target.

    Args:
        environment: Name of the environment.
        what: What does not happen meanwhile; a whole clause.

    Raises:
        PreconditionUnmet: it is, or the target does not let us see.
    """
    held = fence_file(environment)
    probe = f'[ ! -e "{held}" ] || flock -n -E {FENCE_EXIT_CODE} "{held}" true'
    given: Mapping[str, Any] = host.current_op_global_arguments or {}  # Any: pyinfra's arguments
    as_user = {key: given[key] for key in auth_argument_meta if key in given}
    free, output = host.run_shell_command(StringCommand(probe), **as_user)
    if not free:
        seen = f" ({output.stderr})" if output.stderr else ""
        raise PreconditionUnmet(
            what,
            f"a command of an earlier attempt is still at work there{seen}",
            f'wait until it ends (on the target: `fuser -v "{held}"`), then the same command again',
        )
