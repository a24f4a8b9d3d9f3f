"""One start of the command: which run it belongs to, what it may write, what it learnt."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from pyinfra.context import host

from handrail.clients.masking import masked, masked_data
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.command import inventory_file, runbook_file
from handrail.engine.attempt.heartbeat import keep_beating
from handrail.engine.inventory import Inventory
from handrail.ledger.chain import Head
from handrail.ledger.entry import Event
from handrail.ledger.errors import LedgerUnwritable, RunbookError, RunLocked
from handrail.ledger.lease import BEATS, Owner
from handrail.ledger.run import Declared, Outcome, Run, Task
from handrail.ledger.runs import Runs
from handrail.ledger.seam import Fact, NoLedger
from handrail.ledger.secrets import Vault
from handrail.ledger.store import SqliteLedger, open_ledger
from handrail.ledger.writer import Writer

TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # typed in `settle=` and `to=`

log = structlog.get_logger()


@dataclass(frozen=True)
class Planned:
    """What would happen to one call, why, and in full where its step has a preview."""

    declared: Declared
    decision: str
    why: str
    preview: str = ""


@dataclass
class Attempt:
    """Everything one start of the command knows; there is one per process."""

    runbook: str
    inventory: Inventory
    choices: Choices
    ledger: SqliteLedger | NoLedger
    run: Run
    runs: Runs
    vault: Vault
    body: Mapping[str, Any]  # Any: JSON; what run.opened says beside the runbook's name
    seen: Head  # the newest entry when the plan was made, checked
    calls: dict[tuple[str, str], Declared] = field(default_factory=dict)
    order: dict[str, str] = field(default_factory=dict)  # task -> where it was called
    last: dict[str, str] = field(default_factory=dict)  # target -> the task declared last on it
    # By task and target: the arguments that its call leaves out; Any: JSON.
    bindings: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    plan: list[Planned] = field(default_factory=list)
    writer: Writer | None = None
    number: int = 0
    stopped_by: str = ""

    @property
    def environment(self) -> str:
        """Return the environment's name."""
        return self.inventory.environment

    def declare(self, task: str, step: str, name: str, place: str, *, selected: bool) -> None:
        """Take a call of the runbook into account.

        Raises:
            RunbookError: the task id is used at another place, too, or cannot be typed.
        """
        if not TASK_ID.fullmatch(task):
            raise RunbookError(
                f"runbook `{self.runbook}` was not started",
                f"`{task}` ({place}) is not a task id",
                "use letters, digits, `.`, `_` and `-`, as the plan does: `3.2`",
            )
        again = selected and (task, host.name) in self.calls
        self._take_place(task, place)
        if self.order[task] != place or again:
            raise RunbookError(
                f"runbook `{self.runbook}` was not started",
                f"task `{task}` stands at {self.order[task]} and at {place}",
                "give each call of the runbook a task id of its own",
            )
        if selected:
            key = (task, host.name)
            call = self.calls[key] = Declared(task, step, host.name, name)
            self.run.tasks.setdefault(key, Task(call)).declared = call

    def _take_place(self, task: str, place: str) -> None:
        """Put a new task after the one before it on this target: a loop may be longer elsewhere."""
        if task not in self.order:
            known = list(self.order.items())
            before = self.last.get(host.name)
            at = list(self.order).index(before) + 1 if before else 0
            self.order = dict([*known[:at], (task, place), *known[at:]])
        self.last[host.name] = task

    def refuse_later(self, task: str, wanted_by: str) -> None:
        """Raise where a call reads the output of a task that does not stand before it."""
        if task not in self.order:
            raise RunbookError(
                f"runbook `{self.runbook}` was not started",
                f"task `{wanted_by}` reads what task `{task}` recorded, and that is not before it",
                "correct the id in `output(…)`, or change the order of the calls",
            )

    def task(self, task: str) -> Task:
        """Return what is known of a task on this target."""
        return self.run.tasks[task, host.name]

    def write(self) -> None:
        """Become the writer and open the attempt; the first step of a target calls it.

        Raises:
            RunbookError: another process is at work or was since the plan was made, the ledger is
                not to be trusted or does not take entries, or a task of the runbook has no target.
        """
        if self.writer is not None:
            return
        self.refuse_idle_tasks()
        ledger = open_ledger(self.inventory.ledger, self.environment, create=True)
        if isinstance(ledger, NoLedger):  # narrows the type; create=True makes the file
            raise LedgerUnwritable("the ledger was not made", "it is not there", "see `df -h`")
        self.ledger = ledger
        self.vault = Vault.beside(ledger.path, known=ledger.vault())
        owner = Owner.this_process(self.choices.operator)
        lease = ledger.take_lease(owner, self.inventory.lease_seconds, self.choices.takeover)
        self.writer = Writer(ledger, lease)
        try:
            if not self.vault.known:
                ledger.bind_vault(self.vault.fingerprint())
            self._open_attempt(lease.took_over)
        except RunbookError:
            self.writer.release()
            self.writer = None
            raise
        keep_beating(self.writer.beat, lease.seconds / BEATS)

    def _open_attempt(self, took_over: str) -> None:
        if self.writer is None or self.writer.ledger.since(self.seen.seq):
            raise RunLocked(
                f"runbook `{self.runbook}` did not start",
                "another command was at work on this environment since this one made its plan",
                "the same command again; it resumes from what the ledger holds",
            )
        known = self.runs.get(self.run.id)
        calls = self.declared()
        self.run = known or Run(self.run.id, self.runbook, "", str(self.body.get("undoes", "")))
        self.number = self.run.attempts + 1
        if took_over:
            self.append(Event.LOCK_TAKEN_OVER, reason=took_over)
        if known is None:
            opened = {"runbook": self.runbook} | dict(self.body)
            self.append(Event.RUN_OPENED, reason=self.choices.reason, body=opened)
        self.append(
            Event.ATTEMPT_STARTED,
            reason=self.choices.reason,
            body={
                "declared": [[each.task, each.step, each.target, each.name] for each in calls],
                "runbook_sha256": hashlib.sha256(Path(runbook_file()).read_bytes()).hexdigest(),
                "inventory": inventory_file(),
            },
        )

    def declared(self) -> list[Declared]:
        """Return every call on every target, in the order of the runbook."""
        places = {task: place for place, task in enumerate(self.order)}
        return sorted(self.calls.values(), key=lambda each: (places[each.task], each.target))

    def append(
        self,
        event: Event,
        *,
        task: str = "",
        step: str = "",
        reason: str = "",
        body: Mapping[str, Any] | None = None,  # Any: JSON
        run: str = "",
    ) -> None:
        """Record a fact and fold it into the run; an intent is on disk when this returns."""
        if self.writer is None:
            raise LedgerUnwritable(
                f"`{event}` was not recorded",
                "this process is not the writer",
                "run the same command again",
            )
        target = host.name if task else ""
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
        entry = self.writer.record(fact)
        if entry.run == self.run.id:
            self.run.apply(entry)
        if event is Event.STEP_ROLLED_BACK and self.run.undoes in self.runs:
            self.runs[self.run.undoes].apply(entry)
        log.info(event.value, run=entry.run, attempt=self.number, task=task, target=target)

    def refuse_idle_tasks(self) -> None:
        """Raise where a task of the runbook would run on no target at all."""
        for task, place in self.order.items():
            if not any(called == task for called, _ in self.calls):
                raise RunbookError(
                    f"runbook `{self.runbook}` was not started",
                    f"task `{task}` ({place}) runs on no target of `{self.environment}`",
                    "correct its `on=`, or put a target of that name or group into the inventory",
                )

    def stop(self, where: str) -> None:
        """Let no step start anywhere after a failure on one target."""
        self.stopped_by = self.stopped_by or where

    def place(self, task: Task) -> str:
        """Return what ``settle=`` calls a task: with its target where it has more than one."""
        name, target = task.declared.task, task.declared.target
        elsewhere = any(key[0] == name and key[1] != target for key in self.run.tasks)
        return f"{name}@{target}" if elsewhere else name

    def settlement(self, task: Task) -> str:
        """Return retry, adopt or skip where the operator settled this task, else nothing."""
        settled = self.choices.settlements
        exact = f"{task.declared.task}@{task.declared.target}"
        return settled.get(exact, settled.get(self.place(task), ""))

    def end(self) -> None:
        """Say goodbye in the ledger: the run's outcome is what it holds now."""
        if self.writer is None:
            return
        outcome = self.run.outcome
        if outcome is Outcome.PROVEN and not self.run.proven:
            self.append(Event.RUN_PROVEN)
        self.append(Event.ATTEMPT_ENDED, body={"outcome": outcome, "stopped_by": self.stopped_by})
        self.writer.release()
        self.writer = None

    def refuse_stale(self) -> None:
        """Raise before an effect where another process took over; the ledger's store says so.

        Raises:
            RunLocked: it did; it settles what this process leaves in doubt.
        """
        if self.writer is not None:
            self.writer.refuse_stale()
