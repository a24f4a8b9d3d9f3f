"""Runs as a fold of the ledger's entries: tasks, receipts, consents, outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from handrail.ledger.arming import armed_in
from handrail.ledger.entry import BESIDE, Entry, Event
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.task import SETTLED, Declared, Receipt, Task, TaskState


class Outcome(StrEnum):
    """Where a whole run stands."""

    OPEN = "open"
    PROVEN = "proven"
    FINISHED = "finished"  # nothing is left to do, and not all of it is proven
    STOPPED = "stopped"
    HELD = "held"
    ROLLED_BACK = "rolled_back"


OVER = frozenset({Outcome.PROVEN, Outcome.FINISHED, Outcome.ROLLED_BACK})


@dataclass(frozen=True)
class Hold:
    """A place in a runbook where a run may be told to stop: after a task, with what is true there.

    Args:
        label: What `to=` calls it.
        name: What is true there, as a sentence.
        after: The last task before it; empty at the beginning.
    """

    label: str
    name: str
    after: str


@dataclass
class Run:
    """One runbook carried to its end on one environment, over any number of attempts."""

    id: str
    runbook: str
    opened_at: str
    undoes: str = ""  # the run a rollback undoes
    reason: str = ""
    actor: str = ""
    drill: str = ""  # the drill that it is a leg of
    drilled: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON; a proof that it went by
    undo_minutes: float | None = None  # what its way back may take, as its last attempt was told
    window_ends: str = ""  # when its window ends, RFC 3339, likewise
    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    attempts: int = 0
    rolled_back: bool = False
    ended: bool = False  # the last attempt said goodbye
    proven: bool = False  # and it is on record
    held: str = ""  # where the last attempt was told to hold, and did
    holds: list[Hold] = field(default_factory=list)
    without: list[str] = field(default_factory=list)  # targets that the last attempt left out
    plan: str = ""  # digest of what the last attempt was to do
    machines: dict[int, str] = field(default_factory=dict)  # attempt -> the machine that it is on
    operators: set[str] = field(default_factory=set)  # by any name they are known by
    owners: dict[str, str] = field(default_factory=dict)  # task -> who answers for it
    expected: dict[str, float] = field(default_factory=dict)  # task -> seconds, by its own call
    asks: dict[str, str] = field(default_factory=dict)  # approval -> the role that it asks for
    beside: list[Entry] = field(default_factory=list)  # what people said of it without the lease
    spent: dict[tuple[str, str], int] = field(default_factory=dict)  # consent, reason -> attempt
    # Some step of it was ever armed, or put something at stake; most runs are asked in vain.
    arms: bool = False
    stakes: bool = False
    acted: dict[str, int] = field(default_factory=dict)  # task -> entry with which it last acted

    @property
    def outcome(self) -> Outcome:
        """Tell where the run stands."""
        if self.rolled_back:
            return Outcome.ROLLED_BACK
        if self.tasks and all(map(self.is_done, self.tasks.values())):
            return self._outcome_of_done()
        if self.held:
            return Outcome.HELD
        return Outcome.STOPPED if self.ended else Outcome.OPEN

    def _outcome_of_done(self) -> Outcome:
        """Tell where a run stands that needs nothing more: what is armed may still go back."""
        if armed := armed_in(self):
            return Outcome.STOPPED if any(each.missed for each in armed) else Outcome.HELD
        proven = not self.without and all(map(self.is_proven, self.tasks.values()))
        return Outcome.PROVEN if proven else Outcome.FINISHED

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more is to come of it."""
        return self.outcome in OVER

    @property
    def kind(self) -> str:
        """Return what people call it: `Run`, or `Rollback`."""
        return "Rollback" if self.undoes else "Run"

    @property
    def order(self) -> list[str]:
        """Return its tasks, each once, as the runbook has them."""
        return list(dict.fromkeys(name for name, _ in self.tasks))

    def task_of(self, place: str) -> str:
        """Return the task that a task or hold comes to: of a hold, the one before it."""
        return next((hold.after for hold in self.holds if hold.label == place), place)

    @property
    def done(self) -> int:
        """Return how many tasks need nothing more."""
        return sum(map(self.is_done, self.tasks.values()))

    @property
    def is_in_doubt(self) -> bool:
        """Tell whether an act of it began whose end is not on record."""
        return any(task.in_doubt for task in self.tasks.values())

    def is_done(self, task: Task) -> bool:
        """Tell whether a task needs nothing more in this run."""
        done = SETTLED | {TaskState.ROLLED_BACK} if self.undoes else SETTLED
        return task.state in done and not task.in_doubt

    def is_proven(self, task: Task) -> bool:
        """Tell whether a task is done, and proven: neither left out nor taken on somebody's word.

        In a rollback, what cannot be undone counts once somebody accepted that.
        """
        return self.is_done(task) and not task.unproven and not (task.skipped and not self.undoes)

    def receipts(self) -> list[Receipt]:
        """Return what a rollback has to undo, newest first."""
        held = [task.receipt for task in self.tasks.values() if task.receipt is not None]
        return sorted(held, key=lambda receipt: receipt.seq, reverse=True)

    def on_targets(self, task: str) -> list[Task]:
        """Return a task on each target that it is for."""
        return [each for (name, _), each in self.tasks.items() if name == task]

    def has_come_to(self, hold: Hold) -> bool:
        """Tell whether everything up to a hold is done."""
        order = self.order
        if hold.after not in order:
            return False
        before = set(order[: order.index(hold.after) + 1])
        return all(self.is_done(task) for (name, _), task in self.tasks.items() if name in before)

    def next_task(self) -> Task | None:
        """Return the first task that is not done, in the order of the runbook."""
        return next((task for task in self.tasks.values() if not self.is_done(task)), None)

    def declare(self, declared: Iterable[Declared]) -> None:
        """Take the calls of the runbook as it reads now; what it no longer names stays known.

        Tasks that were removed from the runbook keep their receipts, so a rollback still finds
        them, and count no longer toward the outcome unless something of them is left. Those of a
        target that is left out count all the same: nothing was asked of it.
        """
        known = self.tasks
        self.tasks = {}
        for call in declared:
            task = known.pop(call.key, None) or Task(call)
            task.declared = call
            self.tasks[call.key] = task
        for key, task in known.items():
            if task.receipt is not None or task.declared.target in self.without:
                task.forget_refusal()  # a call that is gone refuses no more
                self.tasks[key] = task

    def apply(self, entry: Entry) -> None:
        """Take one entry of this run into account."""
        if consent := entry.body.get("consent"):
            self.spent[str(consent), entry.reason] = entry.attempt
        self.arms |= "confirm_minutes" in entry.body
        self.stakes |= "stake" in entry.body
        match entry.event:
            case event if event in BESIDE:
                self.beside.append(entry)
            case Event.ATTEMPT_STARTED:
                self._start(entry)
            case Event.ATTEMPT_ENDED:
                self.ended = True
                self.held = str(entry.body.get("held", ""))
            case Event.RUN_ROLLED_BACK:
                self.rolled_back = True
            case Event.RUN_PROVEN:
                self.proven = True
            case Event.STEP_MOVED:
                self._move((entry.task, entry.target), str(entry.body["to"]))
            case _ if entry.task:
                self._take(entry)

    def _start(self, entry: Entry) -> None:
        """Take over what an attempt says of the runbook and of who carries it out."""
        self.attempts = entry.attempt
        self.ended, self.held = False, ""
        self.plan = str(entry.body.get("plan_sha256", ""))
        self.machines[entry.attempt] = str(entry.body.get("machine", ""))
        self.operators |= {entry.actor, str(entry.body.get("os_user", entry.actor))}
        self.owners |= entry.body.get("owners", {})
        self.expected = dict(entry.body.get("expected", {}))
        self.asks = dict(entry.body.get("asks", {}))
        self.drilled = entry.body.get("drilled", self.drilled)
        self.without = list(entry.body.get("without", []))
        self.undo_minutes = entry.body.get("undo_minutes")
        self.window_ends = entry.body.get("window_ends", "")
        self.holds = [Hold(*each) for each in entry.body.get("holds", [])]
        self.declare(Declared(*call) for call in entry.body["declared"])

    def _take(self, entry: Entry) -> None:
        self.proven = False  # something happened since
        key = (entry.task, entry.target)
        call = Declared(entry.task, entry.step, entry.target, "")
        task = self.tasks.setdefault(key, Task(call))
        if entry.run == self.id:
            task.apply(entry)
        else:
            task.put_back(entry)
        if task.acted_seq == entry.seq:
            self.acted[entry.task] = entry.seq

    def _move(self, key: tuple[str, str], to: str) -> None:
        """Take into account that a call was renamed: what is on record goes on under its new id."""
        moved = self.tasks.pop(key)
        name = self.tasks[to, key[1]].declared.name if (to, key[1]) in self.tasks else ""
        moved.move(to, name)
        self.acted[to] = max(self.acted.get(key[0], 0), self.acted.get(to, 0))
        self.tasks[to, key[1]] = moved


def fold(entries: Iterable[Entry]) -> dict[str, Run]:
    """Return every run by id, oldest first.

    Raises:
        LedgerDamaged: an entry does not say what its event requires.
    """
    runs: dict[str, Run] = {}
    for entry in entries:
        try:
            take(entry, runs)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LedgerDamaged(
                "the ledger was not understood",
                f"entry {entry.seq} ({entry.event}) lacks what it has to say: {error!r}",
                "handrail verify, then restore the ledger from its backup",
            ) from None
    return runs


def take(entry: Entry, runs: dict[str, Run]) -> None:
    """Take one more entry of a ledger into account."""
    if entry.event is Event.RUN_OPENED:
        runs[entry.run] = Run(
            id=entry.run,
            runbook=entry.body["runbook"],
            opened_at=entry.at,
            undoes=entry.body.get("undoes", ""),
            reason=entry.reason,
            actor=entry.actor,
            drill=entry.body.get("drill", ""),
        )
    run = runs.get(entry.run)
    if run is None:
        return
    run.apply(entry)
    if entry.event is Event.STEP_ROLLED_BACK and run.undoes in runs:
        runs[run.undoes].apply(entry)
