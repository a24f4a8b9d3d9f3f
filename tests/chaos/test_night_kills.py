"""The night itself, killed at random times on its way and on its way back, in the rehearsal world.

Nobody knows where a kill lands: in a deploy, a push, a dump, a load, in the middle of a rollback or
of a resume that was killed before. The same command goes on each time; where it asks, it is
answered as an operator would who looked and found nothing there.
"""

import os
import random
import re
import signal
import subprocess
import time
from collections import Counter

import pytest
import requests
from rehearsal.layout import Layout
from rehearsal.lifecycle import ROOT

from tests.chaos import tally
from tests.e2e.night import PROGRAMS, Night

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]
SEED = int(os.environ.get("CHAOS_SEED", "20261003"))
KILLS = int(os.environ.get("CHAOS_NIGHT_KILLS", "6"))  # there; back half as many
ATTEMPTS = 40  # until it has to be through; each settles one doubt, or waits for an orphan
CUTOVER = ["pyinfra", "-y", "inventory/rehearsal.py", "runbooks/cutover.py"]
ROLLBACK = [
    *CUTOVER[:-1], "runbooks/rollback.py", "--data", "run=latest", "--data", "reason=chaos",
]  # fmt: skip
VERIFY = [*CUTOVER[:-1], "runbooks/verify.py"]


@pytest.fixture
def night(tmp_path):
    """A world of its own."""
    story = Night(Layout(tmp_path / "world"))
    yield story
    story.run("./run rehearse --stop")


def test_a_night_killed_again_and_again_loses_nothing_and_doubles_nothing(night, tmp_path):
    """There and back; commits and services once, rows equal, then all as it was found."""
    chance = random.Random(SEED)
    output = tmp_path / "said"
    unknowns = carry_through(night, CUTOVER, KILLS, chance, output)
    doubled = [*doubled_commits(night), *doubled_services(night)]
    verified = attempt(night, VERIFY, output)

    unknowns += carry_through(night, ROLLBACK, KILLS // 2, chance, output)
    served = night.frontend_config()["apiUrl"]
    lost = [verified != 0, served != night.production["legacy_url"]]

    tally.count("rehearsal", unknowns=unknowns, duplicates=len(doubled), losses=sum(map(int, lost)))
    assert not doubled
    assert not any(lost), output.read_text()[-3000:]
    assert night.handrail("verify")[0] == 0


def carry_through(night, command, kills, chance, output) -> int:
    """Run a command until it is through, killed so many times; return how often it asked."""
    asked, extra = 0, []
    for _ in range(ATTEMPTS):
        seconds = chance.uniform(2, 25) if kills else None
        code = attempt(night, [*command, *extra], output, seconds, chance)
        kills -= code == -signal.SIGKILL
        said, extra = output.read_text(), []
        assert "Traceback" not in said, said[-3000:]
        if code == 0 or "it is already rolled back" in said:
            return asked
        if "still at work there" in said:
            time.sleep(2)
        elif settle := re.search(r"--data settle=(\S+?):retry", said):
            asked += 1
            extra = ["--data", f"settle={settle[1]}:retry", "--data", "reason=it is not there"]
    raise AssertionError(f"not through after {ATTEMPTS} attempts: {said[-3000:]}")


def attempt(night, command, output, kill_after=None, chance=None) -> int:
    """Run a command once, killed alone or with its group where so many seconds are up."""
    with output.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [PROGRAMS / command[0], *command[1:]], cwd=ROOT, env=night._environment(),
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait(timeout=kill_after or 1800)
        except subprocess.TimeoutExpired:
            kill = chance.choice([os.kill, os.killpg]) if chance else os.killpg
            kill(process.pid, signal.SIGKILL)
            tally.count("rehearsal", kills=1)
            return process.wait()


def doubled_commits(night) -> list[str]:
    """Return the tasks that made more than one commit."""
    listed = subprocess.run(
        ["git", "log", "main", "--format=%(trailers:key=Runbook-Task,valueonly)"],
        cwd=night.layout.origin, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [task for task, times in Counter(listed).items() if times > 1]


def doubled_services(night) -> list[str]:
    """Return the names that more than one service on Render has."""
    answer = requests.get(
        f"{night.layout.read()['render']['api']}/services",
        params={"limit": 100},
        headers={"Authorization": f"Bearer {night.secret('render_key')}"},
        timeout=20,
    )
    names = Counter(each["service"]["name"] for each in answer.json())
    return [name for name, times in names.items() if times > 1]
