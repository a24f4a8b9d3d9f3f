"""The disk under a ledger in a file answers EIO: at each call in turn, once and from then on."""

import os
from itertools import count

import pytest

from tests.chaos import tally
from tests.chaos.campaign import CALLS, TARGETS, Campaign
from tests.failing_disk import KINDS, FailingDisk

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]
STRIDE = int(os.environ.get("CHAOS_DISK_STRIDE", "5"))  # 1: every call of a kind
BACK = ["--data", "run=latest", "--data", "reason=chaos"]


@pytest.fixture
def disk(tmp_path):
    """A disk that goes well until it is told."""
    return FailingDisk(tmp_path / "disk")


@pytest.mark.parametrize("lasts", [1, 0], ids=["once", "on and on"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_fails_is_told_and_the_same_command_goes_on(tmp_path, disk, kind, lasts):
    """Every so many calls of a kind, on the way there; then back."""
    for skip in count(0, STRIDE):
        with Campaign(tmp_path / f"{skip}", CALLS) as campaign:
            campaign.what = f"EIO {kind}@file"
            failed = struck(campaign, disk, kind, skip, lasts)
            campaign.carry_on()
            campaign.check_done()
            assert campaign.lab.kept().audit().problems == []
            assert campaign.lab.roll_back().code == 0
            campaign.check_undone()
        if not failed:
            break
    assert skip > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_fails_on_the_way_back_is_told_and_it_goes_on(tmp_path, disk, kind):
    """Every so many calls of a kind."""
    for skip in count(0, STRIDE):
        with Campaign(tmp_path / f"{skip}", CALLS) as campaign:
            campaign.what = f"EIO {kind}@file"
            assert campaign.lab.run().code == 0
            failed = struck(campaign, disk, kind, skip, 0, *BACK, runbook="rollback")
            back = campaign.lab.roll_back()
            assert back.code == 0 or "it is already rolled back" in back.said, back.said
            campaign.check_undone()
        if not failed:
            break
    assert skip > 0


def struck(campaign, disk, kind, skip, lasts, *arguments, runbook="up") -> bool:
    """Give the command once while a call of its ledger fails; tell whether one did."""
    folder = campaign.lab.ledger.parent
    folder.mkdir(exist_ok=True)
    disk.fail(kind, folder, skip, lasts)
    ran = campaign.lab.run_cold(*arguments, runbook=runbook, **disk.env)
    failed = disk.mend() > 0
    tally.count(campaign.what, kills=failed, points=failed)
    assert "Traceback" not in ran.said, ran.said
    assert ran.code in (0, 1), ran.said
    assert ran.code == 0 or "    next: " in ran.said, ran.said
    refuse_unannounced(campaign)
    return failed


def refuse_unannounced(campaign) -> None:
    """Hold what was done against what the ledger had been told before."""
    tasks = dict(zip("abcd", "1234", strict=True))  # the file of an effect, and its task
    begun = set(campaign.lab.events()) if campaign.lab.ledger.exists() else set()
    for target in TARGETS:
        for effect in campaign.lab.journal(target):
            assert f"step.started {tasks[effect[-1]]}@{target}" in begun, effect
