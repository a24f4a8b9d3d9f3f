"""One writer at a time; and an orphan of a killed run keeps the next one out of its way."""

import os
import signal

import pytest

from handrail.testing.lab import end, until

SLOW = 'steps.slow(path=f"{room}/p", text="1", seconds=%s, task="1")'
LAST = 'steps.write(path=f"{room}/z", text="1", task="2")'


@pytest.fixture
def busy(lab):
    """Return an environment in which a run is at work for 2 s, and its process."""
    lab.runbook(SLOW % 2, LAST)
    process = lab.start()
    try:
        until(lab.journal)
        yield lab, process
    finally:
        end(process)


def test_a_second_run_at_the_same_time_is_refused_with_the_pid_of_the_first(lab):
    """The first goes on undisturbed; planning is allowed."""
    lab.runbook('steps.patient(path=f"{room}/p", task="1")', LAST)
    process = lab.start()
    try:
        until(lab.journal)
        second, plan = lab.run(), lab.run("--dry")
        back = lab.roll_back()
        lab.put("enough")
        assert process.wait(timeout=60) == 0
    finally:
        end(process)

    assert (second.code, back.code) == (1, 1)
    assert f"is at work on this environment: process {process.pid} on" in second.said
    assert "Traceback" not in second.said
    assert plan.code == 0
    assert len(lab.events("attempt")) == 2


def test_a_run_killed_in_a_shell_command_is_kept_out_until_its_orphan_has_ended(busy):
    """At once: refused. After the orphan has ended: its effect is adopted, and the run goes on."""
    lab, process = busy
    process.kill()
    process.wait()

    at_once = lab.run()
    lab.until_through()
    afterwards = lab.run()

    assert at_once.code == 1
    assert "a command of an earlier attempt is still at work there" in at_once.said
    assert lab.read("z") == "1"
    assert afterwards.code == 0
    assert lab.journal() == ["write p", "write z"]
    assert "step.adopted 1@one" in lab.events()


def test_an_orphan_blocks_the_rollback_too(busy):
    """What it still writes must not follow what was put back."""
    lab, process = busy
    process.kill()
    process.wait()

    at_once = lab.roll_back()
    lab.until_through()
    afterwards = lab.roll_back()

    assert at_once.code == 1
    assert "a command of an earlier attempt is still at work there" in at_once.said
    assert afterwards.code == 0
    assert lab.read("p") is None


def test_the_lease_of_a_killed_run_is_taken_over_on_record(busy):
    """Who is gone, and since when; under a higher token."""
    lab, process = busy
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    lab.until_through()

    assert lab.run().code == 0

    taken = next(each for each in lab.entries() if each.event == "lock.taken_over")
    assert f"process {process.pid} of " in taken.reason
    assert taken.token == 2
    assert [each.token for each in lab.entries()] == sorted(each.token for each in lab.entries())


def test_a_ledger_that_goes_away_stops_the_run_and_the_act_is_in_doubt(busy):
    """Nothing happens that would not be remembered; when it is back, the effect is adopted."""
    lab, process = busy
    memory, gone = lab.folder / "memory", lab.folder / "gone"
    memory.rename(gone)

    said, _ = process.communicate(timeout=20)
    gone.rename(memory)
    resumed = lab.run()

    assert process.returncode == 1
    assert "Traceback" not in said
    assert "lab.sqlite` was not opened" in said
    assert lab.events()[:2] == ["step.started 1@one", "step.adopted 1@one"]
    assert resumed.code == 0


def test_a_log_that_cannot_be_written_stops_nothing(lab):
    """The ledger is what counts; the missing log is told once."""
    lab.runbook(SLOW % 0, LAST)
    (lab.folder / "memory" / "lab.log").mkdir(parents=True)

    ran = lab.run()

    assert ran.code == 0
    assert ran.said.count("is not written: Is a directory; the ledger is") == 1


def test_a_daemon_that_a_step_leaves_behind_is_no_orphan(lab):
    """It keeps the guard, and nobody asks: the act that started it is on record as done."""
    lab.runbook(
        'steps.print_to(path=f"{room}/a", text="1", task="1")',
        'steps.leave_running(path=f"{room}/d", task="2")',
        'steps.print_to(path=f"{room}/b", text="1", task="3")',
    )

    ran = lab.run()
    os.kill(int(lab.read("d")), signal.SIGKILL)

    assert ran.code == 0, ran.said
