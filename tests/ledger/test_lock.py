"""The lease: one writer at a time, and nobody waits for the dead."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from handrail.ledger.beat import beat_file
from handrail.ledger.entry import Event
from handrail.ledger.errors import RunLocked
from handrail.ledger.lease import SECONDS, Owner
from handrail.ledger.postgres.ledger import PostgresLedger
from handrail.ledger.seam import Fact
from handrail.ledger.store import SqliteLedger
from tests.team import tell

SAID = Fact(Event.RUN_OPENED, "r-1", 1, "ada", body={"runbook": "r"})
ELSEWHERE = Owner("elsewhere/boot/pid:[1]", 4711, "99", "eve")

TAKE = """
import os, sys
from pathlib import Path
from handrail.ledger.errors import RunLocked
from handrail.ledger.kept import Kept
from handrail.ledger.lease import Owner
print("ready", flush=True)
sys.stdin.readline()
try:
    ledger = Kept.at(sys.argv[1], Path(), "lab").open("lab", create=False)
    lease = ledger.take_lease(Owner.this_process("bob"))
    print("won", lease.token, flush=True)
except RunLocked:
    print("lost", flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture
def ledger(kept):
    """A new ledger, in either place."""
    return kept.open("lab", create=True)


@pytest.fixture
def file(tmp_path):
    """A new ledger in a file."""
    return SqliteLedger.create(tmp_path / "lab.sqlite", "lab")


def silent(ledger, seconds):
    """Let the writer's last sign of life be so old, by the clock of the store."""
    if isinstance(ledger, PostgresLedger):
        tell(
            ledger.server, f"UPDATE lease SET heard_at = clock_timestamp() - interval '{seconds} s'"
        )
        return
    beat = beat_file(ledger.path)
    last = beat.stat().st_mtime - seconds
    os.utime(beat, (last, last))


def address_of(ledger):
    """Return what opens a ledger in another process."""
    return ledger.server.url if isinstance(ledger, PostgresLedger) else str(ledger.path)


def contender(ledger):
    """Start a process that takes the lease when told to, and holds it until its input ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", TAKE, address_of(ledger)],
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


def test_live_holder_is_not_disturbed(file):
    """While a process of this machine lives, nobody else writes, however silent it is."""
    child = contender(file)
    take(child)
    assert child.stdout.readline() == "won 1\n"
    try:
        silent(file, 86400)
        with pytest.raises(RunLocked, match=f"bob is at work.*process {child.pid}"):
            file.take_lease(Owner.this_process("ada"))
    finally:
        bury(child)


def test_dead_holder_is_taken_over_with_a_higher_fence(ledger):
    """A process that is gone holds nothing; what it may still send is refused."""
    child = contender(ledger)
    take(child)
    assert child.stdout.readline() == "won 1\n"
    bury(child)

    lease = ledger.take_lease(Owner.this_process("ada"))

    assert lease.token == 2
    with pytest.raises(RunLocked, match="its token 1 is stale"):
        ledger.append([SAID], 1)
    assert ledger.append([SAID], 2)[0].token == 2


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

    assert ledger.take_lease(Owner.this_process("ada")).token == 2


def test_process_of_an_earlier_boot_is_judged_by_its_silence(ledger):
    """The process table says nothing about another machine, or this one before it started anew."""
    ledger.take_lease(ELSEWHERE)
    silent(ledger, SECONDS - 1)

    with pytest.raises(RunLocked, match=r"`elsewhere`, heard of (59|60) s ago"):
        ledger.take_lease(Owner.this_process("ada"))

    silent(ledger, SECONDS + 0.1)
    assert ledger.take_lease(Owner.this_process("ada")).token == 2


def test_owner_says_how_long_it_may_be_silent(ledger):
    """The term stands in the lease, so both sides go by the same one."""
    ledger.take_lease(ELSEWHERE, seconds=5)
    silent(ledger, 6)

    assert ledger.take_lease(Owner.this_process("ada")).token == 2


def test_clock_that_is_ahead_does_not_make_a_holder_dead(ledger):
    """A sign of life from the future is a recent one."""
    ledger.take_lease(ELSEWHERE)
    silent(ledger, -3 * 3600)

    with pytest.raises(RunLocked, match="heard of 0 s ago"):
        ledger.refuse_held()


AHEAD = """
import sys, time
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock
from handrail.ledger import beat, entry
from handrail.ledger.errors import RunLocked
from handrail.ledger.store import SqliteLedger
from handrail.ledger.lease import Owner

class Ahead(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(hours=1)

late = time.time
with (
    mock.patch.object(entry, "datetime", Ahead),
    mock.patch.object(beat, "datetime", Ahead),
    mock.patch.object(time, "time", lambda: late() + 3600),
):
    try:
        SqliteLedger(Path(sys.argv[1]), "lab").take_lease(Owner.this_process("bob"))
    except RunLocked as refusal:
        print(refusal)
"""


def test_peer_whose_clock_is_ahead_does_not_take_over(file):
    """What counts is the clock of the store, and no peer's own."""
    file.take_lease(ELSEWHERE)

    said = subprocess.run(
        [sys.executable, "-c", AHEAD, file.path], capture_output=True, text=True, check=True
    ).stdout

    assert "eve is at work on this environment" in said


def test_live_lease_is_taken_over_by_its_token(ledger):
    """An operator who names it gets it, whose word is on record; and the token is spent by that."""
    ledger.take_lease(ELSEWHERE)

    lease = ledger.take_lease(Owner.this_process("ada"), takeover="1")

    assert lease.token == 2
    assert "process 4711 of eve is alive, and an operator said so" in lease.took_over
    with pytest.raises(RunLocked, match="its token 1 is stale"):
        ledger.refuse_stale(1)
    with pytest.raises(RunLocked, match=r"--data takeover=2"):
        ledger.take_lease(ELSEWHERE, takeover="1")


def test_beat_keeps_a_lease(ledger):
    """A holder elsewhere that is heard of is alive."""
    token = ledger.take_lease(ELSEWHERE).token
    silent(ledger, SECONDS - 5)

    ledger.beat(token)

    with pytest.raises(RunLocked, match=r"heard of [0-2] s ago"):
        ledger.refuse_held()


def test_stale_token_neither_beats_nor_releases(ledger):
    """A process that was taken over cannot touch the lease of its successor."""
    stale = ledger.take_lease(ELSEWHERE).token
    silent(ledger, 3600)
    current = ledger.take_lease(Owner.this_process("ada"))

    silent(ledger, 50)

    ledger.beat(stale)
    ledger.release_lease(stale)

    assert replace(current, took_over="") == ledger.lease()
    with pytest.raises(RunLocked, match=r"heard of (49|50) s ago"):
        ledger.refuse_held()


def test_released_lease_is_free_and_cannot_be_written_under(ledger):
    """Who said goodbye writes no more; the next one need not wait."""
    fence = ledger.take_lease(Owner.this_process("ada")).token
    ledger.release_lease(fence)

    with pytest.raises(RunLocked):
        ledger.append([SAID], fence)
    assert ledger.take_lease(Owner.this_process("bob")).token == fence + 1


def test_nothing_is_appended_without_a_lease(ledger):
    """A ledger nobody took is nobody's to write."""
    with pytest.raises(RunLocked):
        ledger.append([SAID], 0)
    assert ledger.entries() == []
