"""The same command again: what was done stays done, what changed is told and done anew."""

import pytest

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.append(path=f"{room}/b", line="x", task="2")'
C = 'steps.print_to(path=f"{room}/c", text="3", task="3")'


def test_the_same_command_resumes_where_the_run_stopped(lab):
    """Steps that are proven do not run again; the run is the same one."""
    lab.runbook(A, B, 'steps.place(path=f"{room}/c", text="3", task="3")')
    lab.put("shut")
    lab.put("a", "1")
    first = lab.run()
    lab.clear("shut")

    second = lab.run()

    assert (first.code, second.code) == (1, 0)
    assert lab.journal() == ["append b", "write c"]
    assert len(lab.runs()) == 1
    assert lab.events("attempt") == [
        f"attempt.{what} @" for what in ("started", "ended", "started", "ended")
    ]


def test_an_unchanged_run_again_writes_no_step_entries(lab):
    """A proven run asks every `ensures` and acts nowhere; a secret is no exception."""
    keep = 'steps.keep(path=f"{room}/s", value="env:CANARY", task="0")'
    lab.runbook(keep, A, B, C)
    assert lab.run(CANARY="xyzzy").code == 0
    steps, effects = lab.events(), lab.journal()

    again = lab.run(CANARY="xyzzy")

    assert again.code == 0
    assert lab.events() == steps
    assert lab.journal() == effects
    assert "all 4 steps proven" in again.closing[0]


def test_edited_arguments_are_explained_and_done_anew_and_the_first_snapshot_stays(lab):
    """The plan says why; the rollback goes back to before the first act."""
    lab.put("a", "before")
    lab.runbook(A)
    lab.run()
    lab.runbook(A.replace('"1"', '"2"', 1))

    plan = lab.run("--dry")
    ran = lab.run()

    assert "would run again" in plan.said
    assert "its arguments changed: `text` was" in plan.said
    assert ran.code == 0
    assert lab.read("a") == "2"
    receipt = lab.runs()[-1].tasks["1", "one"].receipt
    assert receipt.before == "before"
    assert lab.roll_back().code == 0
    assert lab.read("a") == "before"


def test_a_rotated_secret_is_another_act(lab):
    """The reference is the same, the value is not."""
    lab.runbook('steps.keep(path=f"{room}/s", value="env:CANARY", task="1")')
    lab.run(CANARY="former")

    assert lab.run(CANARY="latter").code == 0
    assert lab.read("s") == "latter"


def test_another_subject_under_the_same_task_is_refused(lab):
    """The snapshot is of the former file; it must never be put back into the latter."""
    lab.put("a", "before")
    lab.runbook(A)
    lab.run()
    lab.runbook(A.replace("/a", "/b"))

    plan, ran = lab.run("--dry"), lab.run()

    assert ran.code == 1
    assert "changed something else already in this run: `path` was" in ran.said
    assert 'give this call a task id of its own (`task="1b"`' in ran.said
    assert "would refuse" in plan.said
    assert lab.read("b") is None
    lab.runbook(A.replace("/a", "/b").replace('task="1"', 'task="1b"'))
    assert lab.run().code == 0
    assert lab.roll_back().code == 0
    assert (lab.read("a"), lab.read("b")) == ("before", None)


def test_another_step_under_the_same_task_is_refused(lab):
    """Even where it takes the same arguments."""
    lab.runbook(A)
    lab.run()
    lab.runbook(A.replace("write", "print_to"))

    ran = lab.run()

    assert ran.code == 1
    assert "the step was `lab.steps.write`, is `lab.steps.print_to`" in ran.said


def test_a_task_that_was_added_runs_and_one_that_was_renamed_runs_under_its_new_name(lab):
    """Between two attempts the runbook may grow; the ledger shows both names."""
    lab.runbook(A)
    lab.run()
    lab.runbook(A.replace('task="1"', 'task="1.0"'), C)

    ran = lab.run()

    assert ran.code == 0
    assert lab.states() == {"1@one": "changed", "1.0@one": "unchanged", "3@one": "changed"}


def test_a_task_that_was_removed_is_still_rolled_back(lab):
    """What a run changed stays its to undo, whatever the runbook reads now."""
    lab.runbook(A, C)
    lab.run()
    lab.runbook(C)
    assert lab.run().code == 0

    assert lab.roll_back().code == 0

    assert (lab.read("a"), lab.read("c")) == (None, None)


@pytest.mark.parametrize(
    "calls",
    [
        (A, C.replace('task="3"', 'task="1"')),
        ('for each in "ab":', '    steps.write(path=f"{room}/{each}", text="1", task="1")'),
    ],
    ids=["on two lines", "on one line in a loop"],
)
def test_a_task_id_used_twice_is_refused(lab, calls):
    """The identity of a step with its target must be its own."""
    lab.runbook(*calls)

    ran = lab.run()

    assert ran.code == 1
    assert "task `1` stands at up.py:" in ran.said
    assert "give each call of the runbook a task id of its own" in ran.said
    assert lab.entries() == []


def test_a_task_id_that_cannot_be_typed_is_refused(lab):
    """A task id is pasted into `settle=` and `to=`."""
    lab.runbook(A.replace('task="1"', 'task="1:retry"'))

    assert "`1:retry` (up.py:" in lab.run().said


def test_on_selects_targets_and_keeps_the_order_of_the_runbook(pair):
    """A step on `two` between two steps on `one` waits for the one and goes before the other."""
    pair.runbook(
        'steps.slow(path=f"{room}/a", text="1", seconds=0.3, task="1", on="one")',
        'steps.slow(path=f"{room}/b", text="2", seconds=0.3, task="2", on="two")',
        'steps.write(path=f"{room}/c", text="3", task="3", on="one")',
        'steps.write(path=f"{room}/d", text="4", task="4")',
    )

    assert pair.run().code == 0

    assert pair.events()[:6] == [
        f"step.{what} {step}"
        for step in ("1@one", "2@two", "3@one")
        for what in ("started", "changed")
    ]
    assert pair.journal("one") == ["write a", "write c", "write d"]
    assert pair.journal("two") == ["write b", "write d"]


def test_on_that_names_no_target_is_refused_before_anything_is_done(pair):
    """A misspelt group must not make a step vanish."""
    pair.runbook(A, C.replace(")", ', on="three")').replace("{room", "{room"))

    plan, ran = pair.run("--dry"), pair.run()

    assert ran.code == 1
    assert f"task `3` (up.py:9) runs on no target of `{pair.environment}`" in ran.said
    assert "runs on no target of `lab" in plan.said
    assert pair.journal("one") == []
    assert pair.entries() == []


def test_a_runbook_whose_every_step_is_for_nobody_says_so(pair):
    """Nothing to do is no success."""
    pair.runbook(C.replace(")", ', on="three")'))

    ran = pair.run()

    assert ran.code == 1
    assert "runs on no target of `lab" in ran.said
