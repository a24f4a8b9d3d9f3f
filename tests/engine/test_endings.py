"""How a command ends: an exit status that is true, and closing lines that work when pasted."""

import os
import pty
import signal
import socket
import subprocess

import pytest

from handrail.testing.lab import end, until

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
SLOW = 'steps.slow(path=f"{room}/p", text="1", seconds=30, task="2")'
SLOW_CALL = 'steps.slow_call(path=f"{room}/p", text="1", seconds=30, task="2")'
LAST = 'steps.write(path=f"{room}/z", text="1", task="3")'


def test_a_proven_run_exits_0_and_names_evidence_and_the_way_back(lab):
    """Every step is proven: that, and only that, is 0."""
    lab.runbook(A)

    ran = lab.run_cold()

    run = lab.runs()[0].id
    assert ran.code == 0
    assert [each for each in ran.closing if each] == [
        f"Run {run} on {lab.environment}: all 1 steps proven.",
        f"    evidence:  handrail report {run} --ledger memory/lab.sqlite",
        f'    roll back: pyinfra -y lab.py rollback.py --data run={run} --data reason="…"',
    ]
    assert lab.events("run") == ["run.opened @", "run.proven @"]
    assert lab.events("attempt") == ["attempt.started @", "attempt.ended @"]


def test_a_closed_gate_exits_1(lab):
    """The run is not proven."""
    lab.put("answer", "no")
    lab.runbook('steps.door_opens(path=f"{room}/answer", task="1")')

    assert lab.run_cold().code == 1


def test_the_closing_lines_work_when_pasted(lab):
    """Resume, roll back, go forward again: each as printed."""
    lab.put("shut")
    lab.runbook('steps.print_to(path=f"{room}/b", text="0", task="0")', A)
    stopped = lab.run_cold()
    lab.clear("shut")

    resumed = lab.paste(stopped.command("resume"))
    back = lab.paste(resumed.command("roll back"))
    again = lab.paste(back.command("again"))
    stopped_back = lab.paste(again.command("roll back"))

    assert stopped.code == 1
    assert stopped.closing[0].endswith(
        ": 1 of 2 steps proven, stopped at lab.steps.write (1) on one."
    )
    assert (resumed.code, back.code, again.code, stopped_back.code) == (0, 0, 0, 0)
    assert lab.read("a") is None
    reasons = [run.reason for run in lab.runs() if run.undoes]
    assert reasons == ["…", "…"]


def test_a_rollback_that_stopped_resumes_when_pasted_whatever_its_reason_holds(lab):
    """Quotes and dollars in a reason are the operator's, not the shell's."""
    lab.runbook(A)
    lab.run()
    lab.put("stuck")
    reason = """it's "cold" in $HOME `date`"""
    stopped = lab.roll_back(reason=reason)
    lab.clear("stuck")

    resumed = lab.paste(stopped.command("resume"))

    assert (stopped.code, resumed.code) == (1, 0)
    assert {each.reason for each in lab.entries() if each.event == "attempt.started"} == {
        "",
        reason,
    }


def test_a_partial_rollback_that_stopped_resumes_as_partial(lab):
    """The pasted command must not undo more than was asked for."""
    lab.runbook('steps.print_to(path=f"{room}/b", text="0", task="0")', A)
    lab.run()
    lab.put("stuck")
    stopped = lab.roll_back("--data", "to=0")
    lab.clear("stuck")

    assert stopped.code == 1
    assert lab.paste(stopped.command("resume")).code == 0
    assert (lab.read("a"), lab.read("b")) == (None, "0")


def test_a_run_that_changed_nothing_offers_no_way_back(lab):
    """There is nothing to undo."""
    lab.put("shut")
    lab.runbook(A)

    assert "roll back" not in "\n".join(lab.run().closing)


@pytest.mark.parametrize("call", [SLOW, SLOW_CALL], ids=["a shell command", "a Python call"])
def test_ctrl_c_exits_130_and_leaves_a_run_that_can_be_resumed(lab, call):
    """pyinfra itself would exit 0; the interrupted step is in doubt."""
    lab.runbook(A, call, LAST)
    process = lab.start_cold()
    try:
        until(lambda: len(lab.journal()) > 1)
        os.kill(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    finally:
        end(process)

    assert process.returncode == 130, said
    assert (
        f"Run {lab.runs()[0].id} on {lab.environment}: "
        "1 of 3 steps proven, stopped at lab.steps.slow" in said
    )
    assert "Traceback" not in said
    assert lab.runs()[0].tasks["2", "one"].in_doubt
    assert lab.events("attempt")[-1] == "attempt.ended @"
    assert lab.read("z") is None


def test_ctrl_c_while_a_gate_waits_keeps_its_window(lab):
    """A soak of 24 hours does not start anew after a restart."""
    lab.runbook('steps.door_opens(path=f"{room}/answer", timeout_seconds=60, task="1")')
    process = lab.start_cold()
    try:
        until(lambda: len(lab.journal()) > 1)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=20)
    finally:
        end(process)
    lab.put("answer", "yes")

    assert process.returncode == 130
    assert lab.run().code == 0
    assert lab.events("gate") == ["gate.opened 1@one", "gate.passed 1@one"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_command_does_not_exit_0_and_is_resumed(lab, number):
    """A closed terminal and a shutdown are no success; the closing lines are there."""
    lab.runbook(A, SLOW_CALL, LAST)
    process = lab.start_cold()
    try:
        until(lambda: len(lab.journal()) > 1)
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=20)
    finally:
        end(process)
    lab.put("p", "1")

    assert process.returncode == 128 + number
    assert "1 of 3 steps proven" in said
    assert lab.run().code == 0


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--no-wait", "`--no-wait` lets a failed target pass as a success"),
        ("--serial", "`--serial` takes one target to its end before the next"),
        ("--limit=one", "`--limit` and `--exclude` leave targets out"),
        ("--exclude=one", "`--limit` and `--exclude` leave targets out"),
    ],
)
def test_an_option_that_would_break_a_promise_is_refused(pair, option, told):
    """Before anything is done, with what to do instead."""
    pair.runbook(A)

    ran = pair.run(option)

    assert ran.code == 1
    assert told in ran.said
    assert pair.entries() == []


def test_without_a_terminal_a_run_needs_yes(lab):
    """pyinfra would end in an EOFError."""
    lab.runbook(A)

    ran = lab.run("--no-yes")

    assert ran.code == 1
    assert "there is no terminal to answer on" in ran.said
    assert "add `-y`, after a look at the same command with `--dry`" in ran.said


@pytest.mark.parametrize(("answer", "code", "does"), [("\n", 0, "1"), ("no\n", 1, None)])
def test_on_a_terminal_pyinfra_asks_and_no_is_no_success(lab, answer, code, does):
    """Enter goes on; anything else leaves, having done nothing."""
    lab.runbook(A)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        lab.command("--no-yes"), cwd=lab.folder, env=lab.env, stdin=slave,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    os.write(master, answer.encode())
    said, _ = process.communicate(timeout=30)
    os.close(master)
    os.close(slave)

    assert process.returncode == code, said
    assert lab.read("a") == does


def test_retries_do_no_harm(lab):
    """pyinfra would run a failed body again from the top; the run has stopped."""
    lab.runbook('steps.pretend(path=f"{room}/p", text="1", task="1")', A.replace('"1")', '"2")'))

    ran = lab.run("--retry", "2", "--retry-delay", "0")

    assert ran.code == 1
    assert lab.journal() == ["pretend 1 p"]
    assert lab.events() == ["step.started 1@one", "step.failed 1@one"]


def test_a_target_that_does_not_connect_is_a_failure_and_no_skip(lab):
    """pyinfra goes on without it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    lab.runbook(A)
    text = (lab.folder / "lab.py").read_text().replace("hosts = [", (
        "hosts = [('@ssh/127.0.0.1', "
        f"{{'room': '{lab.room()}', 'ssh_port': {port}, 'ssh_user': 'nobody'}}), "
    ))  # fmt: skip
    (lab.folder / "lab.py").write_text(text)

    ran = lab.run()

    assert ran.code == 1
    assert "no connection to `@ssh/127.0.0.1`" in ran.said
    assert lab.read("a") is None
    assert lab.entries() == []


def test_two_runbooks_in_one_command_are_refused(lab):
    """A command carries one run."""
    lab.runbook(A)
    lab.runbook(LAST, name="other")

    ran = lab.run("other.py")

    assert ran.code == 1
    assert "`up` and `other` are in one command" in ran.said
    assert lab.entries() == []


def test_a_runbook_without_begin_is_refused(lab):
    """It says what to put where."""
    lab.runbook(A)
    path = lab.folder / "up.py"
    path.write_text(path.read_text().replace("begin()\n", "", 1))

    ran = lab.run()

    assert ran.code == 1
    assert "put `begin()` first in the file" in ran.said


def test_an_inventory_that_does_not_say_its_environment_is_refused(lab):
    """The ledger belongs to an environment."""
    lab.runbook(A)
    (lab.folder / "group_data" / "all.py").write_text("")

    assert "the inventory does not say which environment it is" in lab.run().said


def test_data_that_the_runbook_does_not_know_or_lacks_is_refused(lab):
    """A misspelt key is told with what it may have meant."""
    lab.runbook(A)
    path = lab.folder / "up.py"
    shape = "class Needs(TypedDict):\n    room: str\n    windows: list[str]\n\n\n"
    text = path.read_text().replace("begin()", f'{shape}begin({{"one": Needs}})')
    path.write_text("from typing import TypedDict\n" + text)

    lacking = lab.run()
    lab.inventory(windows="north")
    mistyped = lab.run()
    lab.inventory(windws="north")
    misspelt = lab.run()

    assert [each.code for each in (lacking, mistyped, misspelt)] == [1, 1, 1]
    assert "`one` lacks data `windows`" in lacking.said
    assert "data `windows` of `one` is not list but str" in mistyped.said
    assert "`one` has data `windws`, which this runbook does not know" in misspelt.said
    assert "did you mean `windows`?" in misspelt.said
