"""The calls of a runbook as they are read: which tasks, in which order, on which targets."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.engine.attempt.command import runbook_file
from handrail.engine.attempt.requirements import Requirements
from handrail.engine.likeness import code_of
from handrail.ledger.entry import canonical
from handrail.ledger.errors import RunbookError
from handrail.ledger.people import APPROVE
from handrail.ledger.run import Hold
from handrail.ledger.task import Declared

TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # typed in `settle=` and `to=`


@dataclass
class Calls:
    """Every call of a runbook; pyinfra reads the file once for each target."""

    runbook: str
    declared: dict[tuple[str, str], Declared] = field(default_factory=dict)
    arguments: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)  # Any: JSON
    # Of each, the arguments that its call leaves out; Any: JSON.
    bindings: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)  # task -> where it was called
    untils: dict[str, str] = field(default_factory=dict)  # gate -> the task that makes it history
    stakes: dict[str, tuple[str, str]] = field(default_factory=dict)  # step -> text, what ends it
    confirms: dict[str, float] = field(default_factory=dict)  # armed step -> minutes to confirm it
    policies: dict[str, str] = field(default_factory=dict)  # gate -> what follows where it is red
    owners: dict[str, str] = field(default_factory=dict)  # task -> who answers for it
    requirements: Requirements = field(default_factory=Requirements)  # what the tasks are for
    operations: dict[str, str] = field(default_factory=dict)  # as pyinfra calls them -> task
    accepts: dict[str, str] = field(default_factory=dict)  # task that may stay -> why
    undoing: set[tuple[str, str]] = field(default_factory=set)  # what a rollback will put back
    holds: dict[str, Hold] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)  # target -> the task read last
    _order: dict[str, int] = field(default_factory=dict, repr=False)  # of `places`, once asked for

    def declare(
        self,
        call: Declared,
        place: str,
        arguments: Mapping[str, Any],  # Any: JSON
        *,
        selected: bool,
    ) -> None:
        """Take a call into account, for the target it is read for.

        Raises:
            RunbookError: the task id is used at another place, too, or cannot be typed.
        """
        task, key = call.task, (call.task, call.target)
        if not TASK_ID.fullmatch(task):
            raise self._refusal(
                f"`{task}` ({place}) is not a task id",
                "use letters, digits, `.`, `_` and `-`, as the plan does: `3.2`",
            )
        again = selected and key in self.declared
        self._take_place(task, call.target, place)
        if self.places[task] != place or again:
            raise self._refusal(
                f"task `{task}` stands at {self.places[task]} and at {place}",
                "give each call of the runbook a task id of its own",
            )
        if selected:
            self.declared[key] = call
            self.arguments[key] = arguments

    def _take_place(self, task: str, target: str, place: str) -> None:
        """Put a new task after the one before it on this target: a loop may be longer elsewhere."""
        if task not in self.places:
            before = self.last.get(target)
            if before == next(reversed(self.places), None):
                self.places[task] = place
            else:
                known = list(self.places.items())
                at = list(self.places).index(before) + 1 if before else 0
                self.places = dict([*known[:at], (task, place), *known[at:]])
            self._order = {}
        self.last[target] = task

    def refuse_later(self, task: str, wanted_by: str) -> None:
        """Raise where a call reads the output of a task that does not stand before it.

        Raises:
            RunbookError: with what to correct.
        """
        if task not in self.places:
            raise self._refusal(
                f"task `{wanted_by}` reads what task `{task}` recorded, and that is not before it",
                "correct the id in `output(…)`, or change the order of the calls",
            )

    def hold(self, label: str, name: str, target: str) -> None:
        """Take a hold into account: it stands after the call that was read last.

        Raises:
            RunbookError: the label cannot be typed, or stands at another place, too.
        """
        found = Hold(label, name, self.last.get(target, ""))
        if not TASK_ID.fullmatch(label):
            raise self._refusal(
                f"`{label}` is not a label", "use letters, digits, `.`, `_` and `-`: `frozen`"
            )
        if not found.after:
            raise self._refusal(
                f"hold `{label}` stands before the first step", "put it after a step or a gate"
            )
        if self.holds.setdefault(label, found) != found or label in self.places:
            raise self._refusal(
                f"hold `{label}` stands twice, or is a task, too", "give it a label of its own"
            )

    def in_order(self) -> list[Declared]:
        """Return every call on every target, in the order of the runbook."""
        order = self.order()
        return sorted(self.declared.values(), key=lambda each: (order[each.task], each.target))

    def order(self) -> dict[str, int]:
        """Return the place of each task in the runbook."""
        if not self._order:
            self._order = {task: number for number, task in enumerate(self.places)}
        return self._order

    def digest(self) -> str:
        """Return what identifies the plan: every call in order, with its arguments; hex.

        Where people approve it, what its steps do counts as well: the code of a saved plan.
        """
        calls = self.in_order()
        said: list[Any] = [
            [call.task, call.step, call.target, call.name,
             dict(self.arguments[call.task, call.target])]
            for call in calls
        ]  # fmt: skip
        if any(call.step == APPROVE for call in calls):
            said.append(code_of(Path(runbook_file())))
        return hashlib.sha256(canonical(said).encode()).hexdigest()

    def asked(self) -> dict[str, str]:
        """Return, by task, the role that an approval asks for, where it asks for one."""
        return {
            call.task: str(self.arguments[key]["role"])
            for key, call in self.declared.items()
            if call.step == APPROVE and self.arguments[key].get("role")
        }

    def expected(self) -> dict[str, float]:
        """Return, by task, the seconds that a call itself says it takes: `expected_minutes`."""
        said = {task: given.get("expected_minutes") for (task, _), given in self.arguments.items()}
        return {task: each * 60.0 for task, each in said.items() if isinstance(each, int | float)}

    def before(self, task: str) -> set[str]:
        """Return the tasks that stand before one."""
        order = self.order()
        return {each for each, number in order.items() if number < order[task]}

    def after(self, place: str) -> str:
        """Return the task that a task or hold comes to: of a hold, the one before it."""
        return self.holds[place].after if place in self.holds else place

    def last_of(self, place: str) -> int:
        """Return the number of the last task up to a task or hold; past all where it is neither."""
        return self.order().get(self.after(place), len(self.places))

    def is_beyond(self, task: str, to: str) -> bool:
        """Tell whether a task stands after the place where the run is told to hold."""
        return self.order()[task] > self.last_of(to)

    def hold_before(self, task: str) -> Hold | None:
        """Return the last hold that stands before a task."""
        order = self.order()
        before = [each for each in self.holds.values() if order[each.after] < order[task]]
        return max(before, key=lambda each: order[each.after], default=None)

    def idle(self) -> list[tuple[str, str]]:
        """Return the tasks that are for no target at all, each with its place."""
        called = {task for task, _ in self.declared}
        return [(task, place) for task, place in self.places.items() if task not in called]

    def _refusal(self, why: str, fix: str) -> RunbookError:
        return RunbookError(f"runbook `{self.runbook}` was not started", why, fix)
