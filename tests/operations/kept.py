"""A ledger in a file, written as an attempt writes it, and asked as a gate asks it."""

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.budget import Budget
from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.guarded import Guard
from handrail.engine.clause import ask
from handrail.engine.eventlog import EventLog
from handrail.engine.inventory import Inventory
from handrail.engine.record import Record
from handrail.ledger.chain import Head
from handrail.ledger.entry import Event
from handrail.ledger.kept import Kept as Place
from handrail.ledger.lease import Owner
from handrail.ledger.seam import Fact
from handrail.ledger.secrets import Vault
from handrail.ledger.store import SqliteLedger
from tests.operations.cloud import unused
from tests.operations.gates import gates

PLAN = [["9.1", "a.b", "web", ""], ["11.2", "a.c", "web", ""], ["11.3", "a.d", "web", ""]]
BEGUN = {"arguments": {}, "digest": "d", "before": None}


class Kept:
    """A ledger in a file, written as an attempt writes it."""

    def __init__(self, directory):
        """Open a run of the plan."""
        self.ledger = SqliteLedger.create(directory / f"{unused('kept')}.sqlite", "lab")
        self.lease = self.ledger.take_lease(Owner.this_process("ada"))
        self.say(Event.RUN_OPENED, runbook="cutover")
        self.say(Event.ATTEMPT_STARTED, declared=PLAN, undo_minutes=15)

    def say(self, event, task="", reason="", **body):
        """Record a fact."""
        step = {each[0]: each[1] for each in PLAN}.get(task, "")
        target = "web" if task else ""
        fact = Fact(event, "up", 1, "ada", task, step, target, reason, body)
        self.ledger.append([fact], self.lease.token)

    def looked(self, *samples):
        """Let the watch tell samples; it goes on."""
        self.say(Event.GATE_OPENED, "11.3")
        for each in samples:
            self.say(Event.GATE_SAMPLED, "11.3", sample=each)
        return self

    def done(self, *tasks):
        """Let steps act, and the watch pass."""
        for task in tasks:
            if task == "11.3":
                self.say(Event.GATE_OPENED, task)
                self.say(Event.GATE_PASSED, task)
            else:
                self.say(Event.STEP_STARTED, task, **BEGUN)
                self.say(Event.STEP_CHANGED, task, digest="d")
        return self

    def ask(self, name, *overrides, forged=False, **arguments):
        """Ask a gate what it makes of that; forged: an entry was changed since the run was read."""
        self.ledger.close()
        runs = self.ledger.runs()
        run = next(runs.newest())
        if forged:
            self.forge()
            runs = self.ledger.runs()
        record = self.record(run, runs, overrides)
        return ask(gates()[name].ensures, arguments | {"record": record})

    def asked(self):
        """Return it as a gate of a later attempt may ask it."""
        self.ledger.close()
        runs = self.ledger.runs()
        return self.record(next(runs.newest()), runs)

    def record(self, run, runs, overrides=()):
        """Return what a gate of this run is given."""
        choices = Choices("why", "ada", (), "", (), overrides=overrides)
        path = self.ledger.path
        vault, calls = Vault.beside(path, planning=True), Calls("retire")
        where = Inventory("lab", Place(path), None)
        log = EventLog(where.ledger.with_suffix(".log"))
        seen = Attempt(where, choices, self.ledger, run, runs, vault, {}, Head(), calls, log)
        seen.guard, seen.budget = Guard(), Budget(15, "")
        return Record(seen)

    def forge(self):
        """Change an entry without its hash."""
        text = self.ledger.path.read_bytes()
        assert b"a.c" in text
        self.ledger.path.write_bytes(text.replace(b"a.c", b"a.x"))
