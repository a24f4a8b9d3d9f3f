"""What a plan's tasks are for: the requirements a project declares in a file, by task."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
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
        while task:
            if task in self.tasks:
                return self.tasks[task]
            task = task.rpartition(".")[0]
        return ()

    def said(self, tasks: Iterable[str]) -> dict[str, Any]:  # Any: JSON
        """Return what the ledger keeps: the ids of each task, and the texts that they cite."""
        found = {task: list(self.of(task)) for task in dict.fromkeys(tasks) if self.of(task)}
        cited = dict.fromkeys(each for ids in found.values() for each in ids)
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
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        texts = {str(key): str(text) for key, text in found["requirements"].items()}
        tasks = {str(key): tuple(map(str, ids)) for key, ids in found["tasks"].items()}
    except OSError as error:
        raise _wrong(path, f"it cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        raise _wrong(path, f"it does not have the form {FORM}") from None
    for task, ids in tasks.items():
        if missing := ticked(each for each in ids if each not in texts):
            raise _wrong(path, f"task `{task}` cites {missing}, which `requirements` lacks")
    return Requirements(texts, tasks)


def _wrong(path: str, why: str) -> WrongCommand:
    return WrongCommand("the run did not start", f"`{path}`: {why}", f"correct `{path}`")
