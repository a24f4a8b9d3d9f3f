"""What befalls a ledger in the middle of the whole night, there and back; a file or a server.

One night for each kind of ledger meets every fault once on its way there, and most of them once
more on its way back, at random times; then the same command goes on.
"""

import os
import random
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from handrail.testing.lab import Ran
from tests.chaos import tally
from tests.chaos.carrying import (
    CUTOVER,
    ROLLBACK,
    attempt,
    carry,
    doubled,
    ended_in,
    lost_back,
    lost_there,
)
from tests.chaos.conftest import checkout
from tests.chaos.test_ledger_faults import FAULTS, place, server, small
from tests.e2e.night import Night
from tests.failing_disk import FailingDisk

__all__ = ["place", "server", "small"]
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(7200)]
SEED = int(os.environ.get("CHAOS_SEED", "20261003"))
LEASE_SECONDS = 4
FRAME_BYTES = 4096  # a page of SQLite's; a frame of its log is a little longer
QUICK, LONG = (2.0, 5.0), (3.0, 15.0)  # seconds until it is struck, and until the next blow


@dataclass
class Befallen:
    """A night as the faults of a ledger meet it: they ask for its lab.

    Args:
        night: The night.
        ledger: Its file, where it has one.
        disk: What lies under that file.
        output: Where its commands say what they say.
        what: How it is counted what befalls it now.
    """

    night: Night
    ledger: Path
    disk: FailingDisk
    output: Path
    what: str = ""
    lease_seconds: int = LEASE_SECONDS
    database: str = "ledgers_small"
    command: list[str] = field(default_factory=list)

    @property
    def lab(self):
        """Return the night itself."""
        return self

    def run(self) -> Ran:
        """Give the same command a second time, beside what is under way; end it after a while."""

        def strike(process):
            if not ended_in(process, LONG[1]):
                process.kill()

        second = self.output.with_suffix(".second")
        return Ran(*attempt(self.night, self.command, second, strike))


def torn(process, campaign, place, chance):
    """Take the power in the middle of a write: a piece of a frame stands behind the last one."""
    del place
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    log = campaign.ledger.with_name(f"{campaign.ledger.name}-wal")
    if log.exists():
        with log.open("ab") as file:
            file.write(chance.randbytes(chance.randrange(1, FRAME_BYTES)))
    campaign.ledger.with_name(f"{campaign.ledger.name}-shm").unlink(missing_ok=True)


OF_A_FILE = {"torn": torn}


@pytest.fixture
def befallen(night, place, small, tmp_path):
    """A night whose ledger is on a small disk of its own, or on a server that may be stopped."""
    disk = FailingDisk(tmp_path / "disk")
    found = Befallen(night, tmp_path / "kept" / "ledger.sqlite", disk, tmp_path / "said")
    small(found, "48m", "64m")  # room for the ledger of a night, and for its private clones
    if place is None:
        night.memory = str(found.ledger)
    else:
        night.memory = f"{place.url(found.database)}#rehearsal"
    night.root = checkout(tmp_path / "checkout", LEASE_SECONDS)
    return found


def test_whatever_befalls_a_ledger_in_the_night_nothing_is_lost_or_doubled(
    befallen, place, tmp_path
):
    """Each fault there and back; rows equal, all as it was found, the chain whole."""
    chance = random.Random(f"{SEED}-{place is not None}")
    night, what = befallen.night, f"night@{'server' if place else 'file'}"
    faults = FAULTS if place else FAULTS | OF_A_FILE

    unknowns = carry_through(befallen, CUTOVER, faults, place, chance, LONG)
    twice, lost = doubled(night), lost_there(night, tmp_path / "said")
    unknowns += carry_through(befallen, ROLLBACK, faults, place, chance, QUICK)
    lost += lost_back(night)

    tally.count(what, unknowns=unknowns, duplicates=len(twice), losses=len(lost))
    assert not twice
    assert not lost


def carry_through(befallen, command, faults, place, chance, when) -> int:
    """Give a command until it is through, befallen by each fault; return how often it asked."""
    coming = sorted(faults)
    chance.shuffle(coming)
    clocks = ["+5h", "-5h"] if shutil.which("faketime") else []
    where = "server" if place else "file"

    def strike(process):
        while coming and not ended_in(process, chance.uniform(*when)):
            name = coming.pop()
            befallen.what = f"night {name}@{where}"
            tally.count(befallen.what, kills=1)
            with suppress(ProcessLookupError):
                (FAULTS | OF_A_FILE)[name](process, befallen, place, chance)

    def go(more):
        befallen.command = [*command, *more]
        given = befallen.command
        if clocks and not coming:
            tally.count(f"night clock@{where}", kills=1)
            given = ["/usr/bin/env", "faketime", "-f", clocks.pop(), *given]
            return attempt(befallen.night, given, befallen.output, cut_short(chance, when))
        return attempt(befallen.night, given, befallen.output, strike, befallen.disk.env)

    return carry(go)


def cut_short(chance, when):
    """Return what kills a command in the middle."""

    def strike(process):
        if not ended_in(process, chance.uniform(*when)):
            os.killpg(process.pid, signal.SIGKILL)

    return strike
