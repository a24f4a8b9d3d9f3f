"""One rehearsal night carried between two operators, on two machines, by a ledger on a server."""

import json
import os
import re
import subprocess
import time
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import pytest
from rehearsal.layout import ELSEWHERE, Layout

from handrail.testing.lab import until
from tests.chaos import tally
from tests.chaos.carrying import (
    CUTOVER,
    LONGEST_SECONDS,
    ROLLBACK,
    VERIFY,
    carry,
    doubled,
    lost_back,
)
from tests.chaos.conftest import checkout
from tests.e2e.night import PROGRAMS, Night
from tests.engine import machines
from tests.engine.test_machines import PATIENCE
from tests.engine.test_team import share_the_key

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600), machines.needed]
PORT = re.compile(r"127\.0\.0\.1:(\d+)")
LEASE_SECONDS = 20
# Render's clock has to agree with an operator's to 5 s, which the night's own gate asks for.
CLOCKS = {"ada": "+3s", "bob": "-3s"}


class Operator:
    """Somebody with a machine, a checkout and a temporary folder of their own.

    Args:
        name: Who it is.
        machine: Its.
        folder: Made, with the checkout.
        night: The world; the ledger's address is in it.
    """

    environment = "rehearsal"

    def __init__(self, name: str, machine: machines.Machine, folder: Path, night: Night) -> None:
        self.machine, self.night = machine, night
        self.folder = checkout(folder, LEASE_SECONDS)
        self.words = ["--data", f"operator={name}"]
        self.env = night.environment() | {"TMPDIR": "/tmp", ELSEWHERE: "yes"}
        self.said = folder / "said"

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Give a command and do not wait."""
        command = [str(PROGRAMS / words[0]), *words[1:]]
        with self.said.open("wb") as said:
            return subprocess.Popen(
                self.machine.command(command, self.folder), env=self.env,
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        """Give a command; return its status and what it said."""
        code = self.start(*words).wait(timeout=LONGEST_SECONDS)
        return code, self.said.read_text(encoding="utf-8", errors="replace")

    def carry(self, command: list[str]) -> int:
        """Give a command until it is through; return how often it asked."""
        return carry(lambda more: self.run(*command, *self.words, *more))

    def states(self) -> dict[tuple[str, str], str]:
        """Return where each task stands, as this operator sees it."""
        code, said = self.run("handrail", "status", "--json")
        found = json.loads(said[said.index("{") :]) if code in (0, 1) and "{" in said else {}
        return {(each["task"], each["target"]): each["state"] for each in found.get("tasks", [])}


@pytest.fixture
def operators(tmp_path, team_server):
    """Ada and Bob, each on a machine with a line to the world, and the world."""
    name = f"night_{os.getpid()}_{tmp_path.name}".replace("-", "_")
    team_server.create_database(name)
    memory = f"{team_server.url(name)}?{PATIENCE}#rehearsal"
    # No distance of its own: a cut line is to reach the databases.
    night = Night(Layout(tmp_path / "world"), memory, round_trip_ms="0")
    with ExitStack() as stack:
        code, said = night.run(f"python -m rehearsal up --dir {night.layout.directory} --rows 300")
        stack.callback(night.run, f"python -m rehearsal down --dir {night.layout.directory}")
        assert code == 0, said
        found = []
        for number, (name, clock) in enumerate(CLOCKS.items(), 1):
            machine = machines.Machine(number, clock, tmp_path)
            stack.callback(machine.close)
            for port in ports(night) | {team_server.port}:
                machine.reach(port)
            found.append(Operator(name, machine, tmp_path / name, night))
        night.root = found[0].folder
        yield night, *found


def ports(night) -> set[int]:
    """Return the ports that the world serves, by what its inventory and its secrets say."""
    secrets = (night.layout.directory / "secrets").rglob("*")
    files = chain([night.layout.description], (each for each in secrets if each.is_file()))
    return {int(port) for file in files for port in PORT.findall(file.read_text())}


@pytest.mark.parametrize(("task", "how"), [("4", "power"), ("8.6", "line"), ("9.1", "line")])
def test_another_operator_finishes_what_one_began_and_the_first_takes_it_back(operators, task, how):
    """She loses power, or her line, in the middle; he sees it, takes over, and is through."""
    night, ada, bob = operators
    begun = ada.start(*CUTOVER, *ada.words)
    until(lambda: sees(bob, task) or begun.poll() is not None, LONGEST_SECONDS)
    assert begun.poll() is None, ada.said.read_text()[-3000:] + bob.said.read_text()[-500:]
    share_the_key(ada, bob)
    early = bob.run(*CUTOVER, *bob.words)
    struck(ada.machine, how)
    seen = bob.run("handrail", "status"), bob.run("handrail", "watch", "--once")

    unknowns = bob.carry(CUTOVER)
    ada.machine.mend()
    stopped = begun.wait(timeout=LONGEST_SECONDS)
    twice, lost = doubled(night), lost_there(bob)
    unknowns += ada.carry(ROLLBACK)
    lost += lost_back(night)

    what = f"machines: {how}"
    tally.count(what, kills=1, unknowns=unknowns, duplicates=len(twice), losses=len(lost))
    assert early[0] == 1
    assert "ada is at work on this environment" in early[1]
    assert all("ada" in said for _, said in seen), seen
    assert stopped != 0
    assert not twice
    assert not lost
    assert of_the_cutover(bob) == {"outcome": "rolled_back", "operators": ["ada", "bob"]}


def sees(operator, task) -> bool:
    """Tell whether an operator sees that a task has begun; they look every half second."""
    time.sleep(0.5)
    return operator.states().get((task, "production"), "pending") != "pending"


def struck(machine, how) -> None:
    """Take a machine's power, or its line; one without power is on again at once, and empty."""
    if how == "line":
        machine.cut()
    else:
        machine.switch_off()
        machine.switch_on()


def lost_there(operator) -> list[str]:
    """Return what an operator finds lost once the cutover is through."""
    code, said = operator.run(*VERIFY)
    served = operator.night.frontend_config()["apiUrl"]
    wanted = operator.night.production["web_url"]
    return [said[-2000:]] * (code != 0) + [f"the site asks {served}"] * (served != wanted)


def of_the_cutover(operator) -> dict[str, object]:
    """Return how the one run of the cutover stands, and who was at work on it."""
    said = operator.run("handrail", "export")[1]
    entries = [json.loads(line) for line in said.splitlines()]
    listed = json.loads(operator.run("handrail", "runs", "--json")[1])["runs"]
    (run,) = (each for each in listed if each["runbook"] == "cutover")
    actors = {each["actor"] for each in entries
              if each["run"] == run["run"] and each["event"] == "attempt.started"}  # fmt: skip
    return {"outcome": run["outcome"], "operators": sorted(actors)}
