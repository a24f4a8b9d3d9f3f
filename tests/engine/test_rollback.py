"""Undoing a run: newest first, proven, durable, and never over what somebody else changed."""

from types import SimpleNamespace

import pytest

from handrail.engine import undo
from handrail.engine.attempt.choosing import receipts_to_undo
from handrail.engine.finding import holds
from handrail.ledger.errors import NotProven
from handrail.ledger.run import Run
from handrail.ledger.task import Declared, Receipt, Task

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.print_to(path=f"{room}/b", text="2", task="2")'
C = 'steps.append(path=f"{room}/c", line="x", task="3.10")'
KEEP = 'steps.keep(path=f"{room}/s", value="env:CANARY", task="4")'


@pytest.fixture
def done(pair):
    """Return an environment with a proven run on two targets."""
    for target in pair.targets:
        pair.put("c", "first\n", target)
    pair.runbook(A, B, C)
    assert pair.run().code == 0
    return pair


def files(lab, target="one"):
    """Return what the files of a room say."""
    return [lab.read(name, target) for name in "abc"]


def test_a_rollback_puts_everything_back_newest_first(done):
    """What was absent is absent again, what stood stands; the run is closed."""
    ran = done.roll_back()

    assert ran.code == 0
    assert files(done, "one") == files(done, "two") == [None, None, "first\n"]
    acted, undone = (
        [(each.task, each.target) for each in done.entries() if (each.event, each.run) == wanted]
        for wanted in (
            ("step.started", done.runs()[0].id),
            ("step.rolled_back", done.runs()[1].id),
        )
    )
    assert undone == acted[::-1]
    assert done.runs()[0].outcome == "rolled_back"
    assert "6 of 6 receipts settled." in ran.closing[0]


def test_a_run_that_is_rolled_back_is_left_behind(done):
    """The runbook begins a new run; the rolled-back one is not rolled back again."""
    first = done.runs()[0].id
    done.roll_back()

    assert "it is already rolled back" in done.roll_back().said
    assert "it is already rolled back" in done.roll_back(run=first).said
    assert done.run().code == 0
    assert files(done) == ["1", "2", "first\nx\n"]
    assert len([run for run in done.runs() if not run.undoes]) == 2


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_rollback_without_a_reason_is_refused(done, reason):
    """It is kept in the ledger."""
    ran = done.roll_back(reason=reason)

    assert ran.code == 1
    assert "a rollback needs a reason" in ran.said
    assert files(done)[0] == "1"


def test_an_unknown_run_is_refused_with_those_there_are(done):
    """A misspelt id must not roll back another one."""
    ran = done.roll_back(run="up-19700101T0000Z")

    assert ran.code == 1
    assert f"the newest are: `{done.runs()[0].id}`" in ran.said


def test_a_rollback_of_a_rollback_is_refused(done):
    """Forward again is the runbook itself."""
    done.roll_back()

    ran = done.roll_back(run=done.runs()[-1].id)

    assert ran.code == 1
    assert "is a rollback itself; to go forward, run `up` again" in ran.said


def test_latest_never_goes_on_to_an_older_run(done):
    """The same command, run again after it was killed at its very end, does nothing."""
    done.runbook(A.replace("/a", "/z"), name="other")
    assert done.run(runbook="other").code == 0
    assert done.roll_back().code == 0

    ran = done.roll_back()

    assert ran.code == 1
    assert files(done) == ["1", "2", "first\nx\n"]


def test_latest_passes_over_a_run_that_only_looked(done):
    """A runbook of gates alone has nothing to undo."""
    done.put("answer", "yes")
    done.runbook('steps.door_opens(path=f"{room}/answer", task="1", on="one")', name="look")
    assert done.run(runbook="look").code == 0

    assert done.roll_back().code == 0
    assert files(done) == [None, None, "first\n"]


def test_a_run_that_changed_nothing_has_nothing_to_undo(lab):
    """It says so."""
    lab.put("a", "1")
    lab.runbook(A)
    lab.run()

    assert "no step of it changed anything" in lab.roll_back(run=lab.runs()[0].id).said


def test_drift_is_refused_and_overridden_by_the_operator(done):
    """What somebody changed since is not thrown away unasked."""
    done.put("b", "by hand")

    refused = done.roll_back()
    again = done.roll_back()
    overridden = done.roll_back("--data", "drift=2@one:undo")

    assert (refused.code, again.code, overridden.code) == (1, 1, 0)
    assert "what it left there was changed since: it says 'by hand'" in refused.said
    assert "--data drift=2@one:undo" in refused.said
    assert files(done) == [None, None, "first\n"]
    assert len(done.runs()) == 2, "one rollback, three attempts"


def test_what_reads_as_before_already_needs_no_undoing(done):
    """Put back by hand: noted, and no effect."""
    done.put("c", "first\n")

    assert done.roll_back().code == 0
    assert "restore c" not in done.journal()


def test_a_partial_rollback_stops_at_its_task_and_the_run_goes_on_from_there(done):
    """`to=3.10` is a task and no number; up again redoes exactly what was undone; then all."""
    run = done.runs()[0].id
    assert "no step after task `3.10` stands" in done.roll_back("--data", "to=3.10").said

    assert done.roll_back("--data", "to=1").code == 0
    assert files(done) == ["1", None, "first\n"]
    effects = done.journal()
    assert done.run().code == 0
    assert done.runs()[0].outcome == "proven"
    assert done.journal()[len(effects) :] == ["write b", "append c"]
    assert files(done) == ["1", "2", "first\nx\n"]
    assert done.roll_back(run=run).code == 0
    assert files(done) == [None, None, "first\n"]
    assert done.runs()[0].outcome == "rolled_back"


def test_a_partial_rollback_to_a_task_that_there_is_not_is_refused(done):
    """With the tasks there are."""
    ran = done.roll_back("--data", "to=9")

    assert ran.code == 2
    assert "it has no task `9`" in ran.said
    assert "its tasks are: `1`, `2`, `3.10`" in ran.said


def test_a_rollback_that_was_interrupted_and_a_run_that_went_on_lose_nothing(done):
    """Partly undone, done again, then undone: no receipt is passed over as settled."""
    done.put("b", "by hand", "one")
    done.put("b", "by hand", "two")
    assert done.roll_back().code == 1
    done.put("b", "2", "one")
    done.put("b", "2", "two")
    assert files(done) == ["1", "2", "first\n"]
    assert done.run().code == 0
    assert files(done) == ["1", "2", "first\nx\n"]

    assert done.roll_back().code == 0

    assert files(done, "one") == files(done, "two") == [None, None, "first\n"]
    assert done.runs()[0].outcome == "rolled_back"


def test_an_irreversible_step_is_reported_and_the_rest_is_undone(lab):
    """With what to do instead, in the closing lines, too; until accepted, it is not complete."""
    lab.put("d", "dear")
    lab.runbook(A, 'steps.burn(path=f"{room}/d", task="2")', B.replace('task="2"', 'task="3"'))
    lab.run()

    ran = lab.roll_back()

    assert ran.code == 1
    assert "2 of 3 receipts settled, finished: 1 not undone." in ran.closing[0]
    assert files(lab) == [None, None, None]
    assert "lab.steps.burn cannot be undone: ashes do not turn back" in ran.said
    assert (
        "    not undone: lab.steps.burn (2) on one: ashes do not turn back; instead: write it "
        in ("\n".join(ran.closing))
    )
    assert lab.states() == {"3@one": "rolled_back", "2@one": "skipped", "1@one": "rolled_back"}
    assert lab.runs()[0].outcome == "stopped"
    accepted = lab.roll_back("--data", "accept=2:irreversible", reason="it was rubbish")
    assert accepted.code == 0
    assert lab.runs()[0].outcome == "rolled_back"


def test_a_step_in_a_file_of_its_own_name_is_put_back(lab):
    """The ledger names it by its folder, and that folder need not hand it on."""
    lab.runbook("from lab import nap", 'nap.nap(path=f"{room}/n", text="x", task="1")')
    assert lab.run().code == 0
    assert lab.runs()[0].tasks["1", "one"].declared.step == "lab.nap"

    assert lab.roll_back().code == 0
    assert lab.read("n") is None


def test_a_secret_that_stood_before_is_restored(lab):
    """From the vault, though the environment holds the new one only."""
    lab.put("s", "former")
    lab.runbook(KEEP)
    lab.run(CANARY="latter")
    assert lab.read("s") == "latter"

    assert lab.roll_back(CANARY="latter").code == 0
    assert lab.read("s") == "former"


def test_a_rollback_that_fails_stops_every_target_and_is_resumed(done):
    """The older receipts wait; the same command goes on."""
    done.put("stuck", target="two")

    failed = done.roll_back()
    done.clear("stuck", target="two")
    resumed = done.roll_back()

    assert (failed.code, resumed.code) == (1, 0)
    assert "the file was not put back." in failed.said
    assert files(done, "one") == files(done, "two") == [None, None, "first\n"]
    assert len(done.runs()) == 2


def test_a_rollback_that_was_killed_is_resumed_by_the_same_command(lab):
    """In the middle of an undo; the snapshot is of before the run, not of before the undo."""
    lab.put("p", "before")
    lab.runbook(A, B, 'steps.die_undone(path=f"{room}/p", text="1", task="9")')
    lab.run()

    killed = lab.roll_back()
    resumed = lab.roll_back()

    assert (killed.code, resumed.code) == (-9, 0)
    assert lab.read("p") == "before"
    assert files(lab) == [None, None, None]


def test_a_run_that_stopped_half_way_is_rolled_back(lab):
    """What is in doubt is put back, too: the snapshot was on record before it began."""
    lab.put("p", "before")
    lab.runbook(A, 'steps.die(path=f"{room}/p", text="1", task="2")')
    assert lab.run().code == -9

    assert lab.roll_back().code == 0
    assert [lab.read("a"), lab.read("p")] == [None, "before"]


def test_a_target_that_the_inventory_does_not_hold_is_refused_before_anything_is_undone(done):
    """A rollback is whole or does not begin."""
    done.inventory(only=["one"])

    ran = done.roll_back()

    assert ran.code == 1
    assert "it changed `two`, which this inventory does not hold" in ran.said
    assert files(done) == ["1", "2", "first\nx\n"]


def test_a_step_runs_as_the_same_user_when_it_is_put_back(lab):
    """What was said of a call with pyinfra's own settings is on record with its receipt."""
    lab.runbook(B.replace('task="2"', 'task="2", _chdir=room, _shell_executable="bash"'))
    assert lab.run().code == 0
    assert lab.runs()[0].tasks["2", "one"].receipt.settings == {
        "_chdir": str(lab.room()),
        "_shell_executable": "bash",
    }

    ran = lab.roll_back("-vv")

    assert ran.code == 0
    assert f"bash -c 'cd {lab.room()} &&" in ran.said


COVERED = [("", ["3", "2", "1"]), ("1", ["3", "2"]), ("3", ["2"])]


@pytest.mark.parametrize(("to", "covered"), COVERED)
def test_what_a_rollback_began_is_finished_however_far_it_is_told_to_go(to, covered):
    """A way back whose end nobody saw is no place to stop at; the rest goes newest first."""
    undone, rollback = Run("r-1", "up", ""), Run("r-2", "rollback", "", undoes="r-1")
    for name in "123":
        receipt = Receipt(name, "", "one", {}, "", None, int(name), 1)
        undone.tasks[receipt.key] = Task(receipt.call, receipt=receipt)
    rollback.tasks["2", "one"] = Task(Declared("2", "", "one", ""), in_doubt=True)

    found = receipts_to_undo(rollback, undone, to, ())

    assert [each.task for each in found] == covered


@pytest.mark.parametrize("blind", [False, True])
def test_what_was_put_back_and_does_not_read_as_before_is_not_proven(monkeypatch, blind):
    """Nor what the snapshot cannot tell of while its claim still holds; nothing is on record."""
    monkeypatch.setattr(undo, "host", SimpleNamespace(name="one"))
    monkeypatch.setattr(undo, "reads_as_before", lambda *_: blind)
    monkeypatch.setattr(undo, "ask", lambda *_: holds("it holds"))
    contract = SimpleNamespace(name="lab.write", ensures=None)
    attempt = SimpleNamespace(run=SimpleNamespace(undoes="r-1"))
    act = SimpleNamespace(contract=contract, attempt=attempt, live={}, record=pytest.fail)
    receipt = Receipt("1", "lab.write", "one", {}, "", None, 1, 1, blind=blind)

    with pytest.raises(NotProven, match="not proven undone" if blind else "not read as before"):
        undo._prove(act, receipt, {})


def test_what_goes_back_with_another_step_waits_for_that_one(monkeypatch):
    """It is not on record as put back before the way back that takes it along came to its end."""
    call = Declared("1", "lab.load", "one", "")
    monkeypatch.setattr(undo, "cover", lambda *_: SimpleNamespace(rolled_back=False, declared=call))
    attempt = SimpleNamespace(run=SimpleNamespace(undoes="r"), undone=None)

    assert undo._settle_covered(SimpleNamespace(attempt=attempt, record=pytest.fail)) is None
