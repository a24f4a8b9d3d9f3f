"""The lease: one writer at a time, and nobody waits for the dead."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from handrail.ledger.entry import Event, now
from handrail.ledger.errors import RunLocked
from handrail.ledger.lease import SILENCE, Lease, Owner
from handrail.ledger.store import Fact, SqliteLedger

SAID = Fact(Event.RUN_OPENED, "r-1", 1, "ada", body={"runbook": "r"})
ELSEWHERE = Owner("elsewhere/boot/pid:[1]", 4711, "99", "eve")

TAKE = """
import os, sys
from pathlib import Path
from handrail.ledger.errors import RunLocked
from handrail.ledger.store import SqliteLedger
from handrail.ledger.lease import Owner
print("ready", flush=True)
sys.stdin.readline()
try:
    lease = SqliteLedger(Path(sys.argv[1]), "lab").take_lease(Owner.this_process("bob"))
    print("won", lease.fence, flush=True)
except RunLocked:
    print("lost", flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture
def ledger(tmp_path):
    """A new ledger."""
    return SqliteLedger.create(tmp_path / "lab.sqlite", "lab")


def contender(ledger):
    """Start a process that takes the lease when told to, and holds it until its input ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", TAKE, ledger.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    return child


def take(child):
    """Tell a contender to go."""
    child.stdin.write("go\n")
    child.stdin.flush()


def bury(child):
    """Let a contender end without letting go of the lease."""
    child.communicate(timeout=10)


def test_live_holder_is_not_disturbed(ledger):
    """While a process of this machine lives, nobody else writes, however silent it is."""
    child = contender(ledger)
    take(child)
    assert child.stdout.readline() == "won 1\n"
    try:
        with pytest.raises(RunLocked, match=f"bob is at work.*process {child.pid}"):
            ledger.take_lease(Owner.this_process("ada"), now() + timedelta(days=1))
    finally:
        bury(child)


def test_dead_holder_is_taken_over_with_a_higher_fence(ledger):
    """A process that is gone holds nothing; what it may still send is refused."""
    child = contender(ledger)
    take(child)
    assert child.stdout.readline() == "won 1\n"
    bury(child)

    lease = ledger.take_lease(Owner.this_process("ada"))

    assert lease.fence == 2
    with pytest.raises(RunLocked, match="fence token 1 is stale"):
        ledger.append(SAID, 1)
    assert ledger.append(SAID, 2).fence == 2


def test_one_of_two_racing_processes_wins(ledger):
    """However they interleave, one gets the lease and the others are told."""
    children = [contender(ledger) for _ in range(3)]
    for child in children:
        take(child)
    answers = [child.stdout.readline() for child in children]
    for child in children:
        bury(child)

    assert sorted(answers) == ["lost\n", "lost\n", "won 1\n"]


def test_reused_pid_is_not_the_holder(ledger):
    """A pid that was given to another program since began at another time."""
    ledger.take_lease(replace(Owner.this_process("bob"), started="1"))

    assert ledger.take_lease(Owner.this_process("ada")).fence == 2


def test_process_of_an_earlier_boot_is_judged_by_its_silence(ledger):
    """The process table says nothing about another machine, or this one before it started anew."""
    began = now()
    ledger.take_lease(ELSEWHERE, began)

    with pytest.raises(RunLocked, match="`elsewhere`, heard of 60 s ago"):
        ledger.take_lease(Owner.this_process("ada"), began + SILENCE)

    later = began + SILENCE + timedelta(milliseconds=1)
    assert ledger.take_lease(Owner.this_process("ada"), later).fence == 2


def test_clock_that_is_ahead_does_not_make_a_holder_dead():
    """A heartbeat from the future is a recent one."""
    lease = Lease(1, ELSEWHERE, now() + timedelta(hours=3), held=True)

    assert lease.silence() == timedelta(0)
    assert not lease.is_dead()


def test_heartbeat_keeps_a_lease(ledger):
    """A holder elsewhere that is heard of is alive."""
    fence = ledger.take_lease(ELSEWHERE, now() - timedelta(hours=1)).fence
    assert ledger.lease().is_dead()

    ledger.heartbeat(fence)

    assert not ledger.lease().is_dead()


def test_stale_fence_neither_beats_nor_releases(ledger):
    """A process that was taken over cannot touch the lease of its successor."""
    stale = ledger.take_lease(ELSEWHERE, now() - timedelta(hours=1)).fence
    current = ledger.take_lease(Owner.this_process("ada"))

    ledger.heartbeat(stale)
    ledger.release_lease(stale)

    assert ledger.lease() == current


def test_released_lease_is_free_and_cannot_be_written_under(ledger):
    """Who said goodbye writes no more; the next one need not wait."""
    fence = ledger.take_lease(Owner.this_process("ada")).fence
    ledger.release_lease(fence)

    with pytest.raises(RunLocked):
        ledger.append(SAID, fence)
    assert ledger.take_lease(Owner.this_process("bob")).fence == fence + 1


def test_nothing_is_appended_without_a_lease(ledger):
    """A ledger nobody took is nobody's to write."""
    with pytest.raises(RunLocked):
        ledger.append(SAID, 0)
    assert ledger.entries() == []
