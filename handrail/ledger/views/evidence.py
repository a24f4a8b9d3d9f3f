"""Everything a ledger knows about one run, gathered for people to read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Self

from handrail.ledger.chain import Head
from handrail.ledger.entry import BESIDE, Entry, Event
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Run
from handrail.ledger.runs import Runs
from handrail.ledger.seam import Readable
from handrail.ledger.task import Task, TaskState
from handrail.ledger.views.attempts import Attempt, attempts_of
from handrail.ledger.views.spent import Spent, spent
from handrail.ledger.views.stakes import Stake, stakes_of
from handrail.ledger.views.times import Estimate, history, measured, way_back
from handrail.naming import ticked


class NoSuchRun(RunbookError):
    """The run an operator named is not on record."""


@dataclass(frozen=True)
class Reason:
    """What somebody gave as the reason of something."""

    at: str
    actor: str
    event: str
    text: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read it from the entry that it stands with."""
        return cls(entry.at, entry.actor, entry.event, entry.reason)


@dataclass(frozen=True)
class Failed:
    """What a command left behind that did not succeed."""

    at: str
    attempt: int
    command: str
    exit_status: int | None  # None where no shell ended
    output: str  # the end of it

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read it from the entry of a step that failed."""
        kept = entry.body["failure"]
        return cls(entry.at, entry.attempt, kept["command"], kept["exit_status"], kept["output"])

    @property
    def words(self) -> str:
        """Return which command it was, and how it ended."""
        ended = "did not succeed" if self.exit_status is None else f"ended with {self.exit_status}"
        return f"attempt {self.attempt}: `{self.command}` {ended}"


@dataclass
class TaskEvidence:
    """One task of the plan on one target."""

    task: str
    step: str
    target: str
    name: str
    state: TaskState
    why: str
    attempts: int
    started_at: str | None
    seconds: float | None
    in_doubt: bool
    owner: str = ""  # who answers for it
    is_gate: bool = False
    settled_at: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    arguments: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    before: Any = None  # Any: JSON
    acted: bool = False  # `before` was recorded
    reasons: list[Reason] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)  # oldest first

    def take(self, entry: Entry) -> None:
        """Take one entry about this task into account."""
        if entry.event in BESIDE:
            said = entry.reason or str(entry.body.get("with", ""))
            self.reasons.append(Reason(entry.at, entry.actor, entry.event, said))
            return
        self.is_gate |= entry.event.startswith("gate.")
        self.facts = entry.body.get("facts") or self.facts
        if entry.reason:
            self.reasons.append(Reason.of(entry))
        if "failure" in entry.body:
            self.failures.append(Failed.of(entry))
        if entry.event is Event.STEP_STARTED:
            self._begin(entry)
        elif entry.event not in (Event.GATE_OPENED, Event.GATE_SAMPLED):
            self.settled_at = entry.at

    def _begin(self, entry: Entry) -> None:
        """Take over what is recorded before an act."""
        if not self.acted:  # the first snapshot counts: later ones may show our own doing
            self.before = entry.body.get("before")
        self.acted = True
        self.arguments = entry.body.get("arguments") or {}


@dataclass
class Evidence:
    """One run as the ledger tells it."""

    environment: str
    run: Run
    tasks: list[TaskEvidence]
    attempts: list[Attempt]
    takeovers: list[Reason]
    rollbacks: list["Evidence"]  # the runs that undid this one, oldest first
    head: tuple[int, str]
    ended_at: str
    spent: Spent  # where its time went
    stakes: list[Stake] = field(default_factory=list)  # all that ever was at stake, oldest first
    way_back: Estimate = field(
        default_factory=Estimate
    )  # what undoing what stands takes, by what this ledger measured

    @property
    def operators(self) -> list[str]:
        """Return who started its attempts, each once."""
        return list(dict.fromkeys(attempt.actor for attempt in self.attempts))

    @property
    def seconds(self) -> float:
        """Return the time from its first start to the last thing recorded of it."""
        return seconds_between(self.run.opened_at, self.ended_at)

    def reasons(self) -> list[tuple[str, Reason]]:
        """Return every reason given, with what it is about, in the order of time."""
        found = [
            (f"attempt {each.number}", Reason(each.started_at, each.actor, "", each.reason))
            for each in self.attempts
            if each.reason
        ]
        found += [("lease", each) for each in self.takeovers]
        for task in self.tasks:
            found += [(f"task {task.task} on {task.target}", reason) for reason in task.reasons]
        return sorted(found, key=lambda each: each[1].at)

    def to_undo(self) -> list[TaskEvidence]:
        """Return the tasks a rollback would put back now, newest first."""
        held = {(each.task, each.target): place for place, each in enumerate(self.run.receipts())}
        tasks = [each for each in self.tasks if (each.task, each.target) in held]
        return sorted(tasks, key=lambda each: held[each.task, each.target])


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one recorded time to another."""
    took = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(took.total_seconds(), 0.0)


def choose(runs: Runs, wanted: str) -> Run:
    """Return the run an operator named; the newest for ``latest`` or nothing.

    Raises:
        NoSuchRun: with the ids that there are.
    """
    newest = list(islice(runs.newest(), 3))
    if newest and wanted in ("", "latest"):
        return newest[0]
    found = runs.get(wanted)
    if found is not None:
        return found
    runs.refuse_archived(wanted, f"run `{wanted}` was not read")
    raise _not_found(wanted, newest)


def _not_found(wanted: str, newest: Sequence[Run]) -> NoSuchRun:
    what = f"run `{wanted}` was not found" if wanted else "there is nothing to show"
    if not newest:
        fix = "start one: `pyinfra INVENTORY runbooks/RUNBOOK.py`"
        return NoSuchRun(what, "no run was recorded yet", fix)
    known = ticked(each.id for each in reversed(newest))
    return NoSuchRun(what, f"the newest on record are {known}", "see `handrail runs`")


def gather(ledger: Readable, wanted: str, runs: Runs | None = None) -> Evidence:
    """Gather what is known of a run and of the rollbacks of it.

    Args:
        ledger: Where it is on record.
        wanted: Its id; the newest for ``latest`` or nothing.
        runs: The runs of the ledger, for a caller that goes on with those that were read.

    Raises:
        NoSuchRun: no such run is on record.
        LedgerDamaged: what has to be read of the ledger is not what was written.
    """
    head = ledger.trusted_head()
    runs = runs or ledger.runs()
    run = choose(runs, wanted)
    rollbacks = [_one(ledger, each, head, []) for each in runs.undoing(run.id)]
    whole = _one(ledger, run, head, rollbacks)
    family = ledger.of_runs([run.id, *(each.run.id for each in rollbacks)])
    whole.stakes = stakes_of(family, run.id)
    known = measured(ledger.environment, history(runs, run.runbook))
    whole.way_back = way_back(run, known)
    return whole


def _one(
    ledger: Readable,
    run: Run,
    head: Head,
    rollbacks: list[Evidence],
) -> Evidence:
    own = ledger.of_runs([run.id])
    tasks = {key: _task(task, run.owners.get(key[0], "")) for key, task in run.tasks.items()}
    for entry in own:
        task = tasks.get(_as_called_now((entry.task, entry.target), own))
        if task is not None:
            task.take(entry)
    return Evidence(
        environment=ledger.environment,
        run=run,
        tasks=list(tasks.values()),
        attempts=attempts_of(own),
        takeovers=[Reason.of(entry) for entry in own if entry.event is Event.LOCK_TAKEN_OVER],
        rollbacks=rollbacks,
        head=(head.seq, head.sha256),
        spent=spent(own),
        ended_at=[e.at for e in own if e.event not in BESIDE | {Event.RUN_ROLLED_BACK}][-1],
    )


def _task(task: Task, owner: str) -> TaskEvidence:
    return TaskEvidence(
        task=task.declared.task,
        step=task.declared.step,
        target=task.declared.target,
        name=task.declared.name,
        state=task.state,
        why=task.why,
        attempts=len(task.attempts),
        started_at=task.started_at,
        seconds=task.seconds,
        in_doubt=task.in_doubt,
        owner=owner,
        before=task.receipt.before if task.receipt else None,
        acted=task.receipt is not None,
    )


def _as_called_now(key: tuple[str, str], own: Iterable[Entry]) -> tuple[str, str]:
    """Return under which id a task goes on, where its call was renamed while it was in doubt."""
    for entry in own:
        if entry.event is Event.STEP_MOVED and (entry.task, entry.target) == key:
            key = (str(entry.body["to"]), entry.target)
    return key
