"""Targets on the other side of SSH: two real servers on loopback, beside one driven from here."""

import pytest

from tests.engine.lab.bench import Bench
from tests.engine.lab.ssh import PASSWORD, hosts

PRINT = 'steps.print_to(path=f"{room}/a", text="1", task="1")'
LAST = 'steps.print_to(path=f"{room}/z", text="1", task="2")'


@pytest.fixture
def fleet(tmp_path):
    """Return an environment of three targets and the servers of two."""
    with (
        hosts("alpha", "beta") as servers,
        Bench(tmp_path / "lab", ["alpha", "beta", "here"]) as bench,
    ):
        listed = [
            (f"@ssh/{name}", {"room": str(bench.room(name))} | server.data())
            for name, server in servers.items()
        ]
        listed.append(("@control/here", {"room": str(bench.room("here"))}))
        (bench.folder / "lab.py").write_text(f"hosts = {listed!r}\n")
        yield bench, servers


def test_each_target_gets_its_own_receipt_over_its_own_connection(fleet):
    """Two over SSH, one from here; put back the same way."""
    lab, servers = fleet
    lab.runbook(PRINT, LAST)

    ran = lab.run()
    back = lab.roll_back()

    assert (ran.code, back.code) == (0, 0), ran.said + back.said
    receipts = {target for _, target in lab.runs()[0].tasks}
    assert receipts == {"@ssh/alpha", "@ssh/beta", "here"}
    for name, server in servers.items():
        assert any(str(lab.room(name)) in command for command in server.commands)
        assert lab.journal(name) == ["write a", "write z", "restore z", "restore a"]
        assert lab.read("a", name) is None
    assert PASSWORD not in ran.said + back.said
    assert PASSWORD not in "".join(f"{entry.body}" for entry in lab.entries())


def test_a_target_that_fails_over_ssh_stops_the_rest_and_is_resumed(fleet):
    """The next step starts nowhere; the same command goes on everywhere."""
    lab, _ = fleet
    lab.room("beta").rename(lab.room("gone"))
    lab.runbook(PRINT, LAST)

    stopped = lab.run()
    assert [lab.read("z", name) for name in lab.targets] == [None, None, None]
    lab.room("gone").rename(lab.room("beta"))
    resumed = lab.run()

    assert (stopped.code, resumed.code) == (1, 0), stopped.said + resumed.said
    assert "stopped at lab.steps.print_to (1) on @ssh/beta" in stopped.said
    assert [lab.read("z", name) for name in lab.targets] == ["1", "1", "1"]
    assert lab.journal("alpha") == ["write a", "write z"]


def test_a_server_that_cannot_be_reached_refuses_the_run(fleet):
    """Nothing is done on those that can."""
    lab, servers = fleet
    lab.runbook(PRINT)
    path = lab.folder / "lab.py"
    path.write_text(path.read_text().replace(PASSWORD, "wrong", 1))

    ran = lab.run()

    assert ran.code == 1
    assert "no connection to `@ssh/alpha`" in ran.said
    assert lab.read("a", "beta") is lab.read("a", "here") is None
    assert lab.entries() == []
    assert not any(str(lab.room("beta")) in each for each in servers["beta"].commands)
