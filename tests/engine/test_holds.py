"""A run may be told to hold at a place, forward and back; that is on record, and no success."""

HOLD = "from handrail.engine import hold\n"
A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.write(path=f"{room}/b", text="2", task="2")'
FROZEN = 'hold(label="frozen", name="Nobody writes, and both sides could serve")'
C = 'steps.write(path=f"{room}/c", text="3", task="3.10")'
D = 'steps.write(path=f"{room}/d", text="4", task="4")'


def ready(lab, *calls):
    """Write the runbook with a hold after its second task."""
    lab.runbook(*(calls or (A, B, FROZEN, C, D)), header=HOLD)
    return lab


def test_a_run_holds_after_the_task_it_is_told_to(pair):
    """On every target; again with the same command, and without it the run goes on."""
    ready(pair)

    held, again = pair.run("--data", "to=3.10"), pair.run("--data", "to=3.10")
    stood = [pair.read(name, "two") for name in "abcd"]
    on = pair.run()

    assert (held.code, again.code, on.code) == (3, 3, 0), held.said
    assert "6 of 8 steps proven, held at 3.10." in held.closing[0]
    assert held.command("resume")[-1] == "pyinfra -y lab.py up.py"
    assert stood == ["1", "2", "3", None]
    assert [each.body["outcome"] for each in pair.entries() if each.event == "attempt.ended"] == [
        *("held", "held", "proven")
    ]


def test_a_run_holds_at_a_label_and_says_what_is_true_there(lab):
    """The label, and its sentence."""
    ready(lab)

    held = lab.run("--data", "to=frozen")

    assert held.code == 3
    assert "held at frozen." in held.closing[0]
    assert "    frozen: Nobody writes, and both sides could serve" in held.closing
    assert [lab.read(name) for name in "abcd"] == ["1", "2", None, None]
    assert lab.runs()[0].outcome == "held"


def test_a_rollback_goes_back_to_a_label(lab):
    """What stands after it is undone, and what stands before it stays."""
    ready(lab)
    assert lab.run().code == 0

    assert lab.roll_back("--data", "to=frozen").code == 0
    assert [lab.read(name) for name in "abcd"] == ["1", "2", None, None]
    assert lab.roll_back("--data", "to=frosen").code == 2


def test_a_plan_that_holds_says_what_is_not_reached(lab):
    """And does not ask about it."""
    ready(lab)
    lab.put("shut")

    ran = lab.run("--dry", "--data", "to=frozen")

    assert ran.code == 1, "the first step would refuse"
    lines = {line.split()[0]: line for line in ran.closing if "[lab." in line}
    assert "would refuse" in lines["1"]
    assert "it requires that the room is open" in lines["1"]
    assert "not reached" in lines["4"]


def test_a_run_with_a_doubt_does_not_hold(lab):
    """It stopped: 3 says that all is well up to there."""
    ready(lab, A, B, FROZEN, 'steps.die(path=f"{room}/p", text="1", task="9")')
    assert lab.run().code == -9

    assert lab.run("--data", "to=frozen").code == 1


def test_a_place_that_there_is_not_is_a_wrong_command(lab):
    """With what was meant; nothing runs, though the plan's night was asked for."""
    ready(lab)

    ran, plan = lab.run("--data", "to=frosen"), lab.run("--dry", "--data", "to=3.1")

    assert (ran.code, plan.code) == (2, 2)
    assert "`to=frosen` names no task and no hold of this runbook" in ran.said
    assert "did you mean `frozen`?" in ran.said
    assert "did you mean `3.10`?" in plan.said
    assert lab.entries() == []


def test_a_label_is_one_of_its_own_and_after_a_step(lab):
    """Otherwise `to=` could mean two places, or none."""
    early = ready(lab, FROZEN, A).run()
    task = ready(lab, A, FROZEN.replace("frozen", "1")).run()
    twice = ready(lab, A, FROZEN, B, FROZEN).run()
    odd = ready(lab, A, FROZEN.replace("frozen", "so, so")).run()

    assert [each.code for each in (early, task, twice, odd)] == [1, 1, 1, 1]
    assert "stands before the first step" in early.said
    assert "is a task, too" in task.said
    assert "stands twice" in twice.said
    assert "is not a label" in odd.said
