"""A writer that was taken over stops itself; a writer that computes keeps its lease."""

import os
import signal
import subprocess

import pytest

from handrail.ledger.beat import beat_file
from handrail.ledger.lease import BEATS
from handrail.testing.lab import Ran, end, until

LEASE_SECONDS = 3  # a sign of life every half of a second
SLOW = 'steps.slow_call(path=f"{room}/p", text="1", seconds=1, task="1")'
COMPUTE = 'steps.compute(path=f"{room}/p", task="1")'
LAST = 'steps.write(path=f"{room}/z", text="1", task="2")'
APART = ["unshare", "--pid", "--fork", "--mount-proc"]  # counts its processes from 1


@pytest.fixture
def started(lab, request):
    """An environment in which a process has begun its first step."""
    lab.runbook(request.param, LAST)
    process = lab.start()
    try:
        until(lab.journal)
        yield lab, process
    finally:
        end(process)


def silent(lab, seconds):
    """Let the last sign of life be so old, by the clock of the file system."""
    beat = beat_file(lab.ledger)
    last = beat.stat().st_mtime - seconds
    os.utime(beat, (last, last))


def run_apart(lab, *arguments) -> Ran:
    """Run the command where the process table of the first one cannot be asked."""
    if subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a namespace of processes")
    return lab.paste([*APART, *lab.command(*arguments)])


@pytest.mark.parametrize("started", [SLOW], indirect=True)
def test_a_writer_stopped_past_its_lease_does_nothing_more_once_it_was_taken_over(started):
    """Another machine takes over by the silence alone; the effect that was left is not made."""
    lab, process = started
    os.kill(process.pid, signal.SIGSTOP)

    at_once = run_apart(lab)
    silent(lab, 61)
    guarded = run_apart(lab)
    os.kill(process.pid, signal.SIGCONT)
    said, _ = process.communicate(timeout=60)
    done = lab.run("--data", "settle=1#1:skip", "--data", "reason=its machine hung")

    assert at_once.code == 1
    assert "is at work on this environment" in at_once.said
    assert "a command of an earlier attempt is still at work there" in guarded.said
    assert process.returncode == 1
    assert "its token 1 is stale" in said
    assert "Traceback" not in said
    assert lab.journal() == ["begin p", "write z"], done.said
    assert [each.token for each in lab.entries() if each.event == "lock.taken_over"] == [2]


@pytest.mark.parametrize("started", [SLOW], indirect=True)
def test_a_live_lease_is_taken_over_by_its_token_and_a_reason_only(started):
    """The word of an operator is on record, and the process that lost it stops itself."""
    lab, process = started
    os.kill(process.pid, signal.SIGSTOP)

    unreasoned = lab.run("--data", "takeover=1")
    wrong = lab.run("--data", "takeover=7", "--data", "reason=it hangs")
    lab.run("--data", "takeover=1", "--data", "reason=it hangs")
    os.kill(process.pid, signal.SIGCONT)
    said, _ = process.communicate(timeout=60)

    assert "taking a lease from its owner needs a reason" in unreasoned.said
    assert "--data takeover=1 --data reason=" in wrong.said
    taken = next(each for each in lab.entries() if each.event == "lock.taken_over")
    assert "is alive, and an operator said so" in taken.reason
    assert "its token 1 is stale" in said
    assert lab.journal() == ["begin p"]


def test_a_call_that_computes_keeps_the_lease(lab):
    """Its signs of life come from a thread of its own, whatever holds the others up."""
    group = lab.folder / "group_data" / "all.py"
    group.write_text(group.read_text() + f"lease_seconds = {LEASE_SECONDS}\n")
    lab.runbook(COMPUTE)
    process = lab.start()
    try:
        until(lab.journal)
        for _ in range(2 * BEATS):
            was = beat_file(lab.ledger).stat().st_mtime_ns
            until(lambda was=was: beat_file(lab.ledger).stat().st_mtime_ns > was)
        meanwhile = run_apart(lab)
        lab.put("enough")
        assert process.wait(timeout=60) == 0
    finally:
        end(process)

    assert meanwhile.code == 1
    assert "is at work on this environment" in meanwhile.said
    assert lab.journal() == ["compute p"]
    assert not beat_file(lab.ledger).exists()
