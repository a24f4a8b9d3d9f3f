"""What befalls a ledger itself, in a file and on a server: paused, gone, full, another clock."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress

import psycopg
import pytest

from handrail.testing.lab import Ran, end
from tests.chaos import tally
from tests.chaos.campaign import CALLS, Campaign
from tests.team import team_server

__all__ = ["team_server"]
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
SEED = int(os.environ.get("CHAOS_SEED", "20261003"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "10"))
LEASE = 1  # seconds


@pytest.fixture(params=["file", "server"])
def place(request):
    """The server where the ledger is; None for a file."""
    return None if request.param == "file" else request.getfixturevalue("team_server")


def paused(process, campaign, place, chance):
    """Pause the command past its lease, let another one try, and let it go on."""
    del place
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(LEASE + chance.uniform(0.1, 1))
    other = campaign.lab.run()
    assert "Traceback" not in other.said, other.said
    os.kill(process.pid, signal.SIGCONT)


def killed(process, campaign, place, chance):
    """Kill it, alone."""
    del campaign, place, chance
    os.kill(process.pid, signal.SIGKILL)


def gone(process, campaign, place, chance):
    """Take the server away for a while; a file is locked by another program so long."""
    del process
    if place is None:
        if campaign.lab.ledger.exists():
            with closing(sqlite3.connect(campaign.lab.ledger, isolation_level=None)) as db:
                db.execute("BEGIN EXCLUSIVE")
                time.sleep(chance.uniform(0, 6))
        return
    with closing(psycopg.connect(place.url("postgres"), autocommit=True)) as db:
        db.execute("ALTER DATABASE ledgers ALLOW_CONNECTIONS false")
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ledgers'"
        db.execute(query)
        time.sleep(chance.uniform(0, 1.5))
        db.execute("ALTER DATABASE ledgers ALLOW_CONNECTIONS true")


FAULTS = {"killed": killed, "paused": paused, "gone": gone}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_no_fault_of_a_ledger_loses_or_doubles_anything(tmp_path, place, fault, round_):
    """Struck at random times in a row, then the same command until it is through, then back."""
    chance = random.Random(f"{SEED}-{fault}-{round_}")
    url = place.url("ledgers") if place else ""
    with Campaign(tmp_path, CALLS, url) as campaign:
        campaign.what = f"{fault}@{'server' if place else 'file'}"
        campaign.lab.inventory(lease_seconds=LEASE)
        extra: list[str] = []
        for _ in range(chance.randint(1, 3)):
            process = campaign.lab.start(*extra)
            time.sleep(chance.uniform(0.5, 1.6))
            tally.count(campaign.what, kills=process.poll() is None)
            with suppress(ProcessLookupError):
                FAULTS[fault](process, campaign, place, chance)
            said, _ = process.communicate(timeout=120)
            asked = "does not run twice unattended" in said and ":retry" in said
            extra = campaign.answer(Ran(1, said)) if asked else []
            end(process)
        campaign.carry_on()
        campaign.check_done()
        assert campaign.lab.kept().audit().problems == []


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_clock_that_jumps_loses_and_doubles_nothing(tmp_path, place, round_):
    """Each command by a clock hours off, one way or the other; a kill between them."""
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed: apt install faketime")
    chance = random.Random(f"{SEED}-clock-{round_}")
    url = place.url("ledgers") if place else ""
    with Campaign(tmp_path, CALLS, url) as campaign:
        campaign.what = f"clock@{'server' if place else 'file'}"
        for clock in ("+5h", "-5h", "+0h"):
            process = subprocess.Popen(
                ["faketime", "-f", clock, *campaign.lab.command()],
                cwd=campaign.lab.folder, env=campaign.lab.env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )  # fmt: skip
            time.sleep(chance.uniform(0.6, 1.6))
            tally.count(campaign.what, kills=process.poll() is None)
            end(process)
        campaign.carry_on()
        campaign.check_done()
        assert campaign.lab.kept().audit().problems == []
