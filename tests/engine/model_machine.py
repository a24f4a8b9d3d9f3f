"""Processes that carry the engine's own attempts out in memory, and what befalls them."""

from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis.stateful import RuleBasedStateMachine
from pyinfra.context import ctx_host, ctx_inventory, ctx_state

from handrail.engine import standing
from handrail.engine.attempt import opening, writing
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.consent import Consent
from handrail.engine.eventlog import EventLog
from handrail.engine.inventory import Inventory
from handrail.ledger import lease, writer
from handrail.ledger.errors import PreconditionUnmet, RunLocked
from handrail.ledger.kept import Kept
from handrail.ledger.lease import Owner
from handrail.ledger.seam import NoLedger
from handrail.ledger.store import SqliteLedger
from handrail.testing.machine import carried_out
from tests.engine import model_steps as steps
from tests.engine.model import GATE, Model

TASKS = ("1", "2", "3")
AGAIN = {"2", "3"}  # idempotent
STEPS = {"1": steps.once, "2": steps.again, "3": steps.mirror}
HERE = "@local"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # nothing here is about power
NEVER = -1


class Killed(BaseException):
    """The process is gone: nothing that comes after it in its code is ever run."""


class Processes(RuleBasedStateMachine):
    """A ledger, a world, and one process after the other that works on them."""

    def __init__(self):
        """Start with nothing: no folder, no process."""
        super().__init__()
        self.stack, self.model = ExitStack(), Model()
        self.plan = dict.fromkeys(TASKS, "a") | {"3": ""}
        self.started, self.alive = 0, set()
        self.fate, self.left = "kill", NEVER  # what happens after so many moments more
        self.dead, self.failing, self.leaves_orphans = False, "", False

    def settle_down(self):
        """Make a folder and a ledger's place, on this machine as the one target."""
        self.folder = Path(self.stack.enter_context(TemporaryDirectory(dir=MEMORY)))
        (self.folder / "up.py").write_text("")
        ctx_state.get().current_deploy_filename = str(self.folder / "up.py")
        self.stack.enter_context(ctx_inventory.use(ctx_host.get().inventory))
        self.kept = Kept(self.folder / "lab.sqlite")
        append = SqliteLedger.append
        for place, name, value in (
            (writing, "keep_beating", lambda *_: None),
            (writing, "Owner", mock.Mock(this_process=self.owner)),
            (lease, "_started", lambda pid: f"p{pid}" if pid in self.alive else ""),
            (writer.time, "sleep", lambda _: None),
            (standing, "orphan", self.orphan),
            (SqliteLedger, "append", lambda *given, **more: self.appended(append, *given, **more)),
        ):
            self.stack.enter_context(mock.patch.object(place, name, value))
        steps.WORLD, steps.EFFECT = self.model.world, self.effect

    def teardown(self):
        """Let go of the folder."""
        self.stack.close()

    def owner(self, actor):
        """Be a process of its own, alive until it ends or is killed."""
        self.started += 1
        self.alive.add(self.started)
        one = Owner.this_process(actor)
        return replace(one, pid=self.started, started=f"p{self.started}")

    def orphan(self, act, _):
        """Find what a killed process left at work."""
        there = act.task.declared.task in self.model.orphans
        return (
            PreconditionUnmet("it did not start", "an orphan is at work", "wait") if there else None
        )

    def pulse(self, *, between: bool = True):
        """Die or lose the lease here, where it is time; a lease goes between two acts only."""
        if self.dead or (self.left == 0 and self.fate == "kill"):
            self.dead = True
            raise Killed
        if self.left == 0 and between:
            self.steal()
        self.left = max(self.left - 1, NEVER)

    def steal(self):
        """Let another process take the lease from the one at work: not without a word of why."""
        ledger = self.kept.open("lab", create=False)
        if isinstance(ledger, NoLedger) or not ledger.lease().held:
            return
        token = ledger.lease().token
        with pytest.raises(RunLocked):
            ledger.take_lease(self.owner("eve"))
        assert ledger.take_lease(self.owner("eve"), takeover=str(token)).token > token
        ledger.close()
        self.model.stolen = True

    def appended(self, append, held, facts, token, *, durable=True):
        """Append as ever; a kill comes before or after, never in between."""
        self.pulse()
        entries = append(held, facts, token, durable=durable)
        for entry in entries:
            if entry.task:
                text = self.plan.get(entry.task, "")
                proven = entry.body.get("proven") is not False
                self.model.saw(entry.event, entry.task, text, durable=durable, proven=proven)
                if entry.event == "step.started" and entry.body.get("consent"):
                    self.said, self.saying = self.saying or self.said, None  # now it is spent
        self.pulse()
        return entries

    def effect(self, task, text):
        """Change the world, unless the act fails; a kill comes before or after."""
        try:
            self.pulse(between=False)
        except Killed:
            if self.leaves_orphans:
                self.model.orphans[task] = text
            raise
        if task == self.failing:
            return
        self.model.acted(task, text)
        self.pulse(between=False)

    def attempt(self, run, body, ledger, runs, consent, name):
        """Return an attempt as a command opens it."""
        said = (Consent.read(*consent),) if consent else ()
        choices = Choices("a reason", "ada", said, "", ())
        vault = self.kept.vault(ledger, planning=True)
        log = EventLog(self.folder / "lab.log")
        found = Attempt(
            Inventory("lab", self.kept, None), choices, ledger, run, runs, vault, body,
            ledger.trusted_head(), Calls(name), log,
        )  # fmt: skip
        opening._attempt = found
        return found

    def carry(self, calls):
        """Carry calls out till one does not go through, or the process is killed."""
        for commands in calls:
            good = False
            with suppress(Killed):
                good = all(carried_out(each) for each in commands)
            with suppress(Killed):
                commands.close()  # as pyinfra does where a command did not succeed
            self.model.check(idempotent=AGAIN)
            if self.dead or not good:
                break

    def ended(self, attempt):
        """Let a command come to its end, if it is alive; tell whether nothing had befallen it."""
        with suppress(Killed):
            try:
                if not self.dead:
                    attempt.end()
            except RunLocked:
                assert self.model.stolen
        befallen = self.dead or self.model.stolen or self.failing
        self.left, self.dead, self.failing = NEVER, False, ""
        self.alive.clear()
        self.model.stolen = self.model.rolling = False
        opening._attempt = None
        return not befallen

    def sound(self):
        """Hold the ledger to its chain, its story, and what was seen of each task."""
        ledger = self.kept.open("lab", create=False)
        if isinstance(ledger, NoLedger):
            return
        problems = self.kept.audit().problems
        assert not problems, problems
        newest = next((run for run in ledger.runs().newest() if not run.undoes), None)
        if newest is not None and not newest.rolled_back:
            for (task, _), each in newest.tasks.items():
                known = self.model.of(task)
                if task != GATE:
                    seen = (task, known.state, each.standing)
                    assert each.in_doubt == (known.state == "doubt"), seen
                    assert bool(each.receipt) == known.receipt, seen
