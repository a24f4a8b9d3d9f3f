"""What stands between planning and doing: our plan in place of pyinfra's table, then the question.

pyinfra's command line calls its own table, its JSON and its question by their names in one module;
where a runbook of ours is at work these stand in their places.
"""

import select
import sys
from typing import TYPE_CHECKING, Any

import click
from pyinfra import logger

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.console import is_wanted

if TYPE_CHECKING:
    from handrail.engine.outline.outline import Outline

CLI = "pyinfra_cli.cli"
BELOW_ITS_TABLE = "\n    Detected changes may not include"
END_OF_INPUT = "\x04"
ENTER = "Press enter to run this; anything else leaves: "


def stand_in(attempt: Attempt) -> None:
    """Put our plan and our question where pyinfra has its own."""
    cli = sys.modules.get(CLI)
    if cli is None:  # driven by its API
        return
    ours: dict[str, object] = {
        "print_meta": lambda _: None,
        "print_results": lambda _: None,
        "print_run_json": lambda *_, **__: None,
        "_do_confirm": lambda message: _confirmed(attempt, message),
        "click": _WithoutItsTable(),
    }
    vars(cli).update(ours)
    logger.addFilter(is_wanted)


class _WithoutItsTable:
    """What pyinfra's command line calls `click`, without what it says below its own table."""

    def __getattr__(self, name: str) -> Any:  # Any: whatever click has
        """Return what click has."""
        return getattr(click, name)

    def echo(self, message: object = None, **how: Any) -> None:  # Any: click's
        """Say everything else."""
        if not str(message).startswith(BELOW_ITS_TABLE):
            click.echo(message, **how)


def show_plan(attempt: Attempt) -> "Outline":
    """Print the plan on stdout, and put the SQL where it was asked for."""
    from handrail.engine.outline.shown import shown  # noqa: PLC0415  a run with `-y` shows none

    return shown(attempt)


def _confirmed(attempt: Attempt, message: str) -> bool:
    """Show the plan and ask; a failed target was told by us, and is asked about by nobody else."""
    if message.startswith("One of more hosts failed"):  # as pyinfra spells it
        return False
    show_plan(attempt)
    if attempt.refusal is not None:
        return False
    wanted = attempt.environment if attempt.guard.guarded else ""
    answer = question(f"Type `{wanted}` to run this; anything else leaves: " if wanted else ENTER)
    if answer == wanted:
        return True
    sys.stderr.write(f"--> `{answer}` is not `{wanted}`: nothing was done.\n" if wanted else
                     "--> Nothing was done.\n")  # fmt: skip
    return False


def question(text: str) -> str:
    """Ask on the terminal and return the answer, while the other targets go on.

    The end of the terminal's input is an answer, too: one that nothing takes for a yes.
    """
    sys.stderr.write(f"\n{text}")
    sys.stderr.flush()
    select.select([sys.stdin], [], [])  # gevent's: the other targets and signals go on
    line = sys.stdin.readline()
    return line.strip() if line else END_OF_INPUT
