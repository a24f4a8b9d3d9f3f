"""One start of the command: which run it belongs to, what it may write, what it says at the end."""

import atexit
import getpass
import hashlib
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import gevent
import structlog
from pyinfra import host, logger, state
from pyinfra.api.exceptions import PyinfraError
from pyinfra_cli.exceptions import CliError

from operations.engine import closing
from operations.engine.inventory import Inventory
from state.entry import Event, canonical, now
from state.errors import LedgerUnwritable, RunbookError
from state.ledger import Fact, NoLedger, SqliteLedger, open_ledger
from state.lock import HEARTBEAT_SECONDS, Lease, Owner
from state.run import Declared, Run, Task, fold
from state.secrets import Vault

log = structlog.get_logger()


class Refused(CliError, PyinfraError):
    """A refusal in the shape that pyinfra lets through, printed as it is and nothing beside it."""

    def show(self, file: Any = None) -> None:  # Any: click's own signature
        """Print what, why and next."""
        click.echo(f"--> Refused: {self.message}", file=file, err=True)


@dataclass(frozen=True)
class Choices:
    """What the operator said with ``--data``."""

    reason: str
    drift: str
    settle: str
    operator: str

    @classmethod
    def given(cls) -> "Choices":
        """Read them from pyinfra's override data."""
        said = {name: str(host.data.get(name) or "") for name in ("reason", "drift", "settle")}
        operator = str(host.data.get("operator") or "") or getpass.getuser()
        return cls(operator=operator, **said)

    def settlement(self, task: str) -> str:
        """Return retry, adopt or skip where the operator settled this task, else nothing."""
        name, _, choice = self.settle.rpartition(":")
        return choice if name == task else ""


@dataclass
class Session:
    """Everything one start of the command knows; there is one per process."""

    runbook: str
    inventory: Inventory
    choices: Choices
    ledger: SqliteLedger | NoLedger
    run: Run
    runs: dict[str, Run]
    vault: Vault
    body: Mapping[str, Any]  # Any: JSON; what run.opened says beside the runbook's name
    calls: dict[tuple[str, str], Declared] = field(default_factory=dict)
    order: dict[str, str] = field(default_factory=dict)  # task -> where it was called
    plan: list[tuple[Declared, str, str]] = field(default_factory=list)
    lease: Lease | None = None
    attempt: int = 0
    stopped_by: str = ""
    executed: bool = False

    @property
    def environment(self) -> str:
        """Return the environment's name."""
        return self.inventory.environment

    def declare(self, task: str, step: str, name: str, place: str, *, selected: bool) -> None:
        """Take a call of the runbook into account.

        Raises:
            RunbookError: the task id is used at another place of the runbook, too.
        """
        again = selected and (task, host.name) in self.calls
        if self.order.setdefault(task, place) != place or again:
            raise RunbookError(
                f"runbook `{self.runbook}` was not started",
                f"task `{task}` stands at {self.order[task]} and at {place}",
                "give each call of the runbook a task id of its own",
            )
        if selected:
            key = (task, host.name)
            self.calls[key] = Declared(task, step, host.name, name)
            self.run.tasks.setdefault(key, Task(self.calls[key]))

    def task(self, task: str) -> Task:
        """Return what is known of a task on this target."""
        return self.run.tasks[task, host.name]

    def write(self) -> None:
        """Become the writer and open the attempt; the first step of a target calls it.

        Raises:
            RunbookError: another process is at work, the ledger is not to be trusted or does not
                take entries, or a task of the runbook has no target.
        """
        if self.lease is not None:
            return
        self.refuse_orphan_tasks()
        owner = Owner.this_process(self.choices.operator)
        ledger = open_ledger(self.inventory.ledger, self.environment, create=True)
        if isinstance(ledger, NoLedger):  # narrows the type; create=True makes the file
            raise LedgerUnwritable("the ledger was not made", "it is not there", "see `df -h`")
        before = ledger.lease()
        self.ledger = ledger
        self.vault = Vault.beside(ledger.path)
        self.lease = ledger.take_lease(owner)
        self.runs = fold(ledger.entries())
        known = self.runs.get(self.run.id)
        calls = self.declared()
        if known is None:
            self.run = Run(self.run.id, self.runbook, "", str(self.body.get("undoes", "")))
            self.run.declare(calls)
        else:
            self.run = known
        self.attempt = self.run.attempts + 1
        if before is not None and before.held:
            gone = f"process {before.owner.pid} of {before.owner.actor} is gone; "
            silent = f"it was last heard of {before.silence().seconds} s ago"
            self.append(Event.LOCK_TAKEN_OVER, reason=gone + silent)
        if known is None:
            opened = {"runbook": self.runbook} | dict(self.body)
            self.append(Event.RUN_OPENED, reason=self.choices.reason, body=opened)
        self.append(
            Event.ATTEMPT_STARTED,
            reason=self.choices.reason,
            body={
                "declared": [[each.task, each.step, each.target, each.name] for each in calls],
                "runbook_sha256": hashlib.sha256(Path(closing.runbook_file()).read_bytes()).hexdigest(),
                "inventory": closing.inventory_file(),
            },
        )
        gevent.spawn(self._beat)

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
        """Record a fact; it is on disk when this returns, and folded into the run."""
        if self.lease is None or isinstance(self.ledger, NoLedger):
            raise LedgerUnwritable(
                f"`{event}` was not recorded",
                "this process is not the writer",
                "run the same command again",
            )
        target = host.name if task else ""
        fact = Fact(
            event=event,
            run=run or self.run.id,
            attempt=self.attempt,
            actor=self.choices.operator,
            task=task,
            step=step,
            target=target,
            reason=reason,
            body=body,
        )
        entry = self.ledger.append(fact, self.lease.fence)
        if entry.run == self.run.id:
            self.run.apply(entry)
        if event is Event.STEP_ROLLED_BACK and self.run.undoes in self.runs:
            self.runs[self.run.undoes].apply(entry)
        log.info(event.value, run=entry.run, attempt=self.attempt, task=task, target=target)

    def refuse_orphan_tasks(self) -> None:
        """Raise where a task of the runbook would run on no target at all."""
        for task, place in self.order.items():
            if not any(called == task for called, _ in self.calls):
                raise RunbookError(
                    f"runbook `{self.runbook}` was not started",
                    f"task `{task}` ({place}) runs on no target of `{self.environment}`",
                    "put a target into the group its `on=` names, in the inventory",
                )

    def stop(self, where: str) -> None:
        """Let no step start anywhere after a failure on one target."""
        self.stopped_by = self.stopped_by or where

    def end(self) -> None:
        """Say goodbye in the ledger: the run's outcome is what it holds now."""
        if self.lease is None or isinstance(self.ledger, NoLedger):
            return
        outcome = self.run.outcome
        if outcome == "proven" and not self.run.proven:
            self.append(Event.RUN_PROVEN)
        self.append(Event.ATTEMPT_ENDED, body={"outcome": outcome, "stopped_by": self.stopped_by})
        self.ledger.release_lease(self.lease.fence)

    def _beat(self) -> None:
        while self.lease is not None and isinstance(self.ledger, SqliteLedger):
            gevent.sleep(HEARTBEAT_SECONDS)
            self.ledger.heartbeat(self.lease.fence)


_session: Session | None = None
_refusal: RunbookError | None = None


def current() -> Session:
    """Return the session of this process.

    Raises:
        Refused: the runbook did not call `begin()`.
    """
    if _session is None:
        raise Refused("the runbook calls a step before `begin()`; put `begin()` first in the file")
    return _session


def open_session(
    needs: Mapping[str, type] | None,
    choose: Callable[[dict[str, Run], str], tuple[Run, dict[str, Any]]],
) -> Session:
    """Open the one session, or return it: pyinfra runs a runbook once for each target.

    Args:
        needs: By group, a TypedDict of the data its targets must hold; None asks for nothing.
        choose: From the runs on record and the runbook's name, the run to carry on or to open.

    Raises:
        Refused: with what, why and next, before anything was done.
    """
    global _session, _refusal  # one process carries one attempt
    if _session is not None:
        return _session
    try:
        if _refusal is not None:
            raise _refusal
        inventory = Inventory.here(needs)
        inventory.refuse_unready()
        runbook = Path(closing.runbook_file()).stem
        ledger = open_ledger(inventory.ledger, inventory.environment, create=False)
        lease = ledger.lease()
        if lease is not None and not closing.is_dry():
            lease.refuse_if_held()
        runs = fold(ledger.entries())
        run, body = choose(runs, runbook)
        vault = Vault.beside(Path(inventory.ledger), planning=True)
        choices = Choices.given()
    except RunbookError as refusal:
        _refusal = refusal
        raise refuse(refusal) from None
    _session = Session(runbook, inventory, choices, ledger, run, runs, vault, body)
    _log_to(Path(inventory.ledger).with_suffix(".log"))
    atexit.register(closing.close, _session)
    return _session


def begin(needs: Mapping[str, type] | None = None) -> None:
    """Open or resume the run of this runbook on this environment; first call of a runbook.

    Args:
        needs: By group, a TypedDict of the data the runbook needs of its targets; anything
            missing, unknown or of another type is refused before the first step.

    Raises:
        Refused: ``--no-wait``, ``--limit``, no terminal without ``-y``, a target that did not
            connect, a ledger that is not to be trusted, another process at work.
    """
    open_session(needs, latest_or_new)


def latest_or_new(runs: dict[str, Run], runbook: str) -> tuple[Run, dict[str, Any]]:
    """Choose the newest run of a runbook that was not rolled back, else a new one."""
    for run in reversed(runs.values()):
        if run.runbook == runbook and not run.rolled_back:
            return run, {}
    return Run(new_id(runs, runbook), runbook, ""), {}


def new_id(runs: dict[str, Run], runbook: str) -> str:
    """Return a run id: runbook, minute, and a number where a minute saw more than one."""
    base = f"{runbook}-{now():%Y%m%dT%H%MZ}"
    number = 1
    while (name := base if number == 1 else f"{base}-{number}") in runs:
        number += 1
    return name


def refuse(refusal: RunbookError) -> Refused:
    """Return a refusal in the shape that pyinfra prints as it is."""
    return Refused(str(refusal))


def say(message: str) -> None:
    """Tell the operator something while a step or gate is at work."""
    logger.info(f"{host.print_prefix}{message}")


def is_executing() -> bool:
    """Tell planning from doing."""
    return bool(state.is_executing)


def _log_to(path: Path) -> None:
    """Send the event log beside the ledger, one JSON object a line, opened at the first event."""

    def write(_: object, __: str, event: Mapping[str, Any]) -> str:
        with path.open("a", encoding="utf-8") as file:
            file.write(canonical(dict(event)) + "\n")
        raise structlog.DropEvent

    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    level = structlog.processors.add_log_level
    structlog.configure(processors=[level, stamp, write], cache_logger_on_first_use=False)
    structlog.contextvars.bind_contextvars(pid=os.getpid(), machine=socket.gethostname())
