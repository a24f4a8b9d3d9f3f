"""Runs as a fold of the ledger's entries: states, receipts, outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from handrail.ledger.entry import Entry, Event
from handrail.ledger.errors import LedgerDamaged


class TaskState(StrEnum):
    """Where one task stands on one target."""

    PENDING = "pending"
    STARTED = "started"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"


class Outcome(StrEnum):
    """Where a whole run stands."""

    OPEN = "open"
    PROVEN = "proven"
    STOPPED = "stopped"
    ROLLED_BACK = "rolled_back"


SETTLED = {TaskState.CHANGED, TaskState.UNCHANGED, TaskState.SKIPPED}
IN_DOUBT = {TaskState.STARTED, TaskState.FAILED}

# What an event makes of a task, whatever it was before: the order of events is checked where they
# are written, by asking the world; the fold only says what the last word was. Two rules need the
# state before: a refusal does not hide that an act is in doubt, and a confirmation brings back
# what the receipt says.
TRANSITIONS: Mapping[Event, TaskState] = {
    Event.STEP_STARTED: TaskState.STARTED,  # the intent is on disk; the effect may follow
    Event.STEP_CHANGED: TaskState.CHANGED,  # acted, and `ensures` held afterwards
    Event.STEP_ADOPTED: TaskState.CHANGED,  # was in doubt; `ensures` held when asked again
    Event.STEP_UNCHANGED: TaskState.UNCHANGED,  # `ensures` held before anything was done
    Event.STEP_REFUSED: TaskState.REFUSED,  # a precondition, drift or doubt forbids to act
    Event.STEP_FAILED: TaskState.FAILED,  # acted, and a command failed or `ensures` did not hold
    Event.STEP_SKIPPED: TaskState.SKIPPED,  # an operator said so, with a reason
    Event.STEP_ROLLED_BACK: TaskState.ROLLED_BACK,  # put back, and proven to be as before
    Event.GATE_OPENED: TaskState.STARTED,  # a window began
    Event.GATE_PASSED: TaskState.UNCHANGED,  # held when asked; gates change nothing
    Event.GATE_CLOSED: TaskState.REFUSED,  # did not hold, or could not be told
}

# The ends of what an event of the same attempt began; an adopted act's own end nobody saw.
TIMED = {
    Event.STEP_CHANGED,
    Event.STEP_FAILED,
    Event.STEP_ROLLED_BACK,
    Event.GATE_PASSED,
    Event.GATE_CLOSED,
}


@dataclass(frozen=True)
class Declared:
    """A call of the runbook: plan task, step, target, and the sentence an operator approves."""

    task: str
    step: str
    target: str
    name: str


@dataclass
class Receipt:
    """What one step did, or may have done, on one target, and what was there before."""

    task: str
    step: str
    target: str
    arguments: Mapping[str, Any]  # Any: JSON, secrets as references
    digest: str
    before: Any  # Any: JSON, secret values as sealed names
    seq: int
    attempt: int
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON; under which user, where
    after: str = ""  # digest of what `captures` read once the step was proven


@dataclass
class Task:
    """One task on one target, as the ledger knows it."""

    declared: Declared
    state: TaskState = TaskState.PENDING
    attempts: set[int] = field(default_factory=set)
    started_at: str | None = None
    seconds: float | None = None
    why: str = ""
    digest: str = ""  # of the arguments last settled or tried
    opened_at: str | None = None  # when a gate's window began
    receipt: Receipt | None = None  # there is something to undo, or to doubt
    settled: bool = False  # done, with the arguments of `digest`; a refusal does not change that

    facts: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON; what its last proof told

    in_doubt: bool = False  # an effect began whose end is not on record

    def apply(self, entry: Entry) -> None:  # noqa: C901  one case for each kind of event
        """Take one entry about this task into account."""
        state = TRANSITIONS.get(entry.event)
        self.attempts.add(entry.attempt)
        self.digest = str(entry.body.get("digest", self.digest))
        if entry.event is Event.STEP_CONFIRMED:
            self.state = TaskState.CHANGED if self.receipt else TaskState.UNCHANGED
        elif state is not None:
            self.state = state
        self.why = str(entry.body.get("why", ""))
        self.facts = entry.body.get("facts", self.facts)
        match entry.event:
            case Event.STEP_STARTED:
                self._begin(entry)
            case Event.GATE_OPENED:
                self.opened_at = self.started_at = entry.at
                self.settled = False
                self.seconds = None
            case Event.GATE_CLOSED:
                self.opened_at = None  # a window that did not hold starts anew
            case Event.STEP_FAILED:
                self.in_doubt = True
            case Event.STEP_ROLLED_BACK:
                self.receipt = None
                self.in_doubt = self.settled = False
            case (
                Event.STEP_CHANGED
                | Event.STEP_ADOPTED
                | Event.STEP_UNCHANGED
                | Event.STEP_SKIPPED
                | Event.GATE_PASSED
            ):
                self.in_doubt = False
                self.settled = True
                if self.receipt is not None:
                    self.receipt.after = str(entry.body.get("after", ""))
            case _:
                pass
        if self.started_at and entry.event in TIMED:
            took = datetime.fromisoformat(entry.at) - datetime.fromisoformat(self.started_at)
            self.seconds = round(took.total_seconds(), 3)

    def put_back(self, entry: Entry) -> None:
        """Take into account that another run, a rollback, has undone this task.

        Attempts and seconds stay those of this run; the rollback has its own.
        """
        self.state = TaskState.ROLLED_BACK
        self.why = str(entry.body.get("why", ""))
        self.receipt = None
        self.in_doubt = self.settled = False

    def _begin(self, entry: Entry) -> None:
        self.started_at = entry.at
        self.seconds = None
        self.in_doubt = True
        first = self.receipt
        self.receipt = Receipt(
            task=entry.task,
            step=entry.step,
            target=entry.target,
            arguments=entry.body["arguments"],
            digest=entry.body["digest"],
            before=first.before if first else entry.body.get("before"),
            seq=first.seq if first else entry.seq,
            attempt=entry.attempt,
            settings=entry.body.get("settings", {}),
        )


@dataclass
class Run:
    """One runbook carried to its end on one environment, over any number of attempts."""

    id: str
    runbook: str
    opened_at: str
    undoes: str = ""  # the run a rollback undoes
    reason: str = ""
    actor: str = ""
    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    attempts: int = 0
    rolled_back: bool = False
    ended: bool = False  # the last attempt said goodbye
    proven: bool = False  # and it is on record

    @property
    def outcome(self) -> Outcome:
        """Tell where the run stands."""
        if self.rolled_back:
            return Outcome.ROLLED_BACK
        if self.tasks and all(self.is_done(task) for task in self.tasks.values()):
            return Outcome.PROVEN
        return Outcome.STOPPED if self.ended else Outcome.OPEN

    def is_done(self, task: Task) -> bool:
        """Tell whether a task needs nothing more in this run."""
        done = SETTLED | {TaskState.ROLLED_BACK} if self.undoes else SETTLED
        return task.state in done and not task.in_doubt

    def receipts(self) -> list[Receipt]:
        """Return what a rollback has to undo, newest first."""
        held = [task.receipt for task in self.tasks.values() if task.receipt is not None]
        return sorted(held, key=lambda receipt: receipt.seq, reverse=True)

    def next_task(self) -> Task | None:
        """Return the first task that is not done, in the order of the runbook."""
        return next((task for task in self.tasks.values() if not self.is_done(task)), None)

    def declare(self, declared: Iterable[Declared]) -> None:
        """Take the calls of the runbook as it reads now; what it no longer names stays known.

        Tasks that were removed from the runbook keep their receipts, so a rollback still finds
        them, and count no longer toward the outcome unless something of them is left.
        """
        known = self.tasks
        self.tasks = {}
        for call in declared:
            key = (call.task, call.target)
            task = known.pop(key, None) or Task(call)
            task.declared = call
            self.tasks[key] = task
        for key, task in known.items():
            if task.receipt is not None:
                if task.settled and task.state is TaskState.REFUSED:
                    task.state = TaskState.CHANGED  # a call that is gone refuses no more
                self.tasks[key] = task

    def apply(self, entry: Entry) -> None:
        """Take one entry of this run into account."""
        match entry.event:
            case Event.ATTEMPT_STARTED:
                self.attempts = entry.attempt
                self.ended = False
                self.declare(Declared(*call) for call in entry.body["declared"])
            case Event.ATTEMPT_ENDED:
                self.ended = True
            case Event.RUN_ROLLED_BACK:
                self.rolled_back = True
            case Event.RUN_PROVEN:
                self.proven = True
            case _ if entry.task:
                self.proven = False  # something happened since
                key = (entry.task, entry.target)
                call = Declared(entry.task, entry.step, entry.target, "")
                task = self.tasks.setdefault(key, Task(call))
                if entry.run == self.id:
                    task.apply(entry)
                else:
                    task.put_back(entry)
            case _:
                pass


def fold(entries: Iterable[Entry]) -> dict[str, Run]:
    """Return every run by id, oldest first.

    Raises:
        LedgerDamaged: an entry does not say what its event requires.
    """
    runs: dict[str, Run] = {}
    for entry in entries:
        try:
            _take(entry, runs)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LedgerDamaged(
                "the ledger was not understood",
                f"entry {entry.seq} ({entry.event}) lacks what it has to say: {error!r}",
                "handrail verify, then restore the ledger from its backup",
            ) from None
    return runs


def _take(entry: Entry, runs: dict[str, Run]) -> None:
    if entry.event is Event.RUN_OPENED:
        runs[entry.run] = Run(
            id=entry.run,
            runbook=entry.body["runbook"],
            opened_at=entry.at,
            undoes=entry.body.get("undoes", ""),
            reason=entry.reason,
            actor=entry.actor,
        )
    run = runs.get(entry.run)
    if run is None:
        return
    run.apply(entry)
    if entry.event is Event.STEP_ROLLED_BACK and run.undoes in runs:
        runs[run.undoes].apply(entry)
