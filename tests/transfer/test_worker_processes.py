"""The pool of processes: what they answer, and that none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from rehearsal.processes import is_alive

from handrail.transfer.load.worker_processes import WorkerDied, WorkerProcesses

ROOT = Path(__file__).parents[2]
ORPHANS = """
import time
from handrail.transfer.load.worker_processes import WorkerProcesses
pool = WorkerProcesses(3)
pool.submit(time.sleep, 600)
cut_off = pool.processes[0].stdin
cut_off.write((5000).to_bytes(8) + bytes(3000))
cut_off.flush()
print(*[process.pid for process in pool.processes], flush=True)
time.sleep(600)
"""
SECONDS = 20.0


def test_a_call_is_answered_by_another_process_whatever_it_prints():
    """A result, what a library prints beside it, and an error that its caller may catch."""
    with WorkerProcesses(2) as pool:
        pids = {process.pid for process in pool.processes}
        assert {pool.submit(os.getpid).result() for _ in range(6)} <= pids
        assert pool.submit(print, "a word on stdout").result() is None
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        assert pool.submit(divmod, 7, 2).result() == (3, 1)


def test_a_call_that_a_process_cannot_read_is_an_error_and_not_silence(monkeypatch):
    """What is pickled by name has to be there on the other side as well."""
    module = types.ModuleType("known_here_only")
    exec("def call(): pass", module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with WorkerProcesses(1) as pool:
        with pytest.raises(ModuleNotFoundError, match="known_here_only"):
            pool.submit(module.call).result(SECONDS)
        assert pool.submit(divmod, 7, 2).result(SECONDS) == (3, 1)


def test_a_killed_process_is_told_apart_from_an_error_of_its_call():
    """SIGKILL in the middle of a call; nobody is left for the next one."""
    with WorkerProcesses(1) as pool:
        waiting = pool.submit(time.sleep, 600)
        while not waiting.running():
            time.sleep(0.01)
        os.kill(pool.processes[0].pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="-9"):
            waiting.result(SECONDS)
        with pytest.raises(WorkerDied, match="no process"):
            pool.submit(os.getpid).result(SECONDS)


def test_processes_at_work_end_with_a_killed_parent():
    """One sleeps, one waits for a call, one for the rest of it, when SIGKILL ends their parent."""
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANS], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    latest = time.monotonic() + SECONDS
    while any(map(is_alive, pids)) and time.monotonic() < latest:
        time.sleep(0.05)
    assert not [pid for pid in pids if is_alive(pid)]
