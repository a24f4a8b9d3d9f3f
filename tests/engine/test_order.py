"""What happens to one step, in which order, and what each refusal leaves behind."""

from handrail.testing.lab import end, until

WRITE = 'steps.write(path=f"{room}/a", text="new", task="1")'
NEXT = 'steps.write(path=f"{room}/b", text="next", task="2")'


def test_a_step_records_its_intent_with_the_snapshot_before_its_outcome(lab):
    """Started, with arguments and what was there; then changed."""
    lab.put("a", "old")
    lab.runbook(WRITE)

    assert lab.run().code == 0

    started, changed = [each for each in lab.entries() if each.task == "1"]
    assert (started.event, changed.event) == ("step.started", "step.changed")
    assert started.body["before"] == "old"
    assert started.body["arguments"] == {"path": f"{lab.room()}/a", "text": "new"}
    assert started.body["idempotent"] is True
    assert lab.read("a") == "new"


def test_ensures_is_asked_first_and_nothing_runs_where_it_holds(lab):
    """Already so: unchanged, even where `requires` does not hold; nothing to undo."""
    lab.put("a", "new")
    lab.put("shut")
    lab.runbook(WRITE)

    assert lab.run().code == 0

    assert lab.events() == ["step.unchanged 1@one"]
    assert lab.journal() == []
    assert lab.runs()[-1].receipts() == []


def test_requires_that_does_not_hold_is_a_refusal_without_a_traceback(lab):
    """What, why and next; exit 1; the ledger says refused; nothing was done after it."""
    lab.put("shut")
    lab.runbook(WRITE, NEXT)

    ran = lab.run()

    assert ran.code == 1
    assert "Traceback" not in ran.said
    assert "lab.steps.write did not start on one." in ran.said
    assert "it requires that the room is open; a file `shut` lies in it" in ran.said
    assert "next: rm shut" in ran.said
    assert lab.events() == ["step.refused 1@one"]
    assert lab.journal() == []


def test_no_target_starts_a_step_after_a_refusal_on_another(pair):
    """The one that was refused has its reason on record; the other one just stops."""
    pair.put("shut", target="one")
    pair.runbook(WRITE, 'steps.write(path=f"{room}/c", text="last", task="3")')

    ran = pair.run()

    assert ran.code == 1
    assert pair.read("c", "one") is pair.read("c", "two") is None
    assert "step.refused 1@one" in pair.events()
    assert not [each for each in pair.events() if each.endswith("3@two")]
    assert "the run stopped at lab.steps.write (1) on one" in ran.said


def test_a_check_that_cannot_look_before_is_a_refusal_and_not_a_no(lab):
    """An API that is down says nothing about what is done."""
    lab.put("blind")
    lab.runbook(WRITE)

    ran = lab.run()

    assert ran.code == 1
    assert "whether the file says what it should cannot be told" in ran.said
    assert "next: rm blind" in ran.said
    assert lab.events() == ["step.refused 1@one"]
    assert lab.journal() == []


def test_a_precondition_that_cannot_be_looked_at_is_a_refusal(lab):
    """Not seen is not met."""
    lab.put("veiled")
    lab.runbook(WRITE)

    ran = lab.run()

    assert ran.code == 1
    assert "it requires that the room is open; that cannot be told" in ran.said
    assert lab.events() == ["step.refused 1@one"]


def test_a_snapshot_that_cannot_be_taken_is_a_refusal(lab):
    """Without what was there before there is no way back, so nothing is done."""
    lab.runbook('steps.keep(path=f"{room}/a", value="env:CANARY", task="1")')
    lab.put("locked")

    ran = lab.run(CANARY="x")

    assert ran.code == 1
    assert lab.events() == ["step.refused 1@one"]
    assert lab.journal() == []


def test_an_act_that_does_not_make_ensures_hold_is_not_proven(lab):
    """The command succeeded and the claim does not hold: failed, not done."""
    lab.runbook('steps.pretend(path=f"{room}/a", text="x", task="1")', NEXT)

    ran = lab.run()

    assert ran.code == 1
    assert "lab.steps.pretend acted on one and is not proven" in ran.said
    assert "it ensures that the file says what it should; it says None" in ran.said
    assert "Traceback" not in ran.said
    assert lab.events() == ["step.started 1@one", "step.failed 1@one"]
    assert lab.read("b") is None


def test_a_call_that_a_client_refuses_fails_the_step_in_three_lines(lab):
    """What, why and next from the client; failed in the ledger with the reason."""
    lab.put("broken")
    lab.runbook(WRITE, NEXT)

    ran = lab.run()

    assert ran.code == 1
    assert "Traceback" not in ran.said
    assert "the file was not written." in ran.said
    assert "next: rm broken" in ran.said
    failed = lab.entries()[-2]
    assert failed.event == "step.failed"
    assert failed.body["why"] == "the file was not written: the pen is broken"


def test_a_shell_command_that_fails_fails_the_step(lab):
    """Its output is pyinfra's to show; the ledger says failed."""
    lab.runbook('steps.print_to(path="/nowhere/at/all/a", text="x", task="1")', NEXT)

    ran = lab.run()

    assert ran.code == 1
    assert lab.events() == ["step.started 1@one", "step.failed 1@one"]
    assert lab.read("b") is None


def test_a_bug_in_a_body_shows_its_traceback_and_is_on_record(lab):
    """Nobody foresaw it: the whole traceback, exit 1, failed."""
    lab.runbook('steps.stumble(path=f"{room}/a", text="x", task="1")', NEXT)

    ran = lab.run()

    assert ran.code == 1
    assert "ZeroDivisionError: a bug in the body" in ran.said
    assert "steps.py" in ran.said
    assert lab.events() == ["step.started 1@one", "step.failed 1@one"]
    assert lab.entries()[-2].body["why"].startswith("unforeseen: ZeroDivisionError")
    assert ran.closing[0].endswith("stopped at lab.steps.stumble (1) on one.")


def test_a_bug_in_a_call_shows_its_traceback_and_is_on_record(lab):
    """The same where the bug is in a function that a step calls."""
    lab.runbook('steps.trip(path=f"{room}/a", text="x", task="1")', NEXT)

    ran = lab.run()

    assert ran.code == 1
    assert "ZeroDivisionError: a bug in the call" in ran.said
    assert lab.events() == ["step.started 1@one", "step.failed 1@one"]
    assert lab.entries()[-2].body["why"].startswith("unforeseen: ZeroDivisionError")
    assert lab.read("b") is None


def test_a_bug_in_a_check_before_the_act_is_a_refusal_with_a_traceback(lab):
    """Nothing was done, and the ledger does not leave it in doubt."""
    lab.put("confused")
    lab.runbook(WRITE, NEXT)

    ran = lab.run()

    assert ran.code == 1
    assert "KeyError: 'nobody foresaw this'" in ran.said
    assert lab.events() == ["step.refused 1@one"]
    assert lab.journal() == []


def test_a_gate_waits_while_the_answer_is_open_and_passes(lab):
    """Asked again and again, then passed; the next run does not ask it again."""
    lab.runbook('steps.door_opens(path=f"{room}/answer", task="1")', NEXT)
    process = lab.start()
    try:
        until(lambda: len(lab.journal()) > 2)
        lab.put("answer", "yes")
        said, _ = process.communicate(timeout=20)
    finally:
        end(process)

    assert process.returncode == 0, said
    assert lab.events("gate") == ["gate.opened 1@one", "gate.passed 1@one"]
    asked = len(lab.journal())
    assert lab.run().code == 0
    assert len(lab.journal()) == asked


def test_a_closed_gate_stops_the_run_and_tells_no_from_unknown(lab):
    """No is told at once; no answer is told when the time is up."""
    lab.runbook('steps.door_opens(path=f"{room}/answer", timeout_seconds=0.2, task="1")', NEXT)

    silent = lab.run()
    lab.put("answer", "no")
    closed = lab.run()

    assert silent.code == closed.code == 1
    assert "there was not enough to tell in the time given: nobody answers yet" in silent.said
    assert "it does not hold: it says 'no'" in closed.said
    assert "next: echo yes > answer" in closed.said
    assert lab.read("b") is None
    assert lab.states()["1@one"] == "refused"


def test_a_bug_in_a_gate_stops_every_target(pair):
    """A traceback, exit 1, and no step on the other target after it."""
    pair.put("confused", target="one")
    pair.runbook('steps.door_opens(path=f"{room}/answer", task="1", on="one")', NEXT)

    ran = pair.run()

    assert ran.code == 1
    assert "KeyError: 'nobody foresaw this'" in ran.said
    assert pair.events("gate") == ["gate.opened 1@one", "gate.closed 1@one"]
    assert pair.read("b", "two") is None


def test_settings_that_would_hide_a_failure_are_refused(lab):
    """pyinfra's `_ignore_errors` and its like would let a step pass without its proof."""
    lab.runbook('steps.write(path=f"{room}/a", text="x", task="1", _ignore_errors=True)')

    ran = lab.run()

    assert ran.code == 1
    assert "`_ignore_errors` would let a step pass without its proof" in ran.said
    assert lab.entries() == []


def test_arguments_that_do_not_fit_are_refused_before_anything_runs(lab):
    """A misspelt argument is told with what the step takes."""
    lab.runbook('steps.write(path=f"{room}/a", txt="x", task="1")')

    ran = lab.run()

    assert ran.code == 1
    assert "`lab.steps.write` cannot be called like this" in ran.said
    assert "it takes (path: str, text: str)" in ran.said
    assert lab.entries() == []
