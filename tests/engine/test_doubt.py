"""An act whose end is not on record: probed, and never guessed at."""

import pytest

DIE = 'steps.die(path=f"{room}/p", text="1", task="1")'
LAST = 'steps.write(path=f"{room}/w", text="1", task="2")'


@pytest.fixture
def doubtful(lab):
    """Return an environment whose run was killed in a step that is not idempotent."""
    lab.runbook(DIE, LAST)
    assert lab.run().code == -9
    assert lab.states()["1@one"] == "started"
    lab.runbook(DIE, LAST)
    return lab


def settle(lab, choice, *more):
    """Run the command with a settlement."""
    return lab.run("--data", f"settle=1#1:{choice}", *more)


def test_a_step_in_doubt_that_may_not_be_repeated_asks_with_commands_to_paste(doubtful):
    """What is known, what can be said, and how; nothing is done."""
    ran = doubtful.run()

    assert ran.code == 1
    assert "attempt 1 began it and its end is not on record; it says None" in ran.said
    assert "does not run twice unattended" in ran.said
    for choice in ("--data settle=1#1:retry", ":adopt", ":skip", '--data reason="…"'):
        assert choice in ran.said
    assert doubtful.journal() == ["fall p"]
    assert doubtful.run().code == 1, "asked again"


@pytest.mark.parametrize("choice", ["retry", "adopt", "skip"])
def test_a_settlement_without_a_reason_is_refused(doubtful, choice):
    """An override says why."""
    ran = settle(doubtful, choice)

    assert ran.code == 1
    assert "an override needs a reason" in ran.said
    assert doubtful.journal() == ["fall p"]


def test_a_settlement_that_does_not_exist_is_refused(doubtful):
    """Before anything is asked."""
    assert "`settle=1#1:ignore` is not a choice" in settle(doubtful, "ignore").said


def test_retry_acts_again(doubtful):
    """Here it dies again: the second effect is the proof."""
    ran = settle(doubtful, "retry", "--data", "reason=looked, it is safe")

    assert ran.code == -9
    assert doubtful.journal() == ["fall p", "fall p"]


def test_adopt_takes_the_effect_for_done(doubtful):
    """The reason is on record, and that nobody can prove it: the run is finished, not proven."""
    ran = settle(doubtful, "adopt", "--data", "reason=done by hand")

    assert ran.code == 1
    assert "1 of 2 steps proven, finished: 1 adopted unproven." in ran.closing[0]
    adopted = next(each for each in doubtful.entries() if each.event == "step.adopted")
    assert adopted.reason == "done by hand"
    assert doubtful.states() == {"1@one": "changed", "2@one": "changed"}


def test_skip_leaves_the_step_out(doubtful):
    """This run and its next attempts, which are finished by that, and never proven."""
    ran = settle(doubtful, "skip", "--data", "reason=not needed")

    assert ran.code == 1
    assert "1 of 2 steps proven, finished: 1 skipped." in ran.closing[0]
    assert doubtful.states() == {"1@one": "skipped", "2@one": "changed"}
    assert doubtful.run().code == 1
    assert doubtful.journal() == ["fall p", "write w"]


def test_an_effect_that_is_there_is_adopted_unasked(doubtful):
    """`ensures` says so, and a row of the ledger is not needed."""
    doubtful.put("p", "1")

    assert doubtful.run().code == 0
    assert "step.adopted 1@one" in doubtful.events()


def test_a_doubt_that_cannot_be_looked_into_is_a_refusal(doubtful):
    """Neither adopted nor repeated."""
    doubtful.put("blind")

    ran = settle(doubtful, "retry", "--data", "reason=x")

    assert ran.code == 1
    assert doubtful.journal() == ["fall p"]


def test_an_idempotent_step_in_doubt_acts_again(lab):
    """It is declared that it may; the first snapshot stays."""
    lab.put("w", "old")
    lab.put("broken")
    lab.runbook(LAST)
    assert lab.run().code == 1
    assert lab.states() == {"2@one": "failed"}
    lab.clear("broken")

    assert lab.run().code == 0
    assert lab.read("w") == "1"
    assert lab.runs()[-1].tasks["2", "one"].receipt.before == "old"


def test_a_failed_step_that_may_not_be_repeated_is_in_doubt(lab):
    """A failure says nothing about how far it came."""
    lab.runbook('steps.pretend(path=f"{room}/p", text="1", task="1")')
    lab.run()

    ran = lab.run()

    assert "does not run twice unattended" in ran.said
    assert lab.journal() == ["pretend 1 p"]


def test_a_settlement_names_the_target_where_a_task_has_two(pair):
    """The operator looked at one of them."""
    pair.runbook('steps.pretend(path=f"{room}/p", text="1", task="1")')
    pair.run()

    asked = pair.run()
    settled = pair.run("--data", "settle=1@one#1:skip,1@two#1:adopt", "--data", "reason=looked")

    assert "settle=1@" in asked.said
    assert settled.code == 1
    assert "finished: 1 skipped, 1 adopted unproven" in settled.closing[0]
    assert pair.states() == {"1@one": "skipped", "1@two": "changed"}
