"""A target that is gone is left out by name and with a reason only, and never called done."""

import socket

import pytest

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.print_to(path=f"{room}/b", text="2", task="2", on="two")'
WITHOUT = ("--data", "without=two")


@pytest.fixture
def done(pair):
    """Return an environment with a proven run on two targets."""
    pair.runbook(A, B)
    assert pair.run().code == 0
    return pair


def lose(lab, name="two"):
    """Let a target stand in the inventory and answer nobody."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    text = (lab.folder / "lab.py").read_text()
    (lab.folder / "lab.py").write_text(
        text.replace(f"'@control/{name}', {{", f"'{name}', {{'ssh_hostname': '127.0.0.1', "
                     f"'ssh_port': {port}, 'ssh_user': 'nobody', ")
    )  # fmt: skip


def test_an_unreachable_target_does_not_keep_the_others_from_going_back(done):
    """What is left there is told, and the rollback is not complete until it is undone, too."""
    lose(done)

    blocked = done.roll_back()
    ran = done.roll_back(*WITHOUT, reason="its host burnt")
    done.inventory()
    rest = done.roll_back()

    assert (blocked.code, ran.code, rest.code) == (1, 1, 0), ran.said
    assert "no connection to `two`" in blocked.said
    assert "--data without=two --data reason=" in blocked.said
    assert "finished: without `two`" in ran.closing[0]
    assert "left there: lab.steps.print_to (2) on two" in ran.said
    assert (done.read("a", "one"), done.read("b", "two")) == (None, None)
    started = [each for each in done.entries() if each.event == "attempt.started"]
    assert [each.body.get("without") for each in started] == [None, ["two"], None]
    assert started[1].reason == "its host burnt"
    assert done.runs()[0].outcome == "rolled_back"


def test_a_target_that_is_gone_from_the_inventory_is_left_out_in_the_same_way(done):
    """A rollback is whole, or says what it leaves."""
    done.inventory(only=["one"])

    blocked = done.roll_back()
    ran = done.roll_back(*WITHOUT)

    assert (blocked.code, ran.code) == (1, 1)
    assert "add `--data without=two`" in blocked.said
    assert done.read("a", "one") is None
    assert done.runs()[0].outcome != "rolled_back"


def test_a_run_goes_on_without_a_target_and_is_not_proven(pair):
    """Its tasks there stay open, and the run says so; with it again, it is proven."""
    pair.put("shut", target="one")
    pair.runbook(A, B)
    assert pair.run().code == 1
    pair.clear("shut", "one")
    lose(pair)

    blocked = pair.run()
    unreasoned = pair.run(*WITHOUT)
    ran = pair.run(*WITHOUT, "--data", "reason=its host burnt")
    pair.inventory()

    assert (blocked.code, unreasoned.code, ran.code) == (1, 1, 1), ran.said
    assert "an override needs a reason" in unreasoned.said
    assert pair.read("a", "one") == "1"
    assert "proven" not in {each.body.get("outcome") for each in pair.entries()}
    assert pair.run().code == 0


def test_a_run_that_has_changed_a_target_does_not_forget_it(done):
    """Gone from the inventory, it is named."""
    done.inventory(only=["one"])
    done.runbook(A)

    ran = done.run()
    left_out = done.run(*WITHOUT, "--data", "reason=sold")

    assert (ran.code, left_out.code) == (1, 1)
    assert "`two` is not in this inventory, and task `1` changed it" in ran.said
    assert "finished: without `two`" in left_out.closing[0]


def test_a_target_that_nobody_knows_is_a_wrong_command(done):
    """A misspelt name leaves nothing out."""
    ran = done.run("--data", "without=twoo", "--data", "reason=x")

    assert ran.code == 2
    assert "did you mean `two`?" in ran.said
