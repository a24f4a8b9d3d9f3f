"""What befalls a ledger itself, in a file and on a server: paused, gone, full, another clock."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest

from handrail.testing.lab import Ran, end
from tests.bench.cluster import Cluster
from tests.chaos import tally
from tests.chaos.campaign import CALLS, Campaign
from tests.failing_disk import KINDS, FailingDisk

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
SEED = int(os.environ.get("CHAOS_SEED", "20261003"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "10"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that may be stopped at any moment and begins again on its own data."""
    folder = Path(mkdtemp(dir="/tmp"))
    folder.chmod(0o777)  # its user is another one
    disk = FailingDisk(folder)
    with Cluster(tmp_path_factory.mktemp("server"), env=disk.env) as running:
        running.create_database("ledgers")
        running.disk = disk
        yield running
    shutil.rmtree(folder)


@pytest.fixture(params=["file", "server"])
def place(request):
    """The server where the ledger is; None for a file."""
    return None if request.param == "file" else request.getfixturevalue("server")


def paused(process, campaign, place, chance):
    """Pause the command past its lease, let another one try, and let it go on."""
    del place
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(campaign.lease_seconds + chance.uniform(0.1, 1))
    other = campaign.lab.run()
    assert "Traceback" not in other.said, other.said
    os.kill(process.pid, signal.SIGCONT)


def killed(process, campaign, place, chance):
    """Kill it, alone."""
    del campaign, place, chance
    os.kill(process.pid, signal.SIGKILL)


def gone(process, campaign, place, chance):
    """Cut every line to the server for a while; a file is locked by another program so long."""
    del process
    if place is None:
        if campaign.lab.ledger.exists():
            with closing(sqlite3.connect(campaign.lab.ledger, isolation_level=None)) as db:
                db.execute("BEGIN EXCLUSIVE")
                time.sleep(chance.uniform(0, 6))
        return
    with closing(psycopg.connect(place.url("postgres"), autocommit=True)) as db:
        db.execute(f"ALTER DATABASE {campaign.database} ALLOW_CONNECTIONS false")
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        db.execute(query, (campaign.database,))
        time.sleep(chance.uniform(0, 1.5))
        db.execute(f"ALTER DATABASE {campaign.database} ALLOW_CONNECTIONS true")


def stopped(process, campaign, place, chance):
    """Stop the server at once, and start it again; of a file, the machine: no process, no -shm."""
    if place is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        ledger = campaign.lab.ledger
        ledger.with_name(f"{ledger.name}-shm").unlink(missing_ok=True)
        return
    place.crash()
    time.sleep(chance.uniform(0, 1.5))
    place.launch()


def full(process, campaign, place, chance):
    """Fill the disk under the ledger for a while."""
    del process
    disk = campaign.lab.ledger.parent if place is None else place.small
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            continue
    time.sleep(chance.uniform(0.2, 1.5))
    (disk / "filler").unlink(missing_ok=True)


def failing(process, campaign, place, chance):
    """Let the disk under the ledger answer EIO for a while; a server panics, and begins again."""
    del process
    disk = place.disk if place else campaign.disk
    disk.fail(chance.choice(KINDS), place.data if place else campaign.lab.ledger.parent)
    time.sleep(chance.uniform(0.2, 1.5))
    tally.count(campaign.what, points=disk.mend())


FAULTS = {
    "killed": killed, "paused": paused, "gone": gone, "stopped": stopped, "full": full,
    "EIO": failing,
}  # fmt: skip


@pytest.fixture
def small(tmp_path, place):
    """Return a function that puts the ledger on a disk of its own with little room."""
    mounted = []

    def put(campaign, of_a_file="700k", of_a_server="12m"):
        if place is None:
            disk, size = campaign.lab.ledger.parent, of_a_file
        else:
            disk, size = Path(mkdtemp(dir="/tmp")), of_a_server
        disk.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "none", disk]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this user may not mount: {done.stderr}")
        mounted.append(disk)
        if place is not None:
            place.small, space, owner = disk, disk / "space", place.data.stat()
            space.mkdir(mode=0o700)
            os.chown(space, owner.st_uid, owner.st_gid)
            with closing(psycopg.connect(place.url("postgres"), autocommit=True)) as db:
                db.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
                db.execute("CREATE DATABASE ledgers_small TABLESPACE small")

    yield put
    if mounted and place is not None:
        with closing(psycopg.connect(place.url("postgres"), autocommit=True)) as db:
            db.execute("DROP DATABASE ledgers_small WITH (FORCE)")
            db.execute("DROP TABLESPACE small")
    for disk in mounted:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_of_a_ledger_loses_or_doubles_anything(tmp_path, place, small, fault, round_):
    """Struck at random times in a row, then the same command until it is through, then back."""
    chance = random.Random(f"{SEED}-{fault}-{round_}")
    name = "ledgers_small" if fault == "full" else "ledgers"
    with Campaign(tmp_path, CALLS, place.url(name) if place else "") as campaign:
        if fault == "full":
            small(campaign)
        if fault == "EIO" and place is None:
            campaign.disk = FailingDisk(tmp_path / "disk")
            campaign.lab.env |= campaign.disk.env
        campaign.what = f"{fault}@{'server' if place else 'file'}"
        campaign.lab.inventory(lease_seconds=campaign.lease_seconds)
        extra: list[str] = []
        for _ in range(chance.randint(1, 3)):
            process = campaign.lab.start_cold(*extra)
            time.sleep(chance.uniform(0.3, 1.3))
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
        back = campaign.lab.roll_back()
        assert back.code == 0, back.said
        campaign.check_undone()


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
