"""Killed at any time, over and over, by the installed command."""

import os
import random
import signal
import time
from contextlib import suppress

import pytest

from handrail.testing.lab import Ran, end
from tests.chaos import tally
from tests.chaos.campaign import CALLS, Campaign

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
SEED = int(os.environ.get("CHAOS_SEED", "20261003"))


def strike(process, chance):
    """Kill the command alone, or all that it started in its session; count it if it was in time."""
    tally.count("engine", kills=process.poll() is None)
    kill = chance.choice([os.kill, os.killpg])
    with suppress(ProcessLookupError):
        kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("round_", range(int(os.environ.get("CHAOS_ROUNDS", "10"))))
def test_kills_at_random_times_lose_nothing_and_double_nothing(tmp_path, round_):
    """Some kills in a row, then the same command until it is through, then back."""
    chance = random.Random(f"{SEED}-{round_}")
    with Campaign(tmp_path, CALLS) as campaign:
        extra: list[str] = []
        for _ in range(chance.randint(1, 6)):
            process = campaign.lab.start_cold(*extra)
            time.sleep(chance.uniform(0.4, 1.6))
            strike(process, chance)
            said, _ = process.communicate()
            asked = "does not run twice unattended" in said and ":retry" in said
            extra = campaign.answer(Ran(1, said)) if asked else []
        campaign.carry_on()
        campaign.check_done()

        for _ in range(chance.randint(0, 3)):
            back = ["--data", "run=latest", "--data", "reason=chaos"]
            process = campaign.lab.start_cold(*back, runbook="rollback")
            time.sleep(chance.uniform(0.4, 1.6))
            strike(process, chance)
            end(process)
        ran = campaign.lab.roll_back()
        assert ran.code == 0 or "it is already rolled back" in ran.said, ran.said
        campaign.check_undone()
