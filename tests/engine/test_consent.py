"""A word of the operator is for one doubt or one drift: it names it, and is spent by it."""

import pytest

from handrail.ledger.audit import audit
from handrail.ledger.store import SqliteLedger
from handrail.ledger.views.evidence import gather

DIE = 'steps.die(path=f"{room}/p", text="1", task="1")'
PLACE = 'steps.place(path=f"{room}/a", text="1", task="1")'
OTHER = 'steps.place(path=f"{room}/b", text="1", task="2")'
LOOKED = ("--data", "reason=looked")


def say(lab, *words, **more):
    """Run the command with a consent and its reason."""
    return lab.run(*(part for word in words for part in ("--data", word)), *LOOKED, **more)


@pytest.fixture
def doubtful(lab):
    """Return an environment whose run was killed in a step that is not idempotent."""
    lab.runbook(DIE)
    assert lab.run().code == -9
    return lab


@pytest.fixture
def drifted(lab):
    """Return an environment in which two proven steps were changed by somebody."""
    lab.runbook(PLACE, OTHER)
    assert lab.run().code == 0
    lab.put("a", "other")
    lab.put("b", "other")
    return lab


def test_the_same_consent_does_not_let_a_step_act_a_third_time(doubtful):
    """Killed again in the retry: the same command tells that it is spent, and asks."""
    assert say(doubtful, "settle=1#1:retry").code == -9

    again = say(doubtful, "settle=1#1:retry")

    assert again.code == 1
    assert "`settle=1#1:retry` was used by attempt 2 and no longer counts" in again.said
    assert "--data settle=1#2:retry" in again.said
    assert doubtful.journal() == ["fall p", "fall p"]


def test_a_consent_that_answers_another_attempt_is_refused_with_what_is_there(doubtful):
    """Whoever typed it has not seen this doubt."""
    assert say(doubtful, "settle=1#1:retry").code == -9

    ran = say(doubtful, "settle=1#7:retry")

    assert ran.code == 1
    assert "answers attempt 7: the task is in doubt since attempt 2" in ran.said
    assert "--data settle=1#2:retry" in ran.said
    assert doubtful.journal() == ["fall p", "fall p"]


def test_a_consent_that_names_no_attempt_is_refused_with_the_one_to_type(doubtful):
    """It could answer any."""
    ran = say(doubtful, "settle=1:retry")

    assert ran.code == 2
    assert "--data settle=1#1:retry" in ran.said
    assert doubtful.journal() == ["fall p"]


def test_a_consent_for_what_is_no_longer_so_is_refused(drifted):
    """Nothing is in doubt there."""
    ran = say(drifted, "settle=1#1:retry")

    assert ran.code == 1
    assert "answers what is no longer so: the task is changed" in ran.said


def test_a_consent_is_on_record_with_its_reason(doubtful):
    """Beside the intent that it allowed."""
    say(doubtful, "settle=1#1:retry")

    started = [each for each in doubtful.entries() if each.event == "step.started"][-1]
    assert started.body["consent"] == "settle=1@one#1:retry"
    assert started.reason == "looked"


def test_drift_is_redone_task_by_task(drifted):
    """The other one is asked for."""
    ran = say(drifted, "drift=1:redo")

    assert ran.code == 1
    assert "--data drift=2:redo" in ran.said
    assert (drifted.read("a"), drifted.read("b")) == ("1", "other")


def test_several_consents_stand_in_one_command(drifted):
    """With commas, or each for itself."""
    assert say(drifted, "drift=1:redo,2:redo").code == 0
    drifted.put("a", "again")
    drifted.put("b", "again")
    assert say(drifted, "drift=1#2:redo", "drift=2#2:redo").code == 0


def test_a_spent_redo_is_told_and_ignored_when_it_drifts_again(drifted):
    """The same command again is no new look; what is printed names the attempt."""
    assert say(drifted, "drift=1:redo,2:redo").code == 0
    drifted.put("a", "again")

    same = say(drifted, "drift=1:redo")
    asked = say(drifted, "drift=1#2:redo")

    assert same.code == 1
    assert "`drift=1:redo` was used by attempt 2 and no longer counts" in same.said
    assert "--data drift=1#2:redo" in same.said
    assert asked.code == 0
    assert drifted.read("a") == "1"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("settle=11#1:retry", "did you mean `1`?"),
        ("drift=1@on:redo", "did you mean `one`?"),
        ("drift=redo", "write `drift=TASK:redo`"),
        ("settle=1#1:retri", "write `settle=TASK#ATTEMPT:retry`"),
        ("drift=1:undo", "is not a choice in a run forward"),
        ("accept=1:irreversible", "nobody reads `--data accept=…`"),
    ],
)
def test_a_consent_for_nothing_there_is_a_wrong_command(drifted, word, told):
    """Told before anything is done, in the plan and in the run alike."""
    for ran in (say(drifted, word), say(drifted, word, "operator=ada"), drifted.run(
        "--dry", "--data", word, *LOOKED)):  # fmt: skip
        assert ran.code == 2, ran.said
        assert told in ran.said
        assert "Traceback" not in ran.said
    assert drifted.read("a") == "other"


def test_a_consent_is_for_one_target(pair):
    """Where a task has two, it says which."""
    pair.runbook('steps.pretend(path=f"{room}/p", text="1", task="1")')
    pair.run()

    ran = say(pair, "settle=1#1:skip")

    assert ran.code == 2
    assert "say for which: `settle=1@one#1:skip`, `settle=1@two#1:skip`" in ran.said


def test_a_skipped_step_can_be_done_after_all(doubtful):
    """By the command that the closing lines print."""
    assert say(doubtful, "settle=1#1:skip").code == 1
    doubtful.runbook(DIE.replace("steps.die", "steps.place"))
    renamed = doubtful.run()
    doubtful.runbook(DIE)

    ran = say(doubtful, "settle=1#1:retry")

    assert "the step was `lab.steps.die`, is `lab.steps.place`" in renamed.said
    assert ran.code == -9


def test_a_skipped_step_that_is_there_by_then_is_adopted_and_the_ledger_is_sound(doubtful):
    """It came about in another way; that is a story which can have happened."""
    assert say(doubtful, "settle=1#1:skip").code == 1
    doubtful.put("p", "1")

    assert say(doubtful, "settle=1#1:retry").code == 0
    assert doubtful.journal() == ["fall p"]
    assert doubtful.kept().audit().problems == []


def test_what_was_adopted_is_proven_once_it_holds(doubtful):
    """Then the run is, too."""
    assert say(doubtful, "settle=1#1:adopt").code == 1
    assert doubtful.run().code == 1
    doubtful.put("p", "1")

    assert doubtful.run().code == 0
    assert doubtful.runs()[0].outcome == "proven"


def test_a_doubt_outlives_a_new_name(doubtful):
    """A renamed call does not act again; the doubt goes on under its new id where that is said."""
    doubtful.runbook(DIE.replace('task="1"', 'task="1.0"'))

    refused = doubtful.run()
    wrong = say(doubtful, "settle=1#1:moved:9")
    moved = say(doubtful, "settle=1#1:moved:1.0")

    assert (refused.code, wrong.code, moved.code) == (1, 1, 1)
    assert "the runbook no longer declares it" in refused.said
    assert "--data settle=1#1:moved:1.0" in refused.said
    assert "--data settle=1.0#1:retry" in moved.said
    assert doubtful.journal() == ["fall p"]
    assert say(doubtful, "settle=1.0#1:skip").code == 1
    assert doubtful.states() == {"1.0@one": "skipped"}
    assert audit(doubtful.ledger).good
    shown = gather(SqliteLedger(doubtful.ledger), "latest").tasks[0]
    assert [each.event for each in shown.reasons] == ["step.moved", "step.skipped"]


@pytest.mark.parametrize(("choice", "state"), [("adopt", "changed"), ("skip", "skipped")])
def test_a_doubt_outlives_its_call(doubtful, choice, state):
    """Removed from the runbook it is still asked about; then the run can end."""
    doubtful.runbook(OTHER)

    plan, refused = doubtful.run("--dry"), doubtful.run()
    settled = say(doubtful, f"settle=1#1:{choice}")

    assert (plan.code, refused.code, settled.code) == (1, 1, 1)
    assert "the runbook no longer declares it" in plan.said
    assert f"--data settle=1#1:{choice}" in refused.said or f"`:{choice}`" in refused.said
    assert doubtful.states() == {"2@one": "changed", "1@one": state}
    assert "finished" in settled.closing[0]
    assert doubtful.roll_back().code == 0


def test_a_doubt_whose_call_is_gone_can_be_rolled_back(doubtful):
    """The snapshot was taken before it began."""
    doubtful.runbook(OTHER)
    assert doubtful.run().code == 1

    assert doubtful.roll_back().code == 0
