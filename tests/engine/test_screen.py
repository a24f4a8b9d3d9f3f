"""A plan fits a screen: on stdout, by phase, a line a call, with times, stakes and the way back."""

import json
import os
import pty
import subprocess

import pytest

HOLD = "from handrail.engine import hold\nfrom lab import night\n"
A = 'steps.write(path=f"{room}/a", text="1", task="1", name="Prepare it")'
BACK = 'hold(label="users-back", name="Users work as before")'
STOP = (
    'steps.write(path=f"{room}/b", text="2", task="2", name="Stop writes", '
    'stake="the legacy database refuses writes", until="3")'
)
MOVE = 'steps.write(path=f"{room}/c", text="3", task="3", name="Let users switch over")'
BURN = 'steps.burn(path=f"{room}/d", task="4")'


@pytest.fixture(name="night")
def _night(lab):
    """Return a lab with a night of two phases."""
    lab.put("d")
    lab.runbook(A, BACK, STOP, MOVE, BURN, header=HOLD)
    return lab


def planned(lab, *arguments, **env):
    """Return what a plan says on stdout alone."""
    return lab.run("--dry", *arguments, apart=True, **env).said


def test_a_plan_is_on_stdout_by_phase_with_what_cannot_be_undone(night):
    """A line a call; the phase ends where something is true that people can name."""
    lines = planned(night).splitlines()

    heads = [line for line in lines if line.startswith("  To ")]
    assert [head.split("  ")[1] for head in heads] == [
        "To users-back: Users work as before", "To the end",
    ]  # fmt: skip
    assert lines.index(heads[0]) + 1 == next(n for n, each in enumerate(lines) if "Prepare" in each)
    assert any("once; irreversible]" in line for line in lines if line.startswith("    4 "))
    told = " ".join(" ".join(lines).split())
    assert "Cannot be undone: 4 Burn" in told
    assert "ashes do not turn back; instead: write it anew" in told
    assert "4 would run." in told


def test_a_plan_tells_who_is_affected_and_from_when_to_when(night):
    """From the call that puts it at stake to the one that ends it."""
    assert (
        "The legacy database refuses writes from 2 until 3 is done: not measured yet."
        in planned(night)
    )


def test_a_plan_that_would_hold_with_something_at_stake_says_so(night):
    """With how to end it; one that holds before it, or after, has nothing to say."""
    told = " ".join(planned(night, "--data", "to=2").split())

    assert "The run would hold while that is so; a rollback with `to=users-back` ends it." in told
    assert "would hold while" not in planned(night, "--data", "to=3")
    assert "refuses writes" not in planned(night, "--data", "to=users-back")


@pytest.mark.parametrize("columns", [80, 200])
def test_no_line_is_wider_than_the_screen(night, columns):
    """What matters less is cut first; the sentence of each call is there."""
    lines = planned(night, COLUMNS=str(columns)).splitlines()

    assert max(map(len, lines)) <= columns
    assert any("Let users switch over" in line for line in lines)


def test_a_plan_tells_what_was_measured_before(night):
    """Of a run and its way back; each call, each phase, all of it."""
    assert night.run().code == 0
    back = ("--data", "accept=4:irreversible")
    assert night.roll_back(*back).code == 0

    told = planned(night)

    assert f"measured on {night.environment}" in told
    assert "once all of this is done." in told
    found = json.loads(planned(night, "--json"))
    calls = [call for phase in found["phases"] for call in phase["calls"]]
    assert [call["word"] for call in calls] == [*["would run"] * 3, "unchanged"]
    assert [call["expected"] and call["expected"]["count"] for call in calls] == [1, 1, 1, None]
    assert found["way_back_then"]["unmeasured"] == 0


def test_a_plan_for_programs_is_json_and_nothing_else(night):
    """Its shape is told in docs/OPERATING.md; nothing is done without `-y`, dry or not."""
    found = json.loads(planned(night, "--json"))

    assert (found["environment"], found["stops"]) == (night.environment, False)
    assert [[each["task"] for each in phase["calls"]] for phase in found["phases"]] == [
        ["1"], ["2", "3", "4"],
    ]  # fmt: skip
    stop = found["phases"][1]["calls"][0]
    assert (stop["would"], stop["promise"], stop["rollback"]) == (
        "act", "again", "Put the file back as it was",
    )  # fmt: skip
    assert found["stakes"] == [
        {
            "stake": "the legacy database refuses writes", "from": "2", "target": "one",
            "until": "3",
            "since": None, "left_on": False, "back_to": "users-back",
            "lasts": {"seconds": None, "p95_seconds": None, "tasks": 2, "unmeasured": 2},
        }
    ]  # fmt: skip
    assert found["counts"] == {"would run": 4}
    assert night.entries() == []


def test_a_run_for_programs_ends_with_where_it_stands(night):
    """On stdout alone; what people read is beside it."""
    done = subprocess.run(
        night.command("--json"), cwd=night.folder, env=night.env, check=False,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip

    found = json.loads(done.stdout)
    assert (done.returncode, found["outcome"]) == (0, "proven")
    assert [each["state"] for each in found["tasks"]] == ["changed"] * 4
    assert "all 4 steps proven" in done.stderr


def many(lab, phases=6, calls=13):
    """Write a plan of 78 calls: acts and gates, holds between, one thing at stake near the end."""
    lines = []
    for phase in range(phases):
        for number in range(calls):
            task = f"{phase}.{number}"
            stake = ', stake="nobody can write", until="5.10"' if task == "5.2" else ""
            step = "place" if number % 3 else "measure"
            words = "" if step == "measure" else ', text="1"'
            lines.append(f'steps.{step}(path=f"{{room}}/{task}"{words}, task="{task}"{stake}, '
                         f'name="Do what has to be done as {number} of {phase}")')  # fmt: skip
        lines.append(f'hold(label="h{phase}", name="Phase {phase} is done")')
    lab.runbook(*lines, header=HOLD)


@pytest.mark.parametrize("columns", [80, 200])
def test_a_long_plan_fits_a_screen_and_no_task_is_missing(lab, columns):
    """78 calls in 45 lines: what only looks and what acts side by side is told together."""
    many(lab)

    lines = planned(lab, COLUMNS=str(columns)).splitlines()

    assert len(lines) <= 45
    assert max(map(len, lines)) <= columns
    assert [each for each in lines if each.strip().startswith("To h")][-1].strip()[:5] == "To h5"
    for task in ("5.2", "5.10"):  # named by what is at stake
        assert sum(each.split()[0] == task for each in lines if each.strip()) == 1
    assert any("Nobody can write from 5.2 until 5.10 is done" in each for each in lines)
    assert any("`--data calls=all`" in each for each in lines)
    assert len(planned(lab, "--data", "calls=all").splitlines()) > 78
    found = json.loads(planned(lab, "--json"))
    assert sum(len(phase["calls"]) for phase in found["phases"]) == 78


def test_who_answers_for_a_call_stands_in_plan_console_and_watch(lab):
    """By name, beside the sentence."""
    lab.runbook(A.replace('name="Prepare it"', 'name="Prepare it", owner="DBA on call"'))

    plan = planned(lab)
    found = json.loads(planned(lab, "--json"))
    ran = lab.run()
    seen = lab.handrail("watch", "--once")

    assert "once; DBA on call]" in plan or "again; DBA on call]" in plan
    assert "(one; DBA on call)" in planned(lab, COLUMNS="80")
    assert found["phases"][0]["calls"][0]["owner"] == "DBA on call"
    assert "Prepare it (DBA on call)" in ran.said
    assert "Prepare it (DBA on call)" in seen.said


def test_the_sql_goes_to_a_file_and_the_rest_is_shown_where_it_is_asked_for(lab):
    """The plan itself stays on its screen, and says how to see more."""
    lab.runbook(
        'night.query(path=f"{room}/q", text="1", task="1", name="Move the rows")',
        'steps.draw(path=f"{room}/d", text="1", task="2")',
        header=HOLD,
    )

    short = planned(lab)
    full = planned(lab, "--data", "sql=plan.sql", "--data", "diff=1")
    nowhere = lab.run("--dry", "--data", "sql=none/plan.sql")

    assert nowhere.code == 1
    assert "the SQL was not written to `none/plan.sql`" in nowhere.said
    assert "Traceback" not in nowhere.said
    assert "SQL of 1 call: add `--data sql=FILE`." in short
    assert "What 1 call would change, in full: add `--data diff=1`." in short
    assert "select" not in short + full
    assert (lab.folder / "plan.sql").read_text() == (
        "-- 1 on one: Move the rows [lab.night.query]\n\nselect 'q';\n\n"
    )
    assert "        d says:\n            1" in full


def test_a_rollback_tells_its_sentences_and_what_stays_before_it_asks(night):
    """In people's words; what cannot be undone and what is lost is told as such."""
    assert night.run().code == 0

    told = " ".join(night.roll_back("--dry", "--data", "to=1").said.split())

    assert "would undo Put the file back as it was" in told
    assert "undoes: Stop writes" in told
    assert "Stays undone: 4 on one: ashes do not turn back" in told
    assert "Stays as it is: everything up to 1." in told


def test_a_rollback_tells_what_is_lost(lab):
    """Before it begins."""
    lab.runbook('night.gather(path=f"{room}/g", text="1", task="1")', header=HOLD)
    assert lab.run().code == 0

    assert "Is lost: with 1 on one: what came since is kept aside." in lab.roll_back("--dry").said


def asked(lab, answer, *arguments):
    """Run at a terminal, with an answer to the question; return the status and all it said."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        lab.command("--no-yes", *arguments), cwd=lab.folder, env=lab.env, stdin=slave,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    os.write(master, f"{answer}\n".encode())
    said, _ = process.communicate(timeout=60)
    os.close(master)
    os.close(slave)
    return process.returncode, said


def guarded(lab):
    """Guard the lab; a drill is a matter of its own."""
    lab.runbook(A)
    lab.inventory(guarded=True)
    return ("--data", "override=proof", "--data", "reason=drilled by hand")


def test_our_plan_stands_above_the_question(night):
    """And nothing else between the two."""
    code, said = asked(night, "no")

    assert code == 1
    before, _, _ = said.partition("Press enter to run this")
    assert "Plan for" in before
    assert "once: at most once" in before.strip().splitlines()[-1]
    assert night.entries() == []


@pytest.mark.parametrize(("typed", "code"), [("", 1), ("yes", 1), ("{}", 0)])
def test_a_guarded_environment_wants_its_name(lab, typed, code):
    """Nothing else will do."""
    how, answer = guarded(lab), typed.format(lab.environment)

    status, said = asked(lab, answer, *how)

    assert f"Type `{lab.environment}` to run this" in said
    assert (status, lab.read("a")) == (code, None if code else "1"), said


def test_a_guarded_environment_wants_its_name_with_yes_too(lab):
    """As data; another one's name is a wrong command, guarded or not."""
    how = guarded(lab)

    unnamed = lab.run(*how)
    wrong = lab.run(*how, "--data", "environment=staging")
    assert (unnamed.code, wrong.code, lab.entries()) == (1, 2, [])
    assert f"add `--data environment={lab.environment}`" in unnamed.said
    assert f"this is the inventory of `{lab.environment}`" in wrong.said

    assert lab.run(*how, "--data", f"environment={lab.environment}").code == 0
    assert lab.run("--dry", *how).code == 0
