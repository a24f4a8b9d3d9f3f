"""Consent: an operator's word for one task, one target and the attempt that it answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from handrail.ledger.errors import WrongCommand
from handrail.naming import phrase

FORMS = {
    "settle": (
        r"retry|adopt|skip|moved:(?P<to>[A-Za-z0-9][A-Za-z0-9._-]*)",
        "`settle=TASK#ATTEMPT:retry`, `:adopt`, `:skip` or `:moved:NEWTASK`",
    ),
    "drift": ("redo|undo", "`drift=TASK:redo`; in a rollback `drift=TASK:undo`"),
    "accept": ("irreversible", "`accept=TASK:irreversible`, in a rollback"),
}


@dataclass(frozen=True)
class Consent:
    """One override, as it was typed: ``settle=TASK[@TARGET]#ATTEMPT:retry`` and its like."""

    kind: str  # settle, drift or accept
    task: str
    target: str  # empty where the task has one target only
    attempt: int | None  # None where it names none
    choice: str
    to: str = ""  # of `moved:`, the id that the call has now

    @classmethod
    def read(cls, kind: str, typed: str) -> Self:
        """Read one.

        Raises:
            WrongCommand: it is not of the form that its kind has.
        """
        choices, form = FORMS[kind]
        task = r"(?P<task>[A-Za-z0-9][A-Za-z0-9._-]*)"
        pattern = rf"{task}(@(?P<target>[^#]+?))?(#(?P<attempt>\d+))?:(?P<choice>{choices})"
        found = re.fullmatch(pattern, typed)
        if found is None:
            why = f"`{kind}={typed}` is not a choice"
            raise WrongCommand("the run did not start", why, f"write {form}")
        parts = found.groupdict()
        attempt = int(parts["attempt"]) if parts["attempt"] else None
        choice, to = parts["choice"].partition(":")[0], parts.get("to") or ""
        return cls(kind, parts["task"], parts["target"] or "", attempt, choice, to)

    @classmethod
    def read_all(cls, kind: str, typed: list[str]) -> Iterator[Self]:
        """Read every one that was typed; several may stand in one, with commas between."""
        for each in (part.strip() for text in typed for part in text.split(",")):
            if each:
                yield cls.read(kind, each)

    def text(self, target: str = "") -> str:
        """Return it as it is typed; with a target, as it is recorded."""
        at = phrase("@{}", target or self.target)
        answered = "" if self.attempt is None else f"#{self.attempt}"
        to = phrase(":{}", self.to)
        return f"{self.kind}={self.task}{at}{answered}:{self.choice}{to}"
