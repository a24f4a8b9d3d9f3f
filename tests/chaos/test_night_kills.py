"""The night itself, killed at random times on its way and on its way back, in the rehearsal world.

Nobody knows where a kill lands: in a deploy, a push, a dump, a load, in the middle of a rollback or
of a resume that was killed before. The same command goes on each time; where it asks, it is
answered as an operator would who looked and found nothing there.
"""

import os
import random
import signal

import pytest

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

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]
SEED = int(os.environ.get("CHAOS_SEED", "20261003"))
KILLS = int(os.environ.get("CHAOS_NIGHT_KILLS", "6"))  # there; back half as many


def test_a_night_killed_again_and_again_loses_nothing_and_doubles_nothing(night, tmp_path):
    """There and back; commits and services once, rows equal, then all as it was found."""
    chance = random.Random(SEED)
    output = tmp_path / "said"
    unknowns = carry_through(night, CUTOVER, KILLS, chance, output)
    twice, lost = doubled(night), lost_there(night, output)

    unknowns += carry_through(night, ROLLBACK, KILLS // 2, chance, output)
    lost += lost_back(night)

    tally.count("rehearsal", unknowns=unknowns, duplicates=len(twice), losses=len(lost))
    assert not twice
    assert not lost


def carry_through(night, command, kills, chance, output) -> int:
    """Run a command until it is through, killed so many times; return how often it asked."""
    left = [chance.choice([os.kill, os.killpg]) for _ in range(kills)]

    def strike(process):
        """Kill it, alone or with its group, where it is not through before."""
        if left and not ended_in(process, chance.uniform(2, 25)):
            left.pop()(process.pid, signal.SIGKILL)
            tally.count("rehearsal", kills=1)

    return carry(lambda more: attempt(night, [*command, *more], output, strike))
