"""One task on one target, as a fold of the entries about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from handrail.ledger.entry import Entry, Event


class TaskState(StrEnum):
    """Where one task stands on one target: the last word said about it."""

    PENDING = "pending"
    STARTED = "started"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"


class Standing(StrEnum):
    """What is on record of a task, whatever was refused since: the ground of every decision."""

    NONE = "none"
    UNCHANGED = "unchanged"  # it held before anything was done; a gate that passed
    CHANGED = "changed"
    IN_DOUBT = "in doubt"  # an effect began whose end is not on record
    SKIPPED = "skipped"
    UNPROVEN = "adopted unproven"  # an operator said that it is done; `ensures` does not say so
    ROLLED_BACK = "rolled back"


SETTLED = {TaskState.CHANGED, TaskState.UNCHANGED, TaskState.SKIPPED}

# What an event makes of a task, whatever it was before: the order of events is checked where they
# are written, by asking the world; the fold only says what the last word was. A confirmation is not
# among them: it brings back what the receipt says.
TRANSITIONS: Mapping[Event, TaskState] = {
    Event.STEP_STARTED: TaskState.STARTED,  # the intent is on disk; the effect may follow
    Event.STEP_CHANGED: TaskState.CHANGED,  # acted, and `ensures` held afterwards
    Event.STEP_ADOPTED: TaskState.CHANGED,  # was in doubt; `ensures` held, or somebody vouched
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
# Events after which a task is settled; what each says of it, beside its state.
SETTLING = {
    Event.STEP_CHANGED: Standing.CHANGED,
    Event.STEP_ADOPTED: Standing.CHANGED,
    Event.STEP_UNCHANGED: Standing.UNCHANGED,
    Event.STEP_CONFIRMED: Standing.UNCHANGED,
    Event.STEP_SKIPPED: Standing.SKIPPED,
    Event.GATE_PASSED: Standing.UNCHANGED,
}


ENDS_SEEN = {Event.STEP_CHANGED, Event.STEP_ADOPTED}  # an act is over, and what it did is there


@dataclass(frozen=True)
class Declared:
    """A call of the runbook: plan task, step, target, and the sentence an operator approves."""

    task: str
    step: str
    target: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """Return what a run knows it by: task and target."""
        return self.task, self.target


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
    attempt: int  # the last that began it
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON; under which user, where
    after: str = ""  # digest of what `captures` read once the step was proven
    blind: bool | None = None  # that read the same just before its last act; None: not told
    begun_as: str = ""  # the task id under which it began, where its call was renamed since
    since: str = ""  # when it first began
    stake: str = ""  # what is at stake while it stands, where something is
    until: str = ""  # the task or hold that ends the stake; empty: the run's own end
    felt: str = ""  # what users feel of it; empty where they feel nothing
    rollback: str | None = None  # sentence of its way back; empty: it has none; None: not told
    confirm_minutes: float = 0.0  # it is undone unless confirmed in that time; 0: it is not armed
    armed_at: str = ""  # since when that time runs: since it began, then since its end was seen
    armed_seq: int = 0  # the entry that says so

    @property
    def key(self) -> tuple[str, str]:
        """Return what a run knows its task by: its id and target."""
        return self.task, self.target

    @property
    def call(self) -> Declared:
        """Return the call that it is of; nobody needs its sentence any more."""
        return Declared(self.task, self.step, self.target, "")

    @property
    def goes_back(self) -> bool:
        """Tell whether it has a way back, as far as is known."""
        return self.rollback != ""

    def settle(self, entry: Entry) -> None:
        """Take over what is told of an act at its end."""
        self.after = str(entry.body.get("after", self.after))
        self.blind = entry.body.get("blind", self.blind)
        if "arguments" in entry.body:  # adopted: the claim holds with these, not with others
            self.arguments = entry.body["arguments"]
            self.digest = entry.body["digest"]
        if entry.event in ENDS_SEEN:
            self.armed_at, self.armed_seq = entry.at, entry.seq


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
    skipped: bool = False  # an operator left it out, or accepted in a rollback that it stays
    unproven: bool = False  # settled by an operator's word, or not undone: nobody can prove it
    rolled_back: bool = False
    acted_seq: int = 0  # entry with which it last changed the world, forward or back
    proven_seq: int = 0  # entry with which its claim last held, or a gate's window began

    @property
    def standing(self) -> Standing:
        """Tell what is on record; a doubt comes before all else."""
        if self.in_doubt:
            return Standing.IN_DOUBT
        if not self.settled:
            return Standing.ROLLED_BACK if self.rolled_back else Standing.NONE
        if self.skipped:
            return Standing.SKIPPED
        if self.unproven:
            return Standing.UNPROVEN
        return Standing.CHANGED if self.receipt else Standing.UNCHANGED

    @property
    def is_watched(self) -> bool:
        """Tell whether it is a gate whose window is open."""
        return self.opened_at is not None and self.state is TaskState.STARTED

    @property
    def begun(self) -> int:
        """Return the attempt that began what stands of it; 0 where nothing does."""
        return self.receipt.attempt if self.receipt else 0

    @property
    def attempt(self) -> int:
        """Return the attempt that began it last; 0 where none did."""
        return self.begun or max(self.attempts, default=0)

    def apply(self, entry: Entry) -> None:
        """Take one entry about this task into account."""
        self.attempts.add(entry.attempt)
        self.digest = str(entry.body.get("digest", self.digest))
        self.why = str(entry.body.get("why", ""))
        self.facts = entry.body.get("facts", self.facts)
        if entry.event is Event.STEP_CONFIRMED:
            self.state = TaskState.CHANGED if self.receipt else TaskState.UNCHANGED
        else:
            self.state = TRANSITIONS.get(entry.event, self.state)
        if entry.event in SETTLING:
            self._settle(entry)
        match entry.event:
            case Event.STEP_STARTED:
                self._begin(entry)
            case Event.GATE_OPENED:
                self._open(entry)
            case Event.GATE_CLOSED:
                self.opened_at = None  # a window that did not hold starts anew
            case Event.STEP_FAILED:
                self.in_doubt = True
            case Event.STEP_ROLLED_BACK:
                self._put_back(entry)
        if self.started_at and entry.event in TIMED:
            took = datetime.fromisoformat(entry.at) - datetime.fromisoformat(self.started_at)
            self.seconds = round(took.total_seconds(), 3)

    def forget_refusal(self) -> None:
        """Stand as before a refusal; what was settled is."""
        if self.settled and self.state is TaskState.REFUSED:
            self.state = TaskState.CHANGED

    def put_back(self, entry: Entry) -> None:
        """Take into account that another run, a rollback, has undone this task.

        Attempts and seconds stay those of this run; the rollback has its own.
        """
        self.state = TaskState.ROLLED_BACK
        self.why = str(entry.body.get("why", ""))
        self._put_back(entry)

    def move(self, task: str, name: str) -> None:
        """Go on under another id: the call that stood under the old one was renamed."""
        self.declared = replace(self.declared, task=task, name=name or self.declared.name)
        if self.receipt is not None:
            began = self.receipt.begun_as or self.receipt.task
            self.receipt = replace(self.receipt, task=task, begun_as=began)

    def _begin(self, entry: Entry) -> None:
        self.started_at = entry.at
        self.seconds = None
        self.in_doubt = True
        self.skipped = self.unproven = self.rolled_back = False
        self.acted_seq = entry.seq
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
            since=first.since if first else entry.at,
            stake=str(entry.body.get("stake", "")),
            until=str(entry.body.get("until", "")),
            felt=str(entry.body.get("felt", "")),
            rollback=entry.body.get("rollback"),
            confirm_minutes=float(entry.body.get("confirm_minutes", 0)),
            armed_at=entry.at,
            armed_seq=entry.seq,
        )

    def _open(self, entry: Entry) -> None:
        self.opened_at = self.started_at = entry.at
        self.settled = False
        self.seconds = None
        self.proven_seq = entry.seq

    def _settle(self, entry: Entry) -> None:
        self.in_doubt = False
        self.settled = True
        self.skipped = SETTLING[entry.event] is Standing.SKIPPED
        self.unproven = False in (entry.body.get("proven"), entry.body.get("accepted"))
        if not self.unproven:
            self.proven_seq = entry.seq
        if self.receipt is not None and entry.event is not Event.STEP_CONFIRMED:
            self.receipt.settle(entry)

    def _put_back(self, entry: Entry) -> None:
        self.receipt = None
        self.in_doubt = self.settled = self.skipped = self.unproven = False
        self.rolled_back = True
        self.acted_seq = entry.seq
