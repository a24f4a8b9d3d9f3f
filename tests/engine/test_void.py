"""What was proven of a world that has changed since proves nothing of this one."""

import pytest

ODD = "from lab import odd\n"
FREEZE = 'steps.write(path=f"{room}/mark", text="frozen", task="1")'
COPY = 'odd.copy(path=f"{room}/copy", source=f"{room}/source", task="2")'
ONCE = COPY.replace("odd.copy(", "odd.copy_once(")
GATE = 'steps.door_opens(path=f"{room}/answer", task="3")'
LAST = 'steps.write(path=f"{room}/last", text="1", task="4")'
REDO = ("--data", "drift=1:redo", "--data", "reason=somebody thawed it")


def through(lab, *calls):
    """Carry a run to its end; then thaw, and write a row."""
    for target in lab.targets:
        lab.put("source", "one row", target)
        lab.put("answer", "yes", target)
    lab.runbook(*(calls or (FREEZE, COPY, GATE, LAST)), header=ODD)
    assert lab.run().code == 0
    lab.put("mark", "thawed")
    lab.put("source", "two rows")
    return lab.journal()


def test_a_freeze_that_is_redone_loses_no_row(lab):
    """The copy is made again though it was proven, and the gate after it is asked again."""
    before = through(lab)

    ran = lab.run(*REDO)

    assert ran.code == 0, ran.said
    assert lab.read("copy") == "two rows"
    assert lab.journal()[len(before) :] == ["write mark", "copy copy", "ask answer"]


def test_the_plan_of_a_redo_says_what_comes_after(lab):
    """Before anything is done, and with the first step's requirement only where it can be told."""
    through(lab)
    stood = lab.listing()

    ran = lab.run("--dry", *REDO)

    assert ran.code == 0, ran.said
    lines = {line.split()[0]: line for line in ran.closing if "[lab." in line}
    assert "would run again" in lines["1"]
    assert "would run again" in lines["2"]
    assert "a step before it acted since" in lines["2"]
    assert "would be asked" in lines["3"]
    assert "unchanged" in lines["4"]
    assert lab.listing() == stood


def test_without_a_redo_what_fails_after_it_is_drift(lab):
    """Nobody consented to anything, so nothing is made again."""
    through(lab)
    lab.put("mark", "frozen")

    ran = lab.run()

    assert ran.code == 1
    assert "--data drift=2:redo" in ran.said
    assert lab.read("copy") == "one row"


def test_what_somebody_wrote_there_since_is_not_thrown_away(lab):
    """The copy reads otherwise than the step left it: that is drift, void or not."""
    through(lab)
    lab.put("copy", "by hand")

    ran = lab.run(*REDO)

    assert ran.code == 1
    assert "a step before it acted since" in ran.said
    assert "--data drift=2:redo" in ran.said
    assert lab.read("copy") == "by hand"


def test_a_void_step_that_may_not_be_repeated_is_asked_for(lab):
    """The consent to one redo is none to another act that is not declared idempotent."""
    through(lab, FREEZE, ONCE)

    assert lab.run(*REDO).code == 1
    assert lab.read("copy") == "one row"


def test_what_holds_after_a_redo_is_proven_anew(lab):
    """So it is no longer void, and a later change of it is drift as ever."""
    through(lab)
    lab.put("source", "one row")
    assert lab.run(*REDO).code == 0
    assert "step.confirmed 2@one" in lab.events()
    lab.put("source", "two rows")

    ran = lab.run()

    assert ran.code == 1
    assert "a step before it acted since" not in ran.said


def test_a_step_in_doubt_that_acts_again_makes_void_what_comes_after(lab):
    """The gate that passed after it is asked again."""
    lab.put("answer", "yes")
    lab.runbook(FREEZE, GATE)
    assert lab.run().code == 0
    lab.put("mark", "thawed")
    lab.put("broken")
    assert lab.run(*REDO).code == 1
    lab.clear("broken")
    asked = lab.journal().count("ask answer")

    assert lab.run().code == 0
    assert lab.journal().count("ask answer") == asked + 1


def test_a_gate_may_say_when_its_claim_is_history(lab):
    """Once that task is done nothing makes it void: the place is no longer empty, and should be."""
    before = through(lab, FREEZE, GATE.replace("task=", 'until="4", task='), LAST)

    assert lab.run(*REDO).code == 0
    assert lab.journal()[len(before) :] == ["write mark"]


def test_until_names_a_task_of_the_runbook(lab):
    """A misspelt one is told before anything is done, with what there is."""
    lab.runbook(FREEZE, GATE.replace("task=", 'until="44", task='), LAST)

    ran = lab.run()

    assert ran.code == 2
    assert "gate `3` says `until=44`, which is not a task" in ran.said
    assert lab.entries() == []


def test_until_is_for_gates(lab):
    """A step that is done stays done."""
    lab.runbook(FREEZE.replace("task=", 'until="1", task='))

    assert "`until=` is for gates" in lab.run().said


def test_redone_on_one_target_makes_void_on_every_target_what_comes_after(pair):
    """The same call on the other target is not."""
    through(pair)
    pair.put("source", "two rows", "two")
    other = pair.journal("two")

    ran = pair.run("--data", "drift=1@one:redo", "--data", "reason=thawed")

    assert ran.code == 0, ran.said
    assert pair.journal("two")[len(other) :] == ["copy copy", "ask answer"]


def test_a_new_call_that_acts_makes_void_the_gates_after_its_place(lab):
    """They were asked of a world without it."""
    lab.put("answer", "yes")
    lab.runbook(FREEZE, GATE)
    assert lab.run().code == 0
    lab.runbook(FREEZE, LAST.replace('"4"', '"2"'), GATE)

    assert lab.run().code == 0
    assert lab.journal().count("ask answer") == 2


@pytest.mark.parametrize("call", [COPY, ONCE])
def test_edited_arguments_that_hold_already_are_recorded(lab, call):
    """The receipt keeps what it left: it is rolled back as ever."""
    lab.put("source", "a")
    lab.put("twin", "a")
    lab.runbook(call, header=ODD)
    assert lab.run().code == 0
    lab.runbook(call.replace("/source", "/twin"), header=ODD)

    assert lab.run().code == 0
    assert lab.events()[-1] == "step.confirmed 2@one"
    said = [each.reason for each in lab.entries() if each.event == "step.confirmed"]
    assert said[0].startswith("edited: `source` was ")
    lab.put("copy", "by hand")
    assert lab.roll_back().code == 1
