"""What a plan's tasks are for: the requirements a project declares in a file, by task."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from handrail.ledger.errors import WrongCommand
from handrail.naming import ticked

FORM = '`requirements: {"1.6": text}` and `tasks: {"1.1": ["1.6"]}`'


@dataclass(frozen=True)
class Requirements:
    """The requirements that a plan cites, and which task serves which.

    Args:
        texts: What each asks for, by its id.
        tasks: Ids of the requirements, by plan task.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, task: str) -> tuple[str, ...]:
        """Return what a task serves; `3.1.1`, which is not named, serves what `3.1` does."""
        while task and task not in self.tasks:
            task = task.rpartition(".")[0]
        return self.tasks.get(task, ())

    def untold(self, task: str) -> str:
        """Return the requirements that a task cites and that have no text, in backticks."""
        return ticked(each for each in self.tasks[task] if each not in self.texts)

    def said(self, tasks: Iterable[str]) -> dict[str, Any]:  # Any: JSON
        """Return what the ledger keeps: the ids of each task, and the texts that they cite."""
        known = {task: list(self.of(task)) for task in dict.fromkeys(tasks)}
        found = {task: ids for task, ids in known.items() if ids}
        cited = dict.fromkeys(chain.from_iterable(found.values()))
        return {"requirements": found, "asked_for": {each: self.texts[each] for each in cited}}


@cache
def read(path: str) -> Requirements:
    """Read the file that a runbook names; none where it names none.

    Raises:
        WrongCommand: it cannot be read, or a task cites a requirement that it does not tell.
    """
    if not path:
        return Requirements()
    try:
        found = _parsed(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(path, f"it cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        raise _wrong(path, f"it does not have the form {FORM}") from None
    for task in found.tasks:
        if missing := found.untold(task):
            raise _wrong(path, f"task `{task}` cites {missing}, which `requirements` lacks")
    return found


def _parsed(text: str) -> Requirements:
    """Read the text of such a file."""
    said = yaml.safe_load(text)
    texts = {str(key): str(each) for key, each in said["requirements"].items()}
    tasks = {str(key): tuple(map(str, ids)) for key, ids in said["tasks"].items()}
    return Requirements(texts, tasks)


def _wrong(path: str, why: str) -> WrongCommand:
    return WrongCommand("the run did not start", f"`{path}`: {why}", f"correct `{path}`")
