"""A ledger that a team shares: one environment, two operators on two machines, one night."""

import os
import shutil
import signal
import time
from contextlib import closing

import psycopg
import pytest

from handrail.testing.lab import end, until
from tests.engine.lab.bench import Bench
from tests.team import team_server, tell

__all__ = ["team_server"]
A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.slow(path=f"{room}/b", text="2", seconds=0.3, task="2")'
LONG = 'steps.slow_call(path=f"{room}/b", text="2", seconds=30, task="2")'
C = 'steps.write(path=f"{room}/c", text="3", task="3")'


def at_the(server, lab, **more):
    """Let a lab's ledger be on the server."""
    lab.env |= {"LEDGER_URL": server.url("ledgers")} | more
    return lab


@pytest.fixture
def ada(team_server, tmp_path):
    """One operator's machine."""
    with Bench(tmp_path / "ada") as bench:
        yield at_the(team_server, bench)


@pytest.fixture
def bob(team_server, tmp_path, ada):
    """Another operator's machine: its own checkout, the same environment and rooms, and the key."""
    with Bench(tmp_path / "bob") as bench:
        bench.environment = ada.environment
        bench.room = ada.room
        bench.inventory()
        yield at_the(team_server, bench)


def share_the_key(ada, bob):
    """Give Bob what Ada's first run made."""
    key = ada.folder / "state" / "ledgers" / f"{ada.environment}.key"
    (bob.folder / "state" / "ledgers").mkdir(parents=True, exist_ok=True)
    shutil.copy(key, bob.folder / "state" / "ledgers" / key.name)


def test_a_night_on_a_team_s_ledger(ada):
    """Plan, run, run again, roll back: as with a file, and nothing but a log and a key is here."""
    ada.runbook(A, B, C)

    plan = ada.run("--dry")
    assert not (ada.folder / "state").exists()
    run, again, back = ada.run(), ada.run(), ada.roll_back()

    assert (plan.code, run.code, again.code, back.code) == (0, 0, 0, 0), run.said + back.said
    assert ada.read("a") is None
    assert [each.outcome for each in ada.runs()] == ["rolled_back", "proven"]
    assert ada.kept().audit().good
    here = {each.name.partition(".")[2] for each in (ada.folder / "state" / "ledgers").iterdir()}
    assert {"key", "log"} <= here <= {"key", "log", "repositories"}


def test_another_operator_sees_resumes_and_rolls_back(ada, bob):
    """Whoever has the ledger's address and its key carries on what another began."""
    for each in (ada, bob):
        each.runbook(A, B, C)
    held = ada.run("--data", "to=1")
    refused = bob.run()
    share_the_key(ada, bob)

    address = f"{bob.env['LEDGER_URL']}#{ada.environment}"
    seen = bob.paste(["handrail", "status", "--ledger", address, "--json"])
    on = bob.run("--data", "operator=bob")
    back = ada.roll_back()

    assert held.code == 3, held.said
    assert (refused.code, "each operator holds the same key" in refused.said) == (1, True)
    assert '"outcome": "held"' in seen.said
    assert on.code == 0, on.said
    assert {each.actor for each in ada.entries() if each.event == "attempt.started"} >= {"bob"}
    assert back.code == 0, back.said
    assert bob.read("a") is None


def test_no_output_names_the_password(ada, team_server):
    """Neither what a command says, nor the log, nor what it gives to paste."""
    ada.runbook(A, C)

    run = ada.run()
    log = next((ada.folder / "state" / "ledgers").glob("*.log")).read_text()

    assert run.code == 0, run.said
    for text in (run.said, log, str([vars(entry) for entry in ada.entries()])):
        assert team_server.password not in text
    assert f"--ledger 'env:LEDGER_URL#{ada.environment}'" in run.said


def test_a_killed_run_is_resumed_by_another_operator(ada, bob):
    """The doubt is told and settled as on one machine."""
    for each in (ada, bob):
        each.runbook(A, LONG, C)
    process = ada.start()
    until(lambda: ada.events()[-1:] == ["step.started 2@one"], 60)
    end(process)
    share_the_key(ada, bob)

    asked = bob.run()
    settled = bob.run("--data", "settle=2#1:skip", "--data", "reason=seen")

    assert asked.code == 1
    assert "it is not declared idempotent" in asked.said, asked.said
    assert settled.code == 1, settled.said  # finished, one step skipped
    assert bob.read("c") == "3"


def test_a_paused_owner_past_its_lease_does_nothing_more(ada, bob):
    """Another takes over and waits for what is under way there; then the first one is refused."""
    for each in (ada, bob):
        each.inventory(lease_seconds=2)
        each.runbook(A, B.replace("0.3", "1"), C)
    process = ada.start()
    until(lambda: ada.events()[-1:] == ["step.started 2@one"], 60)
    os.kill(process.pid, signal.SIGSTOP)
    share_the_key(ada, bob)
    try:
        time.sleep(2.5)
        took = bob.run()
    finally:
        os.kill(process.pid, signal.SIGCONT)
    text, _ = process.communicate(timeout=60)
    on = bob.run()

    assert took.code == 1, took.said
    assert "lock.taken_over" in [each.event for each in bob.entries()]
    assert "is stale: another process took the lease over" in text
    assert process.returncode == 1
    assert on.code == 0, on.said
    assert bob.read("c") == "3"
    assert sorted(bob.journal()) == sorted(set(bob.journal()))


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_server_that_is_gone_stops_the_run_and_the_same_command_goes_on(ada, when, team_server):
    """No effect without its intent; when it is back nothing is done twice."""
    ada.runbook(A, B, C)
    with closing(psycopg.connect(team_server.url("postgres"), autocommit=True)) as db:
        if when == "before":
            db.execute("ALTER DATABASE ledgers ALLOW_CONNECTIONS false")
            gone = ada.run()
        else:
            process = ada.start()
            until(lambda: ada.events()[-1:] == ["step.started 2@one"], 60)
            db.execute("ALTER DATABASE ledgers ALLOW_CONNECTIONS false")
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            db.execute(ended, ("ledgers",))
            process.communicate(timeout=60)
        stood = ada.read("c")
        db.execute("ALTER DATABASE ledgers ALLOW_CONNECTIONS true")
    if when == "during":
        assert process.returncode == 1
        until(lambda: "is still at work there" not in ada.run().said, 60)
        on = ada.run()
    else:
        assert gone.code == 1
        on = ada.run()

    assert stood is None
    assert on.code == 0, on.said
    assert sorted(ada.journal()) == sorted(set(ada.journal()))
    assert ada.kept().audit().good


def test_a_live_lease_is_taken_over_with_a_reason_only(ada, bob):
    """Bob says why; Ada's run stops before its next effect."""
    for each in (ada, bob):
        each.runbook(A, B.replace("0.3", "2"), C)
    process = ada.start()
    until(lambda: ada.events()[-1:] == ["step.started 2@one"], 60)
    share_the_key(ada, bob)

    without = bob.run("--data", "takeover=1")
    adopt = ("--data", "settle=2#1:adopt")
    bob.run("--data", "takeover=1", "--data", "reason=Ada sleeps", *adopt)
    process.communicate(timeout=60)

    assert "needs a reason" in without.said
    assert process.returncode == 1
    assert tell(ada.kept().server, "SELECT count(*) FROM entries WHERE event = 'step.started' "
                "AND task = '3'") in ([(0,)], [(1,)])  # fmt: skip
    assert sorted(ada.journal()) == sorted(set(ada.journal()))
