"""What speaks where pyinfra never reads the runbook: no command may end with 0 that did nothing.

pyinfra takes a misspelt inventory for a list of hosts, connects to nobody and ends with 0; so it
does where the inventory is empty, and on Ctrl-C while it connects. None of our code is called then
but one: pyinfra imports every connector that is installed when it makes an inventory, whichever.
"""

import atexit
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click
from pyinfra import logger
from pyinfra.context import ctx_inventory, ctx_state, inventory, state

from handrail.ledger.location import project_of
from handrail.naming import ALONE, meant

OURS = re.compile(r"\bhandrail\b|^\s*(begin|roll_back)\(", re.MULTILINE)
WRONG, INTERRUPTED = 2, 130

_reached: list[str] = []
_ends: list[Callable[[], None]] = []


def reached() -> None:
    """Say that the runbook is being read: from here on the attempt speaks for itself."""
    _reached.append("begin")


def at_end(act: Callable[[], None]) -> None:
    """Let something happen when pyinfra's command is through, in a process that is still whole."""
    _ends.append(act)


def _through() -> None:
    """Do what is to be done at the end, once pyinfra's own error is told.

    What else ends a command is told by Python, so that what is to be done waits for the exit.
    """
    error = sys.exc_info()[1]
    if _ends and isinstance(error, click.ClickException):
        error.show()
    if isinstance(error, click.ClickException | SystemExit | None):
        for act in _ends:
            act()


def watch() -> None:
    """Watch this process, should it be pyinfra with a runbook of ours."""
    atexit.register(refuse_unread)
    if command := click.get_current_context(silent=True):
        command.call_on_close(_through)
    if found := runbook():
        signal.signal(signal.SIGINT, _interrupted)
        _keep_plain()
        _find_steps_beside(found)


def _keep_plain() -> None:
    """Let pyinfra speak without colours where nobody wants them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        for handler in logger.handlers:
            handler.setFormatter(_Plain(handler.formatter or logging.Formatter()))


def _find_steps_beside(found: str) -> None:
    """Let a runbook import its project's packages, wherever it is called from.

    pyinfra looks in the current directory alone; the project's own come before those of there.
    """
    project, here = str(project_of(Path(found).parent)), {".", str(Path.cwd())}
    if project not in sys.path:
        last = next((place for place, each in enumerate(sys.path) if each in here), len(sys.path))
        sys.path.insert(last, project)


class _Plain(logging.Formatter):
    """What pyinfra says, without colours: it gives them to every terminal.

    Args:
        inner: Its own form.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return a line of it."""
        return click.unstyle(self._inner.format(record))


def runbook() -> str:
    """Return the runbook of ours that this command was given; empty where it has none."""
    program = Path(sys.argv[0])
    if program.stem != "pyinfra" and program.parent.name not in {"pyinfra", "pyinfra_cli"}:
        return ""
    return next((each for each in sys.argv[2:] if is_ours(each)), "")


def is_ours(argument: str) -> bool:
    """Tell whether an argument of a command is a runbook that uses this library."""
    path = Path(argument)
    if path.suffix != ".py" or not path.is_file():
        return False
    return bool(OURS.search(path.read_text(encoding="utf-8", errors="replace")))


def refuse_unread() -> None:
    """Leave with 2 where the runbook was not read, for there was no target, and say why."""
    unread = "" if _reached else runbook()
    if not unread or not _is_without_target():
        return  # read; or pyinfra itself refused, and said so
    given = sys.argv[sys.argv.index(unread) - 1]
    there = Path(given).is_file()
    why = f"`{given}` names no target" if there else f"`{given}` is not a file"
    if len(inventory):
        why = "`--limit` and `--exclude` leave none"
    fix = "put its hosts into it, or name another inventory" if there else _other(given)
    sys.stderr.write(
        f"\n--> Refused: `{unread}` was not read, and nothing was done.\n"
        f"    why:  there is no target: {why}\n"
        f"    next: {fix}; then the same command again\n"
    )
    _leave(WRONG)


def _is_without_target() -> bool:
    """Tell whether pyinfra made an inventory, and has no target in it to work on."""
    if not ctx_inventory.isset() or not ctx_state.isset():  # type: ignore[no-untyped-call]
        return False
    if not state.initialised:
        return False  # its inventory could not be read, which pyinfra said
    return not state.failed_hosts and not state.activated_hosts


def _other(given: str) -> str:
    """Say which inventory may have been meant."""
    folder = Path(given).parent
    names = [str(path) for path in folder.glob("*.py")] if folder.is_dir() else []
    there = f"name one of: {', '.join(sorted(names))}" if names else "name an inventory file"
    return meant(given, names, ALONE) or there


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Leave with 130: the runbook was not read yet, so there is nothing to record."""
    del number, frame
    sys.stderr.write("\n--> Interrupted before the runbook was read; nothing was done.\n")
    _leave(INTERRUPTED)


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # an exit handler has no other way to set the status
