"""What is known when every call of the runbook was read and none was carried out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import filterfalse
from typing import Any

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.consent import Consent
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.run import Run
from handrail.ledger.task import Task
from handrail.naming import ALONE, meant, ticked

Key = tuple[str, str]  # task, target


@dataclass(frozen=True)
class BeforeFacts:
    """What is known when every call of the runbook was read and none was carried out.

    Args:
        run: The run as the ledger knows it, without what is declared now.
        calls: What the runbook declares now.
        choices: What the operator said.
        targets: Names of the inventory's targets.
        recorded: Names of the targets that the run, or the one that it undoes, has to do with.
        environment: Its name.
        same_step: Tells whether a name on record and a name of now are the same step.
        unproven: Asks what forbids to start for want of a drill.
        overdue: Asks what forbids to start since nobody confirmed in time what was armed.
        arguments_today: Returns the arguments on record of a step under the names of now.
    """

    run: Run
    calls: Calls
    choices: Choices
    targets: frozenset[str]
    recorded: frozenset[str]
    environment: str
    same_step: Callable[[str, str], bool]
    unproven: Callable[[], RunbookError | None]
    overdue: Callable[[], RunbookError | None]
    arguments_today: Callable[[str, Mapping[str, Any]], dict[str, Any]]  # Any: JSON

    def key_of(self, consent: Consent) -> Key | None:
        """Return the one task that a consent is about, or None where it could be several."""
        targets = [at for at in self.targets_of(consent.task) if consent.target in ("", at)]
        return (consent.task, targets[0]) if len(targets) == 1 else None

    def targets_of(self, task: str) -> list[str]:
        """Return the targets that a task has; none where there is no such task."""
        return sorted(at for name, at in self.known() if name == task)

    def is_missed(self, target: str) -> bool:
        """Tell whether a target is not in the inventory, and nobody left it out by name."""
        return target not in self.targets and target not in self.choices.without

    def task_of(self, consent: Consent) -> Task | None:
        """Return what is on record of the one task that a consent is about."""
        key = self.key_of(consent)
        return self.run.tasks.get(key) if key else None

    def known(self) -> list[Key]:
        """Return every task, of the runbook as it reads now and on record."""
        return list(dict.fromkeys([*self.calls.declared, *self.run.tasks]))

    def is_spent(self, consent: Consent) -> bool:
        """Tell whether a consent was used before: an attempt's number makes it one of its kind."""
        key = self.key_of(consent)
        text = consent.text(key[1]) if key else consent.text()
        used = {reason for what, reason in self.run.spent if what == text}
        return bool(used) if consent.attempt is not None else self.choices.reason in used

    def unspent(self, kind: str, key: Key) -> Consent | None:
        """Return the first consent of a kind that is about a task and was not used yet."""
        said = (each for each in self.choices.consents if each.kind == kind)
        about = (each for each in said if self.key_of(each) == key)
        return next(filterfalse(self.is_spent, about), None)


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Return the nearest of what there is as a question, else all of it."""
    names = list(dict.fromkeys(known))
    there = f"there are: {ticked(names)}" if names else "there is none"
    return meant(typed, names, ALONE) or there


def place(known: Iterable[Key], key: Key) -> str:
    """Return what a consent calls a task: with its target where it has more than one."""
    elsewhere = any(task == key[0] and target != key[1] for task, target in known)
    return f"{key[0]}@{key[1]}" if elsewhere else key[0]


def unknown(why: str, typed: str, known: Iterable[str]) -> WrongCommand:
    """Return the refusal of a name that nobody knows, with what may have been meant."""
    return WrongCommand("nothing was started", why, did_you_mean(typed, known))
