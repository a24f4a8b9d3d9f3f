"""What an earlier task of a run recorded, for a later call of the runbook."""

import json
import re
from collections.abc import Mapping
from typing import Any

from handrail.engine.nested import rebuilt
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Run
from handrail.ledger.task import Task
from handrail.naming import ticked

# A reference inside plain data, between two characters that Unicode leaves to private use.
MARK = re.compile("\ue000output ([^\ue001]*)\ue001")


class NotToldYet(RunbookError):
    """What an earlier task records is needed, and that task has not run."""


class Output:
    """A reference to the facts of an earlier task, or to one of them; it is read when needed.

    ``output("3.0")["url"]`` stands in an argument, also inside of an f-string. The facts are those
    that the task's `ensures`, or the gate, gave with ``holds(url=…)``; they are in the ledger, so a
    resumed run reads the same. A task that has not run yet says nothing yet.
    """

    def __init__(self, task: str, target: str | None, *keys: str | int) -> None:
        self._task, self._target, self._keys = task, target, keys

    def __getitem__(self, key: str | int) -> "Output":
        """Return the reference to a part."""
        return Output(self._task, self._target, *self._keys, key)

    def __str__(self) -> str:
        """Return the mark that stands for the value until a step reads it."""
        return f"\ue000output {json.dumps([self._task, self._target, *self._keys])}\ue001"

    def __format__(self, spec: str) -> str:
        """Return the mark, whatever the format."""
        return str(self)

    def __bool__(self) -> bool:
        """Refuse to be a condition: the runbook is read before any of its tasks has run."""
        raise TypeError(f"what task `{self._task}` recorded is known to steps only, not here")

    def __iter__(self) -> Any:  # Any: it never returns
        """Refuse to be looped over, for the same reason."""
        return iter((bool(self),))


def output(task: str, *, on: str | None = None) -> Output:
    """Return what an earlier task recorded, as an argument of a later call.

    Args:
        task: Id of a task that stands earlier in the runbook.
        on: The target on which it recorded that; the call's own target where it is left out.
    """
    return Output(task, on)


def as_plain(value: Any) -> Any:  # Any: arguments of a call
    """Return arguments with each reference as a text that JSON can hold."""
    return rebuilt(value, _as_text, _as_text)


def _as_text(value: Any) -> Any:  # Any: as above
    return str(value) if isinstance(value, Output) else value


def tasks_named(value: Any) -> list[str]:  # Any: JSON
    """Return the ids of the tasks that plain arguments refer to."""
    if isinstance(value, str):
        return [json.loads(found)[0] for found in MARK.findall(value)]
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    return [task for each in value for task in tasks_named(each)] if isinstance(value, list) else []


def resolved(value: Any, run: Run, target: str) -> Any:  # Any: JSON
    """Return plain arguments with each reference replaced by what is on record.

    Raises:
        RunbookError: the task has not run, or recorded nothing of that name.
    """

    def read(leaf: Any) -> Any:  # Any: JSON
        if not isinstance(leaf, str):
            return leaf
        if whole := MARK.fullmatch(leaf):
            return _recorded(whole[1], run, target)
        return MARK.sub(lambda found: str(_recorded(found[1], run, target)), leaf)

    return rebuilt(value, read, read)


def _recorded(reference: str, run: Run, target: str) -> Any:  # Any: JSON
    task, on, *path = json.loads(reference)
    where = on or target
    found: Any = _facts(task, where, run.tasks.get((task, where)))
    for key in path:
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):
            there = isinstance(found, dict) and ticked(sorted(found))
            raise RunbookError(
                f"what task `{task}` recorded was not read",
                f"it recorded no `{key}` on `{where}`, but {there or 'nothing of the kind'}",
                f"give it as a fact where its `ensures` holds: `holds({key}=…)`",
            ) from None
    return found


def _facts(task: str, target: str, known: Task | None) -> Mapping[str, Any]:  # Any: JSON
    if known is not None and known.settled and not known.in_doubt:
        return known.facts
    raise NotToldYet(
        f"what task `{task}` recorded was not read",
        f"task `{task}` is not done on `{target}` yet",
        "the same command again, once it is; a target of its own is named by `output(…, on=…)`",
    )
