"""What a killed run left at work: the next attempt does not act beside it, whoever was killed."""

import os
import signal

import pytest

from handrail.testing.lab import GUARDS, end, until
from tests.engine.lab.bench import Bench

AT_WORK = "a command of an earlier attempt is still at work there (process "
LINES = ["plain", "setsid", "nohup", "two lines"]
CALLS = ["run", "thread", "system", "spawn"]
BLOWS = {
    "parent": lambda process: os.kill(process.pid, signal.SIGKILL),
    "group": lambda process: os.killpg(process.pid, signal.SIGKILL),
    "TERM": lambda process: os.killpg(process.pid, signal.SIGTERM),
    "HUP": lambda process: os.killpg(process.pid, signal.SIGHUP),
    "Ctrl-C": lambda process: os.killpg(process.pid, signal.SIGINT),
}


KINDS = [("line", how) for how in LINES] + [("call", how) for how in CALLS]
# While these wait, nothing else runs in the process, no handler of a signal either.
BLIND = {"system", "spawn"}
ALL = [(kind, how, blow) for kind, how in KINDS for blow in BLOWS if how not in BLIND]
ALL += [("call", "system", "parent"), ("call", "spawn", "parent"), ("call", "spawn", "group")]
# Every kind and every blow in the suite; the campaign tries each with each.
SLICE = [ALL[place] for place in (0, 6, 12, 18, 24, 28, 30, 32)]


def struck(lab, kind, how, blow):
    """Run a step until its child is at work, and strike."""
    call = f'hardy.by_{kind}(path=f"{{room}}/f", how="{how}", task="1")'
    lab.runbook(call, header="from lab import hardy\n")
    process = lab.start()
    try:
        until(lambda: lab.read("f.begun"))
        BLOWS[blow](process)
        process.wait(timeout=20)
    except BaseException:
        end(process)
        raise


def check_kept_out(lab, *more):
    """Hold the next attempts to the promise: refused while it works, adopted when it is through."""
    at_once = [lab.run(*more), lab.roll_back()]
    lab.put("f.go")
    lab.until_through()
    afterwards = lab.run()

    for each in at_once:
        assert each.code == 1, each.said
        assert AT_WORK in each.said, each.said
        assert any(word in each.said for word in ("trap '' INT", "spawn_main")), "its command"
        assert "Traceback" not in each.said
    assert afterwards.code == 0, afterwards.said
    assert lab.read("f.begun") == "begun\n", "it acted once"
    assert lab.read("f") == "done\n"
    assert guards_of(lab) == [], "nobody holds one, so none stays"


def guards_of(lab):
    """Return the files of guards that acts of a lab left behind."""
    return [each.name for each in GUARDS.glob(f"handrail-*-{lab.environment}-*.guard")]


@pytest.mark.parametrize(("kind", "how", "blow"), SLICE)
def test_what_outlives_its_run_keeps_the_next_attempt_out(lab, kind, how, blow):
    """Deaf to signals, in a session of its own, in the background of a line that is over."""
    struck(lab, kind, how, blow)

    check_kept_out(lab)


@pytest.mark.parametrize(("kind", "how"), [("line", "setsid"), ("call", "run")])
def test_another_project_of_the_same_names_on_this_machine_changes_nothing(
    lab, tmp_path, kind, how
):
    """Environment, target, runbook and minute alike: it is not kept out, and lets nobody in."""
    struck(lab, kind, how, "parent")
    with Bench(tmp_path / "other") as other:
        struck(other, kind, how, "parent")
        other.put("f.go")
        other.until_through()
        assert other.run().code == 0

    check_kept_out(lab)


@pytest.mark.parametrize("choice", ["retry", "adopt", "skip"])
def test_no_consent_goes_over_an_orphan(lab, choice):
    """It is still at work, so nobody can have seen how it ended."""
    struck(lab, "line", "setsid", "group")

    check_kept_out(lab, "--data", f"settle=1#1:{choice}", "--data", "reason=looked")


@pytest.mark.parametrize(
    "call",
    [
        'hardy.leave_on(path=f"{room}/d", how="line", task="1")',
        'hardy.leave_on(path=f"{room}/d", how="call", task="1")',
    ],
)
def test_a_daemon_that_lets_go_of_the_guard_blocks_nobody(lab, call):
    """Though the run was killed in the step that started it."""
    lab.runbook(call, header="from lab import hardy\n")
    killed = lab.run()

    again = lab.run()
    os.kill(int(lab.read("d")), signal.SIGKILL)

    assert (killed.code, again.code) == (-9, 0), again.said
    assert guards_of(lab) == []
