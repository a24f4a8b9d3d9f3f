"""Answers that do not change, kept: pyinfra asks Python for them anew at each call of a runbook."""

import sys
from functools import cache
from types import ModuleType

from pyinfra.api import arguments


def keep_pace(runbook: str) -> None:
    """Let what pyinfra asks at each call be answered at once.

    It asks for the whole stack, and Python looks for the file of every frame among all modules,
    time and again where it is in none: a runbook is executed, not imported. And it reads the types
    of its own global arguments. Both together were a third of the time of a run.

    Args:
        runbook: File of the runbook, as it was typed.
    """
    name = f"runbook:{runbook}"
    module = ModuleType(name, "A runbook that pyinfra executes.")
    module.__file__ = runbook
    sys.modules[name] = module
    arguments.all_global_arguments = _all_global_arguments


_all_global_arguments = cache(arguments.all_global_arguments)
