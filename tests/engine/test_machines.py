"""One night between two machines: clocks hours apart, the line cut in the middle, one ledger."""

import subprocess
from contextlib import ExitStack

import pytest

from handrail.testing.lab import end, until
from tests.engine import machines
from tests.engine.lab.bench import Bench
from tests.engine.test_team import share_the_key
from tests.team import team_server

__all__ = ["team_server"]
A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.slow(path=f"{room}/b", text="2", seconds=2, task="2")'
C = 'steps.write(path=f"{room}/c", text="3", task="3")'
PATIENCE = "connect_timeout=2&tcp_user_timeout=2000&keepalives_idle=1&keepalives_interval=1"


@pytest.fixture
def night(team_server, tmp_path):
    """Ada, two hours ahead, and Bob, an hour behind, each on a machine of their own."""
    made = []
    with ExitStack() as stack:  # also where the second machine is not to be had
        for number, (name, clock) in enumerate((("ada", "+2h"), ("bob", "-1h")), 1):
            machine = machines.Machine(number, clock, tmp_path)
            stack.callback(machine.close)
            machine.reach(team_server.port)
            lab = stack.enter_context(Bench(tmp_path / name))
            made.append((lab, machine))
            lab.environment, lab.room = made[0][0].environment, made[0][0].room
            lab.inventory(lease_seconds=4)
            lab.runbook(A, B, C)
            lab.env["LEDGER_URL"] = f"{team_server.url('ledgers')}?{PATIENCE}"
        yield made


def started(lab, machine):
    """Start the runbook on a machine, and do not wait."""
    return subprocess.Popen(
        machine.command(lab.command(), lab.folder), env=lab.env, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def give(lab, machine, *arguments, runbook="up"):
    """Run the runbook on a machine."""
    command = lab.command(*arguments, runbook=runbook)
    return lab.paste(machine.command(command, lab.folder))


@machines.needed
@pytest.mark.timeout(180)
def test_two_operators_carry_one_night_between_them(night):
    """The line of one is cut; the other takes over by the server's clock; nothing is doubled."""
    (ada, hers), (bob, his) = night
    process = started(ada, hers)
    until(lambda: bob.events()[-1:] == ["step.started 2@one"], 60)
    share_the_key(ada, bob)
    hers.cut()
    text, _ = process.communicate(timeout=60)
    early = give(bob, his)
    until(lambda: give(bob, his).code == 0, 60)
    hers.mend()
    again = give(ada, hers)

    assert process.returncode == 1
    assert "nothing is done that could not be recorded" in text
    assert ada.read("c") == "3"
    assert early.code in (0, 1)
    assert again.code == 0, again.said
    assert sorted(ada.journal()) == sorted(set(ada.journal()))
    found = bob.kept().audit()
    assert (found.problems, found.warnings) == ([], [])  # one clock dates all entries
    assert "lock.taken_over" in [each.event for each in bob.entries()]


@machines.needed
@pytest.mark.timeout(180)
def test_one_begins_and_dies_another_resumes_and_the_first_rolls_back(night):
    """Her machine loses power in an act; the way back is of what the other did, too."""
    (ada, hers), (bob, his) = night
    process = started(ada, hers)
    until(lambda: bob.events()[-1:] == ["step.started 2@one"], 60)
    share_the_key(ada, bob)
    hers.switch_off()
    end(process)
    hers.switch_on()
    asked = ["--data", "settle=2#1:retry", "--data", "reason=her machine is off"]
    until(lambda: give(bob, his, "--data", "operator=bob", *asked).code == 0, 60)
    done = {name: ada.read(name) for name in "abc"}
    back = ["--data", "run=latest", "--data", "reason=error rate", "--data", "operator=ada"]
    rolled = give(ada, hers, *back, runbook="rollback")
    address = f"{bob.env['LEDGER_URL']}#{bob.environment}"
    seen = bob.paste(his.command(["handrail", "runs", "--ledger", address, "--json"], bob.folder))

    assert done == {"a": "1", "b": "2", "c": "3"}
    assert rolled.code == 0, rolled.said
    assert {ada.read(name) for name in "abc"} == {None}
    assert '"rolled_back"' in seen.said, seen.said
    (run,) = (run for run in bob.runs() if not run.undoes)
    assert (run.outcome, run.operators >= {"bob"}) == ("rolled_back", True)
    found = bob.kept().audit()
    assert (found.problems, found.warnings) == ([], [])  # one clock dates all entries
