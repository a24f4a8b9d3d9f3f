"""The `handrail` command: its subcommands by name, and how each of them ends."""

import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

import click

from handrail.cli.out import GOOD, INTERRUPTED, NOT_GOOD, USAGE, Misused, complain
from handrail.clients.errors import ClientError
from handrail.ledger.errors import RunbookError
from handrail.ledger.views.evidence import NoSuchRun

# Each name with the module that holds a click command of that name. A module is imported when its
# command is asked for, so that `status` does not wait for a database driver.
COMMANDS = {
    "runs": "handrail.cli.ledger",
    "status": "handrail.cli.ledger",
    "show": "handrail.cli.ledger",
    "verify": "handrail.cli.ledger",
    "export": "handrail.cli.ledger",
    "report": "handrail.cli.ledger",
    "doctor": "handrail.cli.doctor",
    "mapping": "handrail.cli.mapping",
    "new": "handrail.cli.new",
}
ENDS = "Exit status: 0 good, 1 not good, 2 usage."


class Subcommands(click.Group):
    """The subcommands of `COMMANDS`, in that order."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click asks
        """Return their names."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - as click asks
        cmd_name: str,
    ) -> click.Command | None:
        """Import one; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant, or name the one that may be."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            like = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean `{like[0]}`?" if like else ""
            ctx.fail(f"there is no command `{args[0]}`{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=Subcommands, epilog=ENDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="handrail")
def command() -> None:
    """Read, verify and report the ledger of an environment; draft and try a mapping.

    Completion in bash: eval "$(_HANDRAIL_COMPLETE=bash_source handrail)"; zsh and fish likewise.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status: 0 good, 1 not good, 2 usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        status = command.main(arguments, prog_name="handrail", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as misuse:
        return _misused(misuse)
    except (Misused, NoSuchRun) as refusal:
        complain(refusal)
        return USAGE
    except (RunbookError, ClientError) as refusal:
        complain(refusal)
        return NOT_GOOD
    except click.Abort:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_GOOD
    return status if isinstance(status, int) else GOOD


def _misused(misuse: click.UsageError) -> int:
    """Tell a command line that was not understood, with what it takes."""
    context = misuse.ctx
    path = context.command_path if context else "handrail"
    if context is not None:
        pieces = " ".join(context.command.collect_usage_pieces(context))
        sys.stderr.write(f"usage: {path} {pieces}\n")
    nothing = isinstance(misuse, click.exceptions.NoArgsIsHelpError)
    why = "it names no command" if nothing else misuse.format_message().rstrip(".")
    complain(Misused("the command line was not understood", why, f"{path} --help"))
    return USAGE


if __name__ == "__main__":
    sys.exit(main())
