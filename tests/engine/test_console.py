"""What an operator sees while a runbook is carried out: where it is, how long, what is at stake."""

import os
import pty
import re
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest

from handrail.engine.attempt.calls import Calls
from handrail.engine.console import Activity, Console
from handrail.ledger.task import Declared
from handrail.ledger.views.times import Expected
from handrail.testing.lab import until
from tests.terminal import shown_on

HEAD = "from handrail.engine import hold\nfrom lab import night\n"
A = 'steps.write(path=f"{room}/a", text="1", task="1", name="Prepare it")'
BACK = 'hold(label="users-back", name="Users work as before")'
STOP = 'night.freeze(path=f"{room}/b", text="2", task="2", name="Stop writes", until="4")'
BAD = 'steps.pretend(path=f"{room}/c", text="3", task="3", name="Move the rows")'
MOVE = 'steps.write(path=f"{room}/d", text="4", task="4", name="Let users switch over")'
CLOCK = r"\d\d:\d\d:\d\d"


@pytest.fixture(name="night")
def _night(lab):
    """Return a night whose third step does not go through."""
    lab.runbook(A, BACK, STOP, BAD, MOVE, header=HEAD)
    return lab


def at_a_terminal(lab, *answers, arguments=(), **more):
    """Run at a real terminal, each answer typed when it is asked for; return status and words."""
    master, slave = pty.openpty()
    env = lab.env | {"TERM": "xterm", "NO_COLOR": "1"} | more
    process = subprocess.Popen(
        lab.command(*arguments), cwd=lab.folder, env=env, stdin=slave, stdout=slave,
        stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    left, said, asked = list(answers), "", 0
    for said in shown_on(master):
        questions = len(re.findall(r"(What now\? |in the ledger: |leaves: )", said))
        while left and asked < questions:
            os.write(master, f"{left.pop(0)}\n".encode())
            asked += 1
    os.close(master)
    return process.wait(timeout=30), said.replace("\r\n", "\n").replace("\x1b[K", "")


def test_each_call_has_a_line_with_its_place_its_words_and_the_time(pair):
    """Which of how many, on which target; and how it ended. Others are not named."""
    pair.put("d", "4", target="two")
    pair.runbook(A.replace("task=", 'on="one", task='), MOVE, header=HEAD)

    ran = pair.run()

    assert re.search(rf"^\[1/2\] 1 one  Prepare it  {CLOCK}$", ran.said, re.MULTILINE)
    assert re.search(r"^        changed in ", ran.said, re.MULTILINE)
    unchanged = rf"^\[2/2\] 4 two  Let users switch over  {CLOCK}  unchanged$"
    assert re.search(unchanged, ran.said, re.MULTILINE)
    assert "1 two" not in ran.said
    for word in ("Skipped", "Starting operation", "Success", "No changes", "Grand total"):
        assert word not in ran.said


def test_what_was_measured_is_told_where_a_call_begins(lab):
    """From the run before."""
    lab.runbook(A, header=HEAD)
    assert lab.run().code == lab.roll_back().code == 0

    said = lab.run().said

    assert re.search(rf"\[1/1\] 1 one  Prepare it  {CLOCK}  about 1 s", said)
    assert re.search(rf"\[1/1\] 1 one  Put the file back as it was  {CLOCK}  about 1 s",
                     lab.roll_back().said)  # fmt: skip


def test_a_wait_says_once_for_what_and_how_long_at_most(lab):
    """And goes on to say so once a minute, not with each look."""
    lab.runbook(
        'steps.door_opens(path=f"{room}/door", task="1", timeout_seconds=0.3, poll_seconds=0.01)'
    )

    said = lab.run().said

    assert said.count("waiting: ") == 1
    assert "at most 1 s" in said


def test_a_stop_says_first_what_is_at_stake_and_how_it_ends(night):
    """Before where the run stands; with the command to paste, as far as the last hold."""
    ran = night.run()

    assert ran.code == 1
    stake = ran.said.index("ONE: PEOPLE CANNOT WRITE SINCE ")
    assert stake < ran.said.index("steps proven, stopped at")
    assert "Users back in a time that nobody measured: pyinfra -y lab.py rollback.py" in ran.said
    command = re.search(r"measured: (pyinfra .*)", ran.said)[1].replace("…", "users wait")
    assert night.paste(["sh", "-c", command]).code == 0
    assert [night.read(name) for name in "abcd"] == ["1", None, None, None]


def test_nothing_is_at_stake_before_it_begins_and_after_it_is_over(night):
    """A stop says so only while it is."""
    night.put("shut")
    assert "PEOPLE CANNOT" not in night.run().said
    night.clear("shut")
    night.runbook(A, BACK, STOP, MOVE, BAD, header=HEAD)
    assert "PEOPLE CANNOT" not in night.run().said


def test_a_hold_says_what_is_at_stake_too(night):
    """It stops there."""
    held = night.run("--data", "to=2")

    assert held.code == 3
    assert "ONE: PEOPLE CANNOT WRITE SINCE " in held.said


def test_a_rollback_that_leaves_something_at_stake_says_so_and_how_it_ends(lab):
    """In its plan, at its end and to whoever watches: as far as it goes, people still wait."""
    moved = 'steps.write(path=f"{room}/c", text="3", task="3", name="Move the rows")'
    lab.runbook(A, BACK, STOP, moved, MOVE, header=HEAD)
    assert lab.run("--data", "to=3").code == 3

    plan = lab.roll_back("--dry", "--data", "to=2")
    data = lab.roll_back("--dry", "--json", "--data", "to=2")
    ran = lab.roll_back("--data", "to=2")
    seen = lab.handrail("watch", "--once")

    assert "Stays at stake: ONE: PEOPLE CANNOT WRITE SINCE " in plan.said
    assert "a rollback with `to=users-back` ends it." in plan.said
    assert '"back_to": "users-back"' in data.said
    assert re.search(r"Users back in .* --data to=users-back$", ran.said, re.MULTILINE)
    assert "ONE: PEOPLE CANNOT WRITE SINCE " in seen.said


def test_ctrl_c_says_first_what_is_at_stake(lab):
    """Before it says that it ends."""
    lab.runbook(
        STOP.replace("until", "stake='nobody can write', until"),
        'steps.door_opens(path=f"{room}/door", task="4", timeout_seconds=60)',
        header=HEAD,
    )
    process = lab.start()
    until(lambda: "gate.opened 4@one" in lab.events("gate"))

    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "ONE: NOBODY CAN WRITE SINCE" in said
    assert said.index("NOBODY CAN WRITE SINCE") < said.index("SIGINT: ending now")
    assert said.count("NOBODY CAN WRITE SINCE") == 1


def test_at_a_terminal_what_can_be_done_is_shown_and_asked(night):
    """With what each would do; a reason is wanted, kept, and what was chosen is done."""
    code, said = at_a_terminal(night, "sk", "looked at it")

    assert "3 on one did not go through. You can:" in said
    for word in ("look", "again", "adopt", "skip", "rollback users-back", "rollback", "leave"):
        assert re.search(rf"^\W*{word} +\w", said, re.MULTILINE), word
    assert said.index("PEOPLE CANNOT WRITE SINCE") < said.index("You can:")
    assert code == 1, "a run with a skipped step is finished, never proven"
    assert night.states()["3@one"] == "skipped"
    assert night.read("d") == "4"
    assert [each.reason for each in night.entries() if each.event == "step.skipped"] == [
        "looked at it"
    ]


def test_looking_again_adopts_what_is_done_now(night):
    """And asks once more where it is not; looking changes nothing."""
    night.put("other")
    code, said = at_a_terminal(night, "look", "what", "leave")

    assert "it is not so: it says None" in said
    assert "`what` is none of them" in said
    assert code == 1
    assert night.states()["4@one"] == "pending"

    night.put("c", "3")
    assert night.run("--data", "on_failure=look").code == 0
    assert night.states()["3@one"] == "changed"


def test_running_again_is_one_word_for_one_act(night):
    """It is on record; where it fails again, it is not offered again in this attempt."""
    code, said = at_a_terminal(night, "again", "the disk was full", "leave")

    assert code == 1
    assert night.journal().count("pretend 3 c") == 2
    assert said.count("runs it again from what was captured first") == 1
    started = [each for each in night.entries() if each.event == "step.started"]
    assert started[-1].reason == "the disk was full"


def test_a_rollback_to_a_hold_follows_at_once(night):
    """The run ends first, then the rollback's own plan and question come."""
    code, said = at_a_terminal(night, "rollback users-back", "users wait", "")

    assert code == 1
    assert "ends this run and undoes what came after users-back, 2 steps" in said
    assert "Let people write again" in said
    assert [night.read(name) for name in "abcd"] == ["1", None, None, None]
    assert night.runs()[-1].reason == "users wait"


@pytest.mark.parametrize(
    ("word", "code", "state"),
    [
        ("skip", 1, "skipped"),
        ("adopt", 1, "changed"),
        ("leave", 1, "failed"),
        ("look", 1, "failed"),
    ],
)
def test_without_a_terminal_the_command_says_it_beforehand(night, word, code, state):
    """Once for each call, with what it does."""
    ran = night.run("--data", f"on_failure={word}", "--data", "reason=as agreed")

    assert ran.code == code
    assert night.states()["3@one"] == state
    assert f"on_failure={word}: " in ran.said


def test_a_rollback_can_be_what_the_command_said_beforehand(night):
    """To a hold; the run itself is no success."""
    word = "on_failure=rollback:users-back"
    ran = night.run("--data", word, "--data", "reason=as agreed")

    assert ran.code == 1
    assert [night.read(name) for name in "abcd"] == ["1", None, None, None]


def test_a_word_that_is_no_choice_or_has_no_reason_is_told_before_anything(night):
    """Nothing is done."""
    wrong = night.run("--data", "on_failure=shrug")
    nowhere = night.run("--data", "on_failure=rollback:user-back", "--data", "reason=x")
    unreasoned = night.run("--data", "on_failure=skip")

    assert (wrong.code, nowhere.code, unreasoned.code, night.entries()) == (2, 2, 1, [])
    assert "did you mean `users-back`?" in nowhere.said
    assert "`on_failure=shrug` is not a choice" in wrong.said
    assert "an override needs a reason" in unreasoned.said


def test_a_rollback_step_that_fails_is_asked_about_in_the_same_way(night):
    """Somebody changed it since: to be put back all the same, with a reason."""
    night.runbook(A, BACK, STOP, MOVE, header=HEAD)
    assert night.run().code == 0
    night.put("b", "by hand")

    ran = night.roll_back("--data", "on_failure=again", reason="we know who")

    assert ran.code == 0, ran.said
    assert "puts it back all the same, over what was changed since" in ran.said
    assert [night.read(name) for name in "abd"] == [None, None, None]
    assert [e.body["consent"] for e in night.entries() if "consent" in e.body] == [
        "drift=2@one#1:undo"
    ]


def test_the_other_targets_go_on_where_somebody_says_how(pair):
    """What the failure of one kept back elsewhere is taken up again."""
    pair.put("c", "3", target="two")
    pair.runbook(BAD, MOVE, header=HEAD)

    assert pair.run("--data", "on_failure=skip", "--data", "reason=agreed").code == 1
    assert (pair.read("d", "one"), pair.read("d", "two")) == ("4", "4")


def test_a_call_at_work_says_what_is_left_and_how_far_it_is():
    """By its own word where it says so, else by what was measured; else since when."""
    call = Declared("9.3", "data.load", "production", "Load all rows")
    began = time.monotonic() - 370
    told = Activity(call, None, began=began, share=0.62, doing="attendance_records 1.2 M of 1.9 M")
    known = Activity(call, Expected(598, 700, 3, "prod"), began=began)

    assert told.state() == "about 4 min, 62 % (attendance_records 1.2 M of 1.9 M)"
    assert known.state() == "about 4 min, 62 %"
    assert Activity(call, None, began=began).state() == "6 min"


def test_a_call_that_takes_longer_than_ever_is_late():
    """By what 95 of 100 took, said while it is at work and where it ends; not by a second."""
    call = Declared("9.3", "data.load", "production", "Load all rows")
    began = time.monotonic() - 370
    late, soon = (Activity(call, Expected(50, p95, 3, "prod"), began=began) for p95 in (70, 367))

    assert late.state() == "about 1 s, 99 %, late by 5 min"
    assert soon.state() == "about 1 s, 99 %"
    assert (late.late(370), late.late(60)) == (", late by 5 min", "")


def test_where_nothing_is_drawn_a_line_comes_once_a_minute(capsys):
    """Of each call at work that nothing was heard of since."""
    call = Declared("9.3", "data.load", "production", "Load all rows")
    calls = Calls("up")
    calls.places["9.3"] = "up.py:1"
    unowned = SimpleNamespace(calls=calls, run=SimpleNamespace(undoes=""), runs={})
    console = Console(unowned)
    console.at_work["9.3", "production"] = Activity(call, None, told=time.monotonic() - 61)

    console.tell()
    console.tell()

    assert re.fullmatch(rf"\[1/1\] 9.3 production  Load all rows  {CLOCK}  \d+ s\n",
                        capsys.readouterr().err)  # fmt: skip


def test_at_a_terminal_a_wait_is_drawn_anew_until_it_is_over(lab):
    """With what is waited for; a line of its own follows."""
    wait = 'steps.door_opens(path=f"{room}/door", task="1", timeout_seconds=2.5, poll_seconds=0.1)'
    lab.runbook(wait)

    _, said = at_a_terminal(lab, "leave")

    assert re.search(rf"\[1/1\] 1 one  .*  {CLOCK}  \d s \(waiting: .*\)\r", said)


def test_what_is_true_at_a_hold_is_said_where_the_run_passes_it(night):
    """Between the calls."""
    lines = night.run().said.splitlines()

    place = lines.index("    users-back: Users work as before")
    assert "changed in" in lines[place - 1]
    assert "2 one  Stop writes" in lines[place + 1]


def test_colours_repeat_the_words(night):
    """And say nothing that the words do not; who sets `NO_COLOR` sees none anywhere."""
    _, plain = at_a_terminal(night, arguments=("--dry",))
    _, coloured = at_a_terminal(night, arguments=("--dry",), NO_COLOR="")

    plan, same = (
        text.partition(" on lab")[2].partition("Nothing was")[0] for text in (plain, coloured)
    )
    assert "\x1b[32mwould run" in same
    assert not re.search(r"\x1b\[\d*m", plain)
    assert re.sub(r"\x1b\[\d*m", "", same) == plan
