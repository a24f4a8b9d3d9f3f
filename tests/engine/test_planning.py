"""Planning writes nothing, anywhere, and says what would happen and why."""

KEEP = 'steps.keep(path=f"{room}/s", value="env:CANARY", task="1")'
PLACE = 'steps.place(path=f"{room}/p", text="1", task="2")'
DRAW = 'steps.draw(path=f"{room}/d", text="1", task="4")'
FULL = ("--data", "diff=1")
LAST = 'steps.write(path=f"{room}/w", text="1", task="3")'


def line(ran, task):
    """Return what a plan says of a task."""
    return next(each for each in ran.closing if each.startswith(f"    {task} "))


def test_a_plan_of_a_first_run_writes_nothing(pair):
    """No ledger, no folder for it, no key, no log, no bytecode."""
    pair.runbook(KEEP, PLACE, LAST)
    before = pair.listing()

    ran = pair.run("--dry", CANARY="xyzzy")

    assert ran.code == 0
    assert pair.listing() == before
    assert "6 would run." in ran.said
    assert ran.closing[-1] == "Nothing was changed or recorded."


def test_a_plan_of_a_resumed_run_writes_nothing(pair):
    """Nor is the ledger touched where there is one, by the plan of a run or of its rollback."""
    pair.runbook(KEEP, PLACE, LAST)
    pair.put("shut", target="two")
    assert pair.run(CANARY="xyzzy").code == 1
    pair.put("s", "changed by hand", target="one")
    before = pair.listing()

    again = pair.run("--dry", CANARY="plugh")
    back = pair.run("--dry", "--data", "run=latest", "--data", "reason=x", runbook="rollback",
                    CANARY="xyzzy")  # fmt: skip

    assert (again.code, back.code) == (0, 0), again.said + back.said
    assert pair.listing() == before


def test_a_plan_says_what_would_run_and_what_is_done_already(lab):
    """Each call with its decision and its reason."""
    lab.put("w", "1")
    lab.runbook(PLACE, LAST)

    ran = lab.run("--dry")

    assert "would run       Make a file say something" in line(ran, 2)
    assert line(ran, 2).endswith("[lab.steps.place, once]: it says None")
    assert "unchanged" in line(ran, 3)


def test_a_plan_says_what_drifted_and_what_would_be_redone(lab):
    """Drift would be refused, and redone only where the operator says so with a reason."""
    lab.runbook(PLACE, LAST)
    lab.run()
    lab.put("p", "other")

    refusing = lab.run("--dry")
    unreasoned = lab.run("--dry", "--data", "drift=2:redo")
    redoing = lab.run("--dry", "--data", "drift=2:redo", "--data", "reason=known")

    assert "would refuse" in line(refusing, 2)
    assert "drift: it says 'other'" in line(refusing, 2)
    assert "would refuse" in line(unreasoned, 2)
    assert "would run again" in line(redoing, 2)


def test_a_plan_says_what_would_be_asked_adopted_and_tried_again(lab):
    """Interrupted: adopt what is there, repeat what may be repeated, ask about the rest."""
    lab.runbook('steps.die(path=f"{room}/p", text="1", task="2")')
    lab.run()

    asking = lab.run("--dry")
    settled = lab.run("--dry", "--data", "settle=2#1:retry", "--data", "reason=looked")
    skipping = lab.run("--dry", "--data", "settle=2#1:skip", "--data", "reason=looked")
    lab.put("p", "1")
    adopting = lab.run("--dry")

    assert "would ask" in line(asking, 2)
    assert "it was interrupted, and is not idempotent; it says None" in line(asking, 2)
    assert "would run again" in line(settled, 2)
    assert "would skip" in line(skipping, 2)
    assert "would adopt" in line(adopting, 2)


def test_a_plan_does_not_take_a_check_that_cannot_look_for_a_no(lab):
    """Not told is said as such."""
    lab.put("blind")
    lab.runbook(LAST)

    assert "not told yet" in line(lab.run("--dry"), 3)


def test_a_plan_names_a_secret_that_is_missing(lab):
    """Better in the plan than at step 9."""
    lab.runbook(KEEP)

    ran = lab.run("--dry")

    assert "would refuse" in line(ran, 1)
    assert "the environment variable `CANARY` is not set" in line(ran, 1)


def test_a_plan_does_not_ask_a_gate(lab):
    """A gate may wait for hours."""
    lab.runbook('steps.door_opens(path=f"{room}/answer", task="1")')

    ran = lab.run("--dry")

    assert "would be asked" in line(ran, 1)
    assert lab.journal() == []


def test_a_plan_of_a_rollback_says_what_goes_back_and_what_cannot(lab):
    """Newest first, with the reason why one is left."""
    lab.put("d")
    lab.runbook(PLACE, 'steps.burn(path=f"{room}/d", task="4")')
    lab.run()

    ran = lab.roll_back("--dry")

    assert line(ran, 4).split()[2] == "irreversible"
    assert "ashes do not turn back; instead: write it anew" in line(ran, 4)
    assert "would undo" in line(ran, 2)
    assert ran.closing.index(line(ran, 4)) < ran.closing.index(line(ran, 2))


def test_a_plan_shows_what_a_step_would_do_where_the_step_can_tell(lab):
    """Its own text, indented under its line, between its line and the next."""
    lab.runbook(DRAW, LAST)

    ran = lab.run("--dry", *FULL)

    place = ran.closing.index(line(ran, 4))
    assert ran.closing[place + 1 : place + 3] == ["        d says:", "            1"]
    assert ran.closing[place + 3] == line(ran, 3)
    assert lab.journal() == ["sketch d"]


def test_what_a_step_would_do_is_asked_for_only_where_it_is_read(lab):
    """Not unasked, before a run that was confirmed, or of a step that has nothing to do."""
    lab.runbook(DRAW)
    assert lab.run("--dry").code == 0
    assert lab.run().code == 0
    assert lab.run("--dry", *FULL).code == 0
    assert lab.journal() == ["write d"]


def test_a_preview_that_is_refused_hides_nothing_of_the_plan(lab):
    """What, why and next stand in its place, and the plan goes on."""
    lab.put("smudged")
    lab.runbook(DRAW, LAST)

    ran = lab.run("--dry", *FULL)

    assert ran.code == 0
    place = ran.closing.index(line(ran, 4))
    assert ran.closing[place + 1 : place + 4] == [
        "        no preview: nothing was sketched.",
        "            why:  the paper is wet",
        "            next: rm smudged",
    ]
    assert "would run" in line(ran, 3)
    assert "Traceback" not in ran.said


def test_a_bug_in_a_preview_hides_nothing_of_the_plan(lab):
    """It is named, with its step."""
    lab.put("spilled")
    lab.runbook(DRAW, LAST)

    ran = lab.run("--dry", *FULL)

    assert ran.code == 0
    assert "no preview: unforeseen, in the preview of lab.steps.draw: KeyError." in ran.said
    assert "would run" in line(ran, 3)
    assert "Traceback" not in ran.said


def test_a_preview_that_holds_a_secret_is_withheld(lab):
    """Whatever a step says of itself, no argument's secret is printed."""
    lab.runbook('steps.announce(path=f"{room}/s", value="env:CANARY", task="1")', LAST)

    ran = lab.run("--dry", *FULL, CANARY="xyzzy")

    assert ran.code == 0
    assert "no preview: it was withheld" in ran.said
    assert "xyzzy" not in ran.said
