"""How a command ends: its exit status, and a refusal in three lines instead of a traceback."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from handrail.cli.out import GOOD, INTERRUPTED, NOT_GOOD, USAGE, Misused, complain
from handrail.clients.errors import ClientError
from handrail.ledger.errors import RunbookError
from handrail.ledger.views.evidence import NoSuchRun

__all__ = ["GOOD", "NOT_GOOD", "USAGE", "carried_out"]


def carried_out(
    command: click.Command, arguments: Sequence[str] | None = None, name: str | None = None
) -> int:
    """Carry out a command; returns the exit status: 0 good, 1 not good, 2 usage.

    Args:
        command: What to carry out.
        arguments: Its command line; that of this process where none is given.
        name: What it is called in its help; the name of the program where none is given.
    """
    _speak_utf8()
    try:
        status = command.main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as misuse:
        return _misused(misuse)
    except (RunbookError, ClientError) as refusal:
        complain(refusal)
        return USAGE if isinstance(refusal, Misused | NoSuchRun) else NOT_GOOD
    except click.Abort:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_GOOD
    return status if isinstance(status, int) else GOOD


def _speak_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


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
