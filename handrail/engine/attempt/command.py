"""The command as the operator typed it."""

import shlex
import sys
from collections.abc import Iterator
from itertools import pairwise

from pyinfra.context import host, state


def is_dry() -> bool:
    """Tell whether pyinfra was asked to plan only; JSON that nobody confirmed is a plan, too."""
    return "--dry" in sys.argv or (is_json() and not is_confirmed())


def is_json() -> bool:
    """Tell whether a program reads what is printed."""
    return "--json" in sys.argv


def is_confirmed() -> bool:
    """Tell whether nobody is asked before it begins."""
    return bool({"-y", "--yes"} & set(sys.argv)) or not state.check_for_changes


def is_executing() -> bool:
    """Tell planning from doing."""
    return bool(state.is_executing)


def runbook_file() -> str:
    """Return the runbook as it was typed."""
    return str(state.current_deploy_filename or "")


def inventory_file() -> str:
    """Return the inventory as it was typed: the argument before the runbook."""
    arguments = sys.argv[1:]
    place = arguments.index(runbook_file()) if runbook_file() in arguments else 0
    return arguments[place - 1] if place else "inventory/ENVIRONMENT.py"


def typed_data() -> list[tuple[str, str]]:
    """Return every ``--data KEY=VALUE`` as it was typed, in order."""
    parts = [text.split("=", 1) for text in _data_texts() if "=" in text]
    return [(key, value) for key, value in parts]


def _data_texts() -> Iterator[str]:
    """Yield what is said with `--data`, as the word after it or joined to it by `=`."""
    for before, word in pairwise(sys.argv):
        if before == "--data":
            yield word
        elif word.startswith("--data="):
            yield word.removeprefix("--data=")


def named_environment() -> str:
    """Return the environment that was typed to say which one is meant; empty where none was."""
    return next(reversed(_typed("environment")), "")


def _typed(name: str) -> list[str]:
    """Return each value of a key as it was typed, in order."""
    return [value for key, value in typed_data() if key == name]


def every(name: str) -> list[str]:
    """Return each value of a key that was typed more than once, else what the inventory says."""
    return _typed(name) or list(filter(None, [said(name)]))


def said(name: str) -> str:
    """Return what ``--data name=…`` says, else the inventory; empty where neither does.

    As it was typed: pyinfra would read the task `3.10` as the number 3.1.
    """
    if typed := _typed(name):
        return typed[-1]
    value = host.data.get(name)
    return "" if value is None else str(value)


def to_paste(runbook: str, **data: str) -> str:
    """Return a command for this inventory; `-y` where it was typed, for there is no terminal."""
    words = ["pyinfra", *(["-y"] if is_confirmed() else [])]
    words += [shlex.quote(inventory_file()), shlex.quote(runbook)]
    data |= {"environment": name} if (name := named_environment()) else {}
    for key, value in data.items():
        quoted = f'"{value}"' if value == "…" else shlex.quote(value)
        words.append(f"--data {key}={quoted}")
    return " ".join(words)
