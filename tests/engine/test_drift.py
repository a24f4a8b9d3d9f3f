"""What was done and is no longer so is told, and never silently done again."""

import pytest

PLACE = 'steps.place(path=f"{room}/p", text="1", task="1")'


@pytest.fixture
def drifted(lab):
    """Return an environment in which a proven step was changed by somebody."""
    lab.runbook(PLACE)
    assert lab.run().code == 0
    lab.put("p", "other")
    return lab


def test_drift_is_refused_again_and_again(drifted):
    """The same command does not wear the refusal down."""
    first, second = drifted.run(), drifted.run()

    assert first.code == second.code == 1
    assert "it was done in this run and no longer holds: it says 'other'" in first.said
    assert "--data drift=1:redo" in second.said
    assert drifted.read("p") == "other"


def test_drift_of_a_step_that_had_nothing_to_do_is_refused_again_and_again(lab):
    """There is no receipt, and still it was so in this run."""
    lab.put("p", "1")
    lab.runbook(PLACE)
    assert lab.run().code == 0
    lab.put("p", "other")

    assert lab.run().code == 1
    assert lab.run().code == 1
    assert lab.read("p") == "other"
    lab.put("p", "1")
    assert lab.run().code == 0
    assert lab.kept().audit().problems == [], "a story that can have happened"


def test_drift_is_redone_with_a_reason(drifted):
    """The reason is in the ledger; the first snapshot stays."""
    ran = drifted.run("--data", "drift=1:redo", "--data", "reason=a colleague's mistake")

    assert ran.code == 0
    assert drifted.read("p") == "1"
    started = [each for each in drifted.entries() if each.event == "step.started"][-1]
    assert started.reason == "a colleague's mistake"
    assert drifted.runs()[-1].tasks["1", "one"].receipt.before is None


@pytest.mark.parametrize("reason", [[], ["--data", "reason="], ["--data", "reason=  "]])
def test_an_override_without_a_reason_is_refused(drifted, reason):
    """An override says why."""
    ran = drifted.run("--data", "drift=1:redo", *reason)

    assert ran.code == 1
    assert "an override needs a reason" in ran.said
    assert drifted.read("p") == "other"


def test_a_misspelt_choice_is_refused(drifted):
    """Not taken for no choice."""
    ran = drifted.run("--data", "drift=yes", "--data", "reason=x")

    assert ran.code == 2
    assert "`drift=yes` is not a choice" in ran.said


def test_what_holds_again_is_confirmed(drifted):
    """Put right by hand, the run goes on and says so."""
    drifted.run()
    drifted.put("p", "1")

    assert drifted.run().code == 0
    assert drifted.events()[-1] == "step.confirmed 1@one"
    assert drifted.states() == {"1@one": "changed"}


def test_a_refusal_does_not_make_new_arguments_those_that_were_done(lab):
    """Edited, refused by a precondition, and run again: an edit still, not drift."""
    lab.runbook(PLACE)
    lab.run()
    lab.runbook(PLACE.replace('"1"', '"2"', 1))
    lab.put("shut")
    refused = lab.run()
    lab.clear("shut")

    assert refused.code == 1
    assert lab.run().code == 0
    assert lab.read("p") == "2"
