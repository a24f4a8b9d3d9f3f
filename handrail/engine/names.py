"""The names a ledger knows steps by, and what became of former ones."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any  # values of a ledger, which are any JSON, and tables of a project

# A project's folder of steps, the wheel's, or the library's own.
FOLDER = re.compile(r"^((handrail\.)?operations|handrail\.engine)\.")
# Where a short name is looked for, in this order.
HOMES = ("operations", "handrail.operations", "handrail.engine")


def ledger_name(body: Callable[..., object]) -> str:
    """Return the dotted name a ledger knows a step by.

    A step that has a file of its own in a folder is known by the folder: the one in
    ``operations/service/suspend.py`` is `service.suspend`.
    """
    module = FOLDER.sub("", body.__module__)
    folder, _, file = module.rpartition(".")
    return f"{folder if folder and file == body.__name__ else module}.{body.__name__}"


def modules_of(name: str) -> list[str]:
    """Return the modules in which the step of a ledger name may stand, in the order to look.

    The last is the file of its own that a step has in a folder which does not hand it on.
    """
    module = name.rpartition(".")[0]
    homes = [*(f"{home}.{module}" for home in HOMES), module]
    return [*homes, *(f"{home}.{name}" for home in HOMES), name]


def current_name(name: str) -> str:
    """Return the name that a step has today.

    A folder of steps says what became of former names in a table of its own, `ALIASES`, in its
    ``__init__.py``: ``ALIASES = {"service.hold": "service.pause_autodeploy"}``. So a ledger that
    was written before a step got another name or place is resumed and rolled back as ever.
    """
    seen = {name}
    for table in _aliases(name):
        while (newer := table.get(name)) is not None and newer not in seen:
            seen.add(newer)
            name = newer
    return name


def is_same_step(recorded: str, declared: str) -> bool:
    """Tell whether a name in a ledger is that of a step of today, or one that it had before."""
    return current_name(recorded) == declared


@cache
def former_names(name: str) -> tuple[str, ...]:
    """Return the names that a step had before."""
    olds = {old for table in _aliases(name) for old in table}
    return tuple(sorted(old for old in olds if old != name and current_name(old) == name))


def current_arguments(step: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ledger holds of a step's arguments, under the names that they have today.

    A table beside `ALIASES` says which were renamed, by the step's name of today:
    ``ARGUMENTS = {"frontend.release": {"url": "frontend_url"}}``.
    """
    today = _renamed_arguments(current_name(step))
    return {today.get(name, name): value for name, value in recorded.items()}


def former_arguments(step: str, declared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a call's arguments under the names that they had before; nothing where none had."""
    former = {today: name for name, today in _renamed_arguments(step).items()}
    return [{former.get(name, name): value for name, value in declared.items()}] if former else []


@cache
def _renamed_arguments(step: str) -> Mapping[str, str]:
    """Return, by its former name, what an argument of a step is called today."""
    tables = [getattr(folder, "ARGUMENTS", {}).get(step, {}) for folder in _folders(step)]
    return {old: new for table in tables for old, new in table.items()}


def later_entries(step: str) -> frozenset[str]:
    """Return the names of what a step's `captures` reads today and did not read formerly.

    A table beside `ALIASES` says so, by the step's name of today:
    ``CAPTURES = {"deploy.release": ["deploy"]}``. So what a ledger holds from before is compared
    with what is read now by what both have.
    """
    today = current_name(step)
    tables = [getattr(folder, "CAPTURES", {}).get(today, ()) for folder in _folders(today)]
    return frozenset(name for table in tables for name in table)


def _aliases(name: str) -> list[Mapping[str, str]]:
    return [getattr(folder, "ALIASES", {}) for folder in _folders(name)]


def _folders(name: str) -> Iterator[object]:
    """Yield the folders that a step's name may lie in: each may hold tables of former names.

    One that lies in a home is in no module of its own name: that may be a runbook.
    """
    parts = name.split(".")[:-1]
    inside = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    at_home = bool(parts) and _is_at_home(parts[0])
    return map(imported, HOMES if at_home else (*HOMES, *inside))


@cache
def _is_at_home(folder: str) -> bool:
    """Tell whether one of the homes has a folder, or a file, of that name; imports none of them."""
    homes = [home for home in HOMES if hasattr(imported(home), "__path__")]
    return any(find_spec(f"{home}.{folder}") for home in homes)


def imported(name: str) -> object:
    """Return a module, or None where there is none of that name."""
    if name in sys.modules:
        return sys.modules[name]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and not f"{name}.".startswith(f"{error.name}."):
            raise
        return None
