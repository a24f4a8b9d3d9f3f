"""A writer that was taken over stops itself; a writer that computes keeps its lease."""

import os
import signal
import subprocess
import time

import pytest

from handrail.ledger.beat import beat_file
from handrail.testing.lab import Ran, end, until

LEASE_SECONDS = 2
SLOW = 'steps.slow_call(path=f"{room}/p", text="1", seconds=1, task="1")'
COMPUTE = f'steps.compute(path=f"{{room}}/p", seconds={3 * LEASE_SECONDS}, task="1")'
LAST = 'steps.write(path=f"{room}/z", text="1", task="2")'
APART = ["unshare", "--pid", "--fork", "--mount-proc"]  # counts its processes from 1


@pytest.fixture
def started(lab, request):
    """An environment with a short lease, in which a process has begun its first step."""
    group = lab.folder / "group_data" / "all.py"
    group.write_text(group.read_text() + f"lease_seconds = {LEASE_SECONDS}\n")
    lab.runbook(request.param, LAST)
    process = lab.start()
    try:
        until(lab.journal)
        yield lab, process
    finally:
        end(process)


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
    time.sleep(LEASE_SECONDS + 0.5)
    taken_over = run_apart(lab, "--data", "settle=1#1:skip", "--data", "reason=its machine hangs")
    os.kill(process.pid, signal.SIGCONT)
    said, _ = process.communicate(timeout=30)

    assert at_once.code == 1
    assert "is at work on this environment" in at_once.said
    assert "write z" in lab.journal(), taken_over.said
    assert process.returncode == 1
    assert "its token 1 is stale" in said
    assert "Traceback" not in said
    assert lab.journal() == ["begin p", "write z"]
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
    said, _ = process.communicate(timeout=30)

    assert "taking a lease from its owner needs a reason" in unreasoned.said
    assert "--data takeover=1 --data reason=" in wrong.said
    taken = next(each for each in lab.entries() if each.event == "lock.taken_over")
    assert "is alive, and an operator said so" in taken.reason
    assert "its token 1 is stale" in said
    assert lab.journal() == ["begin p"]


@pytest.mark.parametrize("started", [COMPUTE], indirect=True)
def test_a_call_that_computes_keeps_the_lease(started):
    """Its signs of life come from a thread of its own, whatever holds the others up."""
    lab, process = started
    time.sleep(1.5 * LEASE_SECONDS)

    meanwhile = run_apart(lab)

    assert meanwhile.code == 1
    assert "is at work on this environment" in meanwhile.said
    assert process.wait(timeout=30) == 0
    assert not beat_file(lab.ledger).exists()
