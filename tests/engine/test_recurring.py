"""A runbook that is run every week: each run is a new one, and a red gate takes it back at once."""

import pytest

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
DOOR = 'steps.door_opens(path=f"{room}/answer", timeout_seconds=0.2, task="2")'
B = 'steps.write(path=f"{room}/b", text="2", task="3")'


@pytest.fixture
def weekly(lab):
    """A lab whose runbook recurs, and goes back where its gate is red."""
    lab.runbook(A, DOOR, B)
    runbook = lab.folder / "up.py"
    text = runbook.read_text()
    assert text.count("begin()") == 1
    runbook.write_text(text.replace("begin()", "begin(recurs=True, back_when_red=True)"))
    return lab


def test_the_next_run_begins_where_the_last_one_is_proven(weekly):
    """What the last one made may be something else by now; that is no drift."""
    weekly.put("answer", "yes")
    assert weekly.run().code == 0
    weekly.put("a", "changed by the next release")

    again = weekly.run()

    assert again.code == 0, again.said
    assert [run.outcome for run in weekly.runs()] == ["proven", "proven"]
    assert weekly.read("a") == "1"


def test_a_red_gate_takes_the_run_back_at_once(weekly):
    """By a rollback of its own, with its reason on record; the command does not end with 0."""
    weekly.put("answer", "no")

    ran = weekly.run()

    assert ran.code == 1
    assert "rollback.py --data run=" in ran.said
    assert (weekly.read("a"), weekly.read("b")) == (None, None)
    forward, back = sorted(weekly.runs(), key=lambda run: run.undoes)
    assert forward.outcome == "rolled_back"
    assert back.undoes == forward.id
    assert any("red: 2 on one" in str(entry.reason) for entry in weekly.entries())


def test_a_gate_that_is_not_open_in_time_is_red_too(weekly):
    """Nobody answers: the users must not wait until somebody looks."""
    assert weekly.run().code == 1
    assert weekly.read("a") is None


def test_what_could_not_be_looked_at_takes_nothing_back(weekly):
    """A bug of a gate says nothing of the system; the same command goes on later."""
    answer = weekly.room() / "answer"
    answer.mkdir()  # it cannot be read

    ran = weekly.run()

    assert ran.code == 1
    assert weekly.read("a") == "1"
    answer.rmdir()
    weekly.put("answer", "yes")
    assert weekly.run().code == 0


def test_a_plan_takes_nothing_back(weekly):
    """It asks no gate and ends as plans do."""
    weekly.put("answer", "no")

    assert weekly.run("--dry").code == 0
    assert not weekly.runs()


def test_an_interrupted_run_is_carried_on(weekly):
    """The next run begins only when this one has come to its end."""
    weekly.put("answer", "yes")
    assert weekly.run("--data", "to=1").code == 3

    assert weekly.run().code == 0
    assert [run.outcome for run in weekly.runs()] == ["proven"]
