"""A step that is armed undoes itself unless somebody confirms it in time, whoever has gone."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from handrail.cli import watchdog
from handrail.cli.__main__ import main
from handrail.ledger.arming import armed_in
from handrail.ledger.lease import is_alive
from handrail.testing.lab import end, until
from tests.engine.test_team import at_the
from tests.team import team_server

__all__ = ["team_server"]

FIRST = 'steps.write(path=f"{room}/a", text="1", task="1")'
ARMED = 'steps.write(path=f"{{room}}/b", text="2", task="2", confirm_minutes={})'
SLOW = 'steps.slow(path=f"{{room}}/{}", text="3", seconds={}, task="{}"{})'
WAITS = 'steps.door_opens(path=f"{room}/answer", timeout_seconds=60, task="3")'
SOON, LATER = 0.02, 5  # minutes


def handrail(lab, *words):
    """Say something about the lab's ledger; returns the exit status."""
    return main([*words, "--ledger", str(lab.ledger)])


def armed(lab):
    """Return what is armed in the newest run, as `handrail show --json` has it."""
    ran = lab.handrail("show", "latest", "--json")
    return json.loads(ran.said)["armed"]


def watchdogs(lab):
    """Return the processes that intents on record name."""
    named = [each.body.get("watchdog", "") for each in lab.entries()]
    return [int(each.split()[1]) for each in named if each]


def is_undone(lab):
    """Tell whether a watchdog has put the armed step back."""
    return any(each.undoes and each.outcome == "proven" for each in lab.runs())


@pytest.fixture(autouse=True)
def _no_watchdog_stays(request):
    """End every watchdog that a test started."""
    bench = request.getfixturevalue("pair" if "pair" in request.fixturenames else "lab")
    yield
    for pid in watchdogs(bench):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_confirmed_step_stays(lab, capsys):
    """The run holds until then, with 3; afterwards it is proven, and the watchdog goes home."""
    lab.runbook(FIRST, ARMED.format(LATER))
    plan = lab.run("--dry")
    ran = lab.run()
    run = lab.runs()[-1].id
    told = armed(lab)

    assert "armed for 5 minutes" in plan.said
    assert ran.code == 3, ran.said
    assert f"to keep it: handrail confirm {run} 2" in ran.said
    assert [each["task"] for each in told] == ["2"]
    assert lab.runs()[-1].outcome == "held"
    assert handrail(lab, "confirm", run, "2") == handrail(lab, "confirm", run, "2") == 0
    assert "confirmed already" in capsys.readouterr().out
    assert lab.runs()[-1].outcome == "proven"
    assert lab.run().code == 0
    until(lambda: not any(map(is_alive, watchdogs(lab))))
    assert handrail(lab, "verify") == 0


def test_what_nobody_confirms_goes_back_with_all_that_came_after(lab, capsys):
    """By the rollback, which says why; what stood before it stays. A late word is told so."""
    lab.runbook(FIRST, ARMED.format(SOON), 'steps.write(path=f"{room}/c", text="3", task="3")')
    assert lab.run().code == 3
    run = lab.runs()[-1].id

    until(lambda: is_undone(lab))

    assert (lab.read("a"), lab.read("b"), lab.read("c")) == ("1", None, None)
    assert lab.journal()[-2:] == ["restore c", "restore b"]
    assert lab.runs()[-1].reason == "not confirmed within 0.02 minutes"
    assert lab.runs()[-1].actor == "watchdog"
    assert handrail(lab, "confirm", run, "2") == 1
    assert "it is put back already" in capsys.readouterr().err
    assert handrail(lab, "verify") == 0
    assert lab.run().code == 3, "forward again, armed again"


@pytest.mark.parametrize("how", ["SIGKILL", "SIGHUP"])
def test_the_watchdog_outlives_the_command_and_its_session(lab, how):
    """Struck in the middle of a later step, the whole process group; both steps go back."""
    lab.runbook(FIRST, ARMED.format(0.05), SLOW.format("c", 1, "3", ""))
    process = lab.start()
    until(lambda: lab.ledger.exists() and lab.events()[-1:] == ["step.started 3@one"])
    os.killpg(process.pid, signal.Signals[how])
    process.wait()

    until(lambda: is_undone(lab))

    assert (lab.read("a"), lab.read("b"), lab.read("c")) == ("1", None, None)


def test_an_armed_step_whose_end_nobody_saw_goes_back_too(lab):
    """Its time runs from its beginning then."""
    lab.runbook(FIRST, SLOW.format("b", 0.5, "2", f", confirm_minutes={SOON}"))
    process = lab.start()
    until(lambda: lab.ledger.exists() and lab.events()[-1:] == ["step.started 2@one"])
    end(process)

    until(lambda: is_undone(lab))

    assert (lab.read("a"), lab.read("b")) == ("1", None)


def test_a_slow_step_is_not_undone_while_it_is_at_work(lab):
    """Its time to be confirmed begins when its end is on record."""
    lab.runbook(SLOW.format("b", 1.8, "2", f", confirm_minutes={SOON}"))

    assert lab.run().code == 3
    assert lab.read("b") == "3"
    until(lambda: is_undone(lab))
    assert lab.read("b") is None


def test_a_run_that_waits_gives_way(lab):
    """A gate that nobody answers ends when the time is over, so that the watchdog can undo."""
    lab.runbook(FIRST, ARMED.format(SOON), WAITS)

    ran = lab.run()

    assert ran.code == 1
    assert "was to be confirmed by" in ran.said
    until(lambda: is_undone(lab))
    assert lab.read("b") is None
    assert "lock.taken_over" not in [each.event for each in lab.entries()]


def test_without_its_watchdog_the_next_command_refuses_with_the_way_back(lab):
    """Somebody killed it, or the machine went down; nothing goes on over what is overdue."""
    lab.runbook(FIRST, ARMED.format(SOON))
    assert lab.run().code == 3
    os.kill(watchdogs(lab)[0], signal.SIGKILL)
    time.sleep(SOON * 60 + 0.2)

    ran = lab.run()
    fix = ran.said.partition("if none does: `")[2].partition("`")[0]
    back = lab.paste(["sh", "-c", fix])

    assert ran.code == 1
    assert "nobody did, so it goes back first" in ran.said
    assert back.code == 0, back.said
    assert lab.read("b") is None


def test_a_resume_watches_over_what_is_armed_already(lab):
    """It sets no new time, and starts a watchdog where the former was killed."""
    lab.runbook(FIRST, ARMED.format(0.1), 'steps.door_opens(path=f"{room}/answer", '
                "timeout_seconds=0, task='3')")  # fmt: skip
    assert lab.run().code == 1
    os.kill(watchdogs(lab)[0], signal.SIGKILL)
    before = armed(lab)
    lab.put("answer", "yes")

    assert lab.run().code == 3

    assert armed(lab) == before
    until(lambda: is_undone(lab))
    assert lab.read("b") is None


def test_a_step_on_several_targets_is_confirmed_on_all_of_them_at_once(pair, capsys):
    """Its time is that of the last one, and `--on` would keep half of it."""
    pair.runbook(ARMED.format(LATER))
    assert pair.run().code == 3
    run = pair.runs()[-1]

    assert len({each.until for each in armed_in(run)}) == 1
    assert handrail(pair, "confirm", run.id, "2", "--on", "one") == 2
    assert "on all its targets at once" in capsys.readouterr().err
    assert handrail(pair, "confirm", run.id, "2") == 0
    assert armed_in(pair.runs()[-1]) == []


def test_a_rollback_disarms(lab):
    """What was put back by hand is not put back again, and nothing is on record of that."""
    lab.runbook(FIRST, ARMED.format(LATER))
    assert lab.run().code == 3

    assert lab.roll_back().code == 0

    until(lambda: not any(map(is_alive, watchdogs(lab))))
    assert len([each for each in lab.runs() if each.undoes]) == 1
    assert "confirmation.missed" not in [each.event for each in lab.entries()]


def test_the_lease_is_taken_from_a_run_that_does_not_give_way(lab, monkeypatch):
    """It stands still, say; the takeover is on record, and it can do nothing more."""
    monkeypatch.setattr(watchdog, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(watchdog, "FIRST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(subprocess, "run", runner(lab))
    lab.runbook(FIRST, ARMED.format(SOON), WAITS)
    process = lab.start()
    until(lambda: lab.ledger.exists() and lab.events("gate")[-1:] == ["gate.opened 3@one"])
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(watchdogs(lab)[0], signal.SIGKILL)
    told = {"run": lab.runs()[-1].id, "ledger": str(lab.ledger), "environment": lab.environment}
    told["words"] = ["-y", "lab.py", "rollback.py"]
    ours = watchdog.Watchdog.told(json.dumps(told), os.open(os.devnull, os.O_RDONLY))

    ours.watch()
    os.kill(process.pid, signal.SIGCONT)

    assert process.wait(60) == 1
    assert lab.read("b") is None
    taken = next(each for each in lab.entries() if each.event == "lock.taken_over")
    assert "is alive, and an operator said so" in taken.reason


def test_a_team_s_ledger_is_watched_as_well(lab, team_server, capsys):
    """Confirmed in time it stays; the next one, which nobody confirms, goes back."""
    at_the(team_server, lab)
    address = f"{lab.env['LEDGER_URL']}#{lab.environment}"
    lab.runbook(FIRST, ARMED.format(SOON * 3), 'steps.door_opens(path=f"{room}/answer", '
                "timeout_seconds=0, task='3')")  # fmt: skip
    assert lab.run().code == 1
    assert main(["confirm", "latest", "2", "--ledger", address]) == 0
    lab.put("answer", "yes")
    assert lab.run().code == 0
    assert lab.roll_back().code == 0
    lab.clear("answer")
    lab.runbook(FIRST, ARMED.format(SOON))
    assert lab.run().code == 3

    until(lambda: len([each for each in lab.runs() if each.undoes]) == 2)
    until(lambda: lab.read("b") is None)

    assert lab.read("a") == "1"
    assert main(["confirm", lab.runs()[-2].id, "2", "--ledger", address]) == 1
    assert "was not confirmed" in capsys.readouterr().err


def runner(lab):
    """Return what runs a command in the lab's folder, as the watchdog's own folder is."""
    run = subprocess.run

    def in_the_lab(command, **kwargs):
        return run(command, cwd=lab.folder, env=lab.env, **kwargs)

    return in_the_lab


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ('steps.door_opens(path=f"{room}/x", task="1", confirm_minutes=5)', "a gate changes"),
        ('steps.burn(path=f"{room}/x", task="1", confirm_minutes=5)', "cannot be undone"),
        (ARMED.format(-1), "is not a number of minutes"),
        (ARMED.format('"5"'), "is not a number of minutes"),
        (ARMED.format("float('inf')"), "is not a number of minutes"),
        (ARMED.format("True"), "is not a number of minutes"),
        (
            'person.does(task="1", instructions="x", rollback="y", confirm_minutes=5)',
            "people put it back",
        ),
    ],
)
def test_what_cannot_undo_itself_is_not_armed(lab, call, why):
    """The plan says so, and nothing was done."""
    lab.runbook(call, header="from handrail import person\n")

    ran = lab.run("--dry")

    assert ran.code == 1
    assert why in ran.said
    assert lab.journal() == []


def test_a_step_is_not_begun_whose_watchdog_does_not_stand(lab):
    """The intent comes after it, so nothing is in doubt either."""
    lab.runbook(FIRST, ARMED.format(LATER))
    (lab.folder / "memory").mkdir()
    (lab.folder / "memory" / "lab.watchdog.log").mkdir()

    ran = lab.run()

    assert ran.code == 1
    assert "nothing was armed" in ran.said
    assert lab.journal() == ["write a"]
    assert lab.states()["2@one"] == "refused"
