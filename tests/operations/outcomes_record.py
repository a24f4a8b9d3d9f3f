"""What the gates say that ask the ledger: of real entries in a real file."""

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.budget import Budget
from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.guarded import Guard
from handrail.engine.contract import ask
from handrail.engine.eventlog import EventLog
from handrail.engine.finding import Verdict
from handrail.engine.inventory import Inventory
from handrail.engine.record import Record
from handrail.ledger.chain import Head
from handrail.ledger.entry import Event
from handrail.ledger.kept import Kept as Place
from handrail.ledger.lease import Owner
from handrail.ledger.seam import Fact
from handrail.ledger.secrets import Vault
from handrail.ledger.store import SqliteLedger
from tests.operations.gates import gates, outcome

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR
PLAN = [["9.1", "a.b", "web", ""], ["11.2", "a.c", "web", ""], ["11.3", "a.d", "web", ""]]
BEGUN = {"arguments": {}, "digest": "d", "before": None}
ASKED = {
    "runbook": "cutover",
    "backups": ["9.1"],
    "soak": "11.3",
    "switched": "11.2",
    "window_seconds": 0,
    "drilled": False,
}


class Kept:
    """A ledger in a file, written as an attempt writes it."""

    def __init__(self, directory):
        """Open a run of the plan."""
        self.ledger = SqliteLedger.create(directory / "kept.sqlite", "lab")
        self.lease = self.ledger.take_lease(Owner.this_process("ada"))
        self.say(Event.RUN_OPENED, runbook="cutover")
        self.say(Event.ATTEMPT_STARTED, declared=PLAN, undo_minutes=15)

    def say(self, event, task="", reason="", **body):
        """Record a fact."""
        step = {each[0]: each[1] for each in PLAN}.get(task, "")
        target = "web" if task else ""
        fact = Fact(event, "up", 1, "ada", task, step, target, reason, body)
        self.ledger.append([fact], self.lease.token)

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
        path, runs = self.ledger.path, self.ledger.runs()
        run = next(runs.newest())
        if forged:
            self.forge()
            runs = self.ledger.runs()
        choices = Choices("why", "ada", (), "", (), overrides=overrides)
        vault, calls = Vault.beside(path, planning=True), Calls("retire")
        where = Inventory("lab", Place(path), None)
        log = EventLog(where.ledger.with_suffix(".log"))
        seen = Attempt(where, choices, self.ledger, run, runs, vault, {}, Head(), calls, log)
        seen.guard, seen.budget = Guard(), Budget(15, "")
        return ask(gates()[name].ensures, arguments | {"record": Record(seen)})

    def forge(self):
        """Change an entry without its hash."""
        text = self.ledger.path.read_bytes()
        assert b"a.c" in text
        self.ledger.path.write_bytes(text.replace(b"a.c", b"a.x"))


def kept(stage):
    """Return a ledger on a stage."""
    return Kept(stage.directory)


@outcome("interlock.is_over", PASS)
def all_of_it_is_on_record(stage):
    """Backed up, switched, watched."""
    return kept(stage).done("9.1", "11.2", "11.3").ask("interlock.is_over", **ASKED)


@outcome("interlock.is_over", PASS)
def it_is_overridden(stage):
    """What is missing is named all the same."""
    found = kept(stage).done("11.2", "11.3").ask("interlock.is_over", "interlock", **ASKED)
    assert "task 9.1 is no proven backup" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def it_was_never_run(stage):
    """Another runbook's run does not count."""
    return kept(stage).ask("interlock.is_over", **ASKED | {"runbook": "release"})


@outcome("interlock.is_over", FAIL)
def the_backup_is_in_doubt(stage):
    """Its end is not on record."""
    there = kept(stage).done("11.2", "11.3")
    there.say(Event.STEP_STARTED, "9.1", **BEGUN)
    found = there.ask("interlock.is_over", **ASKED)
    assert "task 9.1 is in doubt on web" in found.why
    assert "task 9.1 is no proven backup" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def the_watch_was_skipped(stage):
    """A skip with a reason is no proof; one without is named as well."""
    there = kept(stage).done("9.1", "11.2")
    there.say(Event.STEP_SKIPPED, "11.3")
    found = there.ask("interlock.is_over", **ASKED)
    assert "the watch of task 11.3 did not pass" in found.why
    assert "task 11.3 was skipped, with no reason" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def it_is_too_soon(stage):
    """A day has to pass."""
    there = kept(stage).done("9.1", "11.2", "11.3")
    found = there.ask("interlock.is_over", **ASKED | {"window_seconds": 86400})
    assert "1 day, 0:00:00 are asked for" in found.why
    return found


@outcome("interlock.is_over", FAIL)
def it_was_not_drilled(stage):
    """No ledger beside it has a drill of it."""
    there = kept(stage).done("9.1", "11.2", "11.3")
    found = there.ask("interlock.is_over", **ASKED | {"drilled": True})
    assert "no drill" in found.why
    return found


@outcome("interlock.is_over", ERROR)
def the_ledger_was_changed(stage):
    """What is not as it was written proves nothing."""
    return kept(stage).done("9.1", "11.2", "11.3").ask("interlock.is_over", forged=True, **ASKED)


@outcome("way_back.fits", FAIL)
def nobody_measured_it(stage):
    """No data never passes."""
    found = kept(stage).done("9.1").ask("way_back.fits")
    assert "Nobody measured" in found.why
    return found


@outcome("way_back.fits", PASS)
def there_is_nothing_to_undo(stage):
    """Nothing takes no time."""
    return kept(stage).ask("way_back.fits")


@outcome("way_back.fits", PASS)
def the_budget_is_overridden(stage):
    """On record, with a reason."""
    return kept(stage).done("9.1").ask("way_back.fits", "budget")


@outcome("way_back.fits", ERROR)
def an_earlier_run_was_changed(stage):
    """Durations of a forged ledger count nothing."""
    return kept(stage).done("9.1", "11.2").ask("way_back.fits", forged=True)
