"""One start of the command: which run it belongs to, what it may write, what it learnt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any

from pyinfra.context import host, inventory

from handrail.clients.masking import masked, masked_data
from handrail.engine.attempt.budget import Budget
from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.consent import Consent
from handrail.engine.attempt.guarded import Guard
from handrail.engine.attempt.held import held
from handrail.engine.attempt.writing import become_the_writer
from handrail.engine.decide.before import refusals
from handrail.engine.decide.decision import Planned
from handrail.engine.decide.known import BeforeFacts
from handrail.engine.eventlog import EventLog
from handrail.engine.inventory import Inventory
from handrail.engine.names import current_arguments, is_same_step
from handrail.ledger.chain import Head
from handrail.ledger.entry import Entry, Event
from handrail.ledger.errors import LedgerUnwritable, RunbookError
from handrail.ledger.run import Outcome, Run
from handrail.ledger.runs import Runs
from handrail.ledger.seam import Fact, Ledger, NoLedger
from handrail.ledger.secrets import Vault
from handrail.ledger.task import Declared, Task
from handrail.ledger.views.times import Measured
from handrail.ledger.writer import Writer


@dataclass
class Attempt:
    """Everything one start of the command knows; there is one per process."""

    inventory: Inventory
    choices: Choices
    ledger: Ledger | NoLedger
    run: Run
    runs: Runs
    vault: Vault
    body: Mapping[str, Any]  # Any: JSON; what run.opened says beside the runbook's name
    seen: Head  # the newest entry when the plan was made, checked
    calls: Calls
    log: EventLog
    plan: list[Planned] = field(default_factory=list)
    writer: Writer | None = None
    stale: Callable[[], RunbookError | None] = lambda: None  # asks what moved since a saved plan
    overdue: Callable[[], RunbookError | None] = lambda: None  # asks what nobody confirmed in time
    number: int = 0
    stopped_by: str = ""
    stops: dict[tuple[str, str], RunbookError | None] = field(default_factory=dict)  # and why
    then: dict[str, str] = field(default_factory=dict)  # the rollback that follows when this ends
    back_when_red: bool = False  # a gate that is closed at the end leads to that rollback
    red: dict[tuple[str, str], str] = field(default_factory=dict)  # gates that are no, or unclear
    refusal: RunbookError | None = None  # what forbade to start, where something did
    guard: Guard = field(default_factory=Guard)
    budget: Budget = field(default_factory=Budget)
    beside: str = ""  # who else is at work while this one plans
    known: Measured | None = None  # how long tasks took before, once somebody asked
    flush: Callable[[], None] = field(default=lambda: None, repr=False)  # news on its way outside
    listeners: list[Callable[[Entry], None]] = field(default_factory=list)  # hear of each entry

    def __post_init__(self) -> None:
        """Let one target at a time open the attempt."""
        self._opening = RLock()

    @property
    def environment(self) -> str:
        """Return the environment's name."""
        return self.inventory.environment

    @property
    def undone(self) -> Run:
        """Return the run that this rollback undoes."""
        return self.runs[self.run.undoes]

    @property
    def runbook(self) -> str:
        """Return the runbook's name."""
        return self.calls.runbook

    def declare(
        self,
        task: str,
        step: str,
        name: str,
        where: str,
        arguments: Mapping[str, Any] | None = None,  # Any: JSON
        *,
        selected: bool,
    ) -> None:
        """Take a call of the runbook into account.

        Raises:
            RunbookError: the task id is used at another place, too, or cannot be typed.
        """
        call = Declared(task, step, host.name, name)
        self.calls.declare(call, where, arguments or {}, selected=selected)
        if selected:
            self.run.tasks.setdefault((task, host.name), Task(call)).declared = call

    def task(self, task: str) -> Task:
        """Return what is known of a task on this target."""
        return self.run.tasks[task, host.name]

    def is_void(self, task: Task, *, since: int) -> bool:
        """Tell whether a step that stands before a task acted, on any target, after an entry."""
        order = self.calls.order()
        place = order[task.declared.task]
        return any(
            acted > since and order.get(name, place) < place
            for name, acted in self.run.acted.items()
        )

    def is_done(self, task: str) -> bool:
        """Tell whether a task is done on every target that it is for."""
        found = list(filter(None, (self.run.tasks.get((task, at)) for at in self.targets)))
        return bool(found) and all(map(self.run.is_done, found))

    def is_beyond(self, task: str) -> bool:
        """Tell whether a task stands after the place where this run is told to hold."""
        forward = self.choices.to and not self.run.undoes
        return bool(forward) and self.calls.is_beyond(task, self.choices.to)

    def place(self, task: Task) -> str:
        """Return what a consent calls a task: with its target where it has more than one."""
        name, own = task.declared.task, task.declared.target
        others = (each for each in self.targets if each != own)
        elsewhere = any((name, each) in self.run.tasks for each in others)
        return f"{name}@{own}" if elsewhere else name

    @cached_property
    def targets(self) -> list[str]:
        """Return the names of all targets, of the inventory and on record."""
        listed = [each.name for each in inventory]
        return list(dict.fromkeys([*listed, *(target for _, target in self.run.tasks)]))

    @cached_property
    def ways_back(self) -> list[Run]:
        """Return the rollbacks of this run, as they stood when this attempt was planned."""
        return self.runs.undoing(self.run.id)

    def consent(self, kind: str, task: Task) -> Consent | None:
        """Return the operator's word on a task, where there is one that is not spent."""
        if not (self.choices.consents and self.choices.reason):
            return None
        return self.facts().unspent(kind, task.declared.key)

    def was_redone(self, task: Task) -> bool:
        """Tell whether a consent to do a settled task again was used before."""
        call = task.declared
        start = f"drift={call.task}@{call.target}"
        return any(what.startswith((f"{start}:", f"{start}#")) for what, _ in self.run.spent)

    def facts(self) -> BeforeFacts:
        """Return what is known before any step."""
        undone = self.runs.get(self.run.undoes)
        tasks = [*self.run.tasks, *(undone.tasks if undone else ())]
        return BeforeFacts(
            self.run,
            self.calls,
            self.choices,
            targets=frozenset(each.name for each in inventory),
            recorded=frozenset(target for _, target in tasks),
            environment=self.environment,
            same_step=is_same_step,
            unproven=lambda: self.guard.refusal(self.environment, self.calls, self.choices),
            overdue=self.overdue,
            arguments_today=current_arguments,
        )

    def refuse_to_start(self) -> None:
        """Raise where something forbids that any step starts, now that every call was read."""
        self.refusal = next(refusals(self.facts()), None) or self.stale()
        if self.refusal is not None:
            raise self.refusal

    def write(self) -> None:
        """Become the writer and open the attempt; the first step of a target calls it.

        Raises:
            RunbookError: another process is at work or was since the plan was made, the ledger is
                not to be trusted or does not take entries, or a task of the runbook has no target.
        """
        with self._opening:  # a ledger on a server lets other targets go on meanwhile
            if self.writer is None:
                self.refuse_to_start()
                become_the_writer(self)

    def append(
        self,
        event: Event,
        *,
        task: str = "",
        step: str = "",
        reason: str = "",
        body: Mapping[str, Any] | None = None,  # Any: JSON
        run: str = "",
        target: str = "",
    ) -> None:
        """Record a fact and fold it into the run; an intent is on disk when this returns."""
        if self.writer is None:
            raise LedgerUnwritable(
                f"`{event}` was not recorded",
                "this process is not the writer",
                "run the same command again",
            )
        target = target or (host.name if task else "")
        fact = Fact(
            event=event,
            run=run or self.run.id,
            attempt=self.number,
            actor=self.choices.operator,
            task=task,
            step=step,
            target=target,
            reason=masked(reason),
            body=masked_data(body),
        )
        self._take(self.writer.record(fact))

    def _take(self, entry: Entry) -> None:
        """Fold what was recorded into the run, and tell those who listen."""
        if entry.run == self.run.id:
            self.run.apply(entry)
        if entry.event is Event.STEP_ROLLED_BACK and self.run.undoes in self.runs:
            self.undone.apply(entry)
        self.log.write(
            entry.event, run=entry.run, attempt=self.number, task=entry.task, target=entry.target
        )
        for listener in self.listeners:
            listener(entry)

    def stop(self, where: str) -> None:
        """Let no step start anywhere after a failure on one target."""
        self.stopped_by = self.stopped_by or where

    def end(self) -> None:
        """Say goodbye in the ledger: the run's outcome is what it holds now."""
        if self.writer is None:
            return
        if self.run.outcome is Outcome.PROVEN and not self.run.proven:
            self.append(Event.RUN_PROVEN)
        self.append(Event.ATTEMPT_ENDED, body=self._stands() | {"stopped_by": self.stopped_by})
        self.writer.release()
        self.writer = None

    def _stands(self) -> dict[str, str]:
        """Return the run's outcome for the ledger, and where it holds if it was told to."""
        outcome = self.run.outcome
        at = held(self) if outcome is Outcome.OPEN else ""
        return {"outcome": Outcome.HELD, "held": at} if at else {"outcome": outcome}

    def refuse_stale(self) -> None:
        """Raise before an effect where another process took over; the ledger's store says so.

        Raises:
            RunLocked: it did; it settles what this process leaves in doubt.
        """
        if self.writer is not None:
            self.writer.refuse_stale()
