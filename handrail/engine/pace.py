"""What pyinfra asks Python for each target and at each call, answered without the wait.

For a target it looks through every installed distribution for connectors. At a call it asks for the
whole stack, and Python reads the source around every frame of it; and it reads the types of its own
global arguments. Both together were half the time of reading a runbook.
"""

import sys
from functools import cache
from importlib import import_module

import pyinfra
from pyinfra.api import arguments, inventory
from pyinfra.api.connectors import get_all_connectors
from pyinfra.api.state import State
from pyinfra.api.util import PYINFRA_INSTALL_DIR

OPERATION = "pyinfra.api.operation"  # the package exports a function of that name


def keep_connectors() -> None:
    """Look for connectors once; the first look loads ours, which calls this."""
    vars(inventory)["get_all_connectors"] = cache(get_all_connectors)


def keep_pace() -> None:
    """Put the quick answers to what a call asks in the places of the slow ones."""
    arguments.all_global_arguments = _all_global_arguments
    vars(import_module(OPERATION))["get_operation_order_from_stack"] = order_of_the_call


_all_global_arguments = cache(arguments.all_global_arguments)


def order_of_the_call(state: State) -> list[int]:
    """Return what orders a call among all others, as pyinfra's function of another name does.

    The number of the runbook's file, then the line of every frame from the runbook on, the
    outermost first, but those of pyinfra's own.
    """
    lines: list[int] = []
    since = 0  # how many of them the runbook called
    wanted = state.current_deploy_filename
    frame = sys._getframe(1)  # noqa: SLF001  `inspect` reads the source of each frame
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(PYINFRA_INSTALL_DIR):
            lines.append(frame.f_lineno)
        if file == wanted or not wanted:
            since = len(lines)
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    number = [state.current_op_file_number] if pyinfra.is_cli else []
    return number + lines[:since][::-1]
