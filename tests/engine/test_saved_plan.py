"""A saved plan runs as it is, or not at all; and an edit of a runbook is told field by field."""

import json
from types import SimpleNamespace

import pytest

from handrail.cli.__main__ import main
from handrail.engine.attempt.frozen import _of_others
from handrail.ledger.entry import Event

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.write(path=f"{room}/b", text="2", task="2")'
PLAN = ("--data", "plan=saved.json")


def saved(lab, *more, **env):
    """Save the plan, as `handrail plan --out` does."""
    return lab.run("--dry", "--data", "freeze=saved.json", *more, **env)


@pytest.fixture
def planned(lab):
    """A runbook of two calls, and its plan."""
    lab.runbook(A, B)
    assert saved(lab).code == 0
    return lab


def test_a_saved_plan_that_stands_is_run_and_resumed(planned):
    """Planning wrote nothing else; the run's own entries are no move of the ledger."""
    held = planned.run(*PLAN, "--data", "to=1", "--data", "override=plan", "--data", "reason=x")
    on = planned.run(*PLAN)
    again = planned.run(*PLAN)

    assert (held.code, on.code, again.code) == (3, 0, 0), on.said
    started = [each for each in planned.entries() if each.event == "attempt.started"]
    assert len({each.body["saved_plan"] for each in started}) == 1


def test_a_saved_plan_holds_calls_and_digests_and_no_secret(lab):
    """Secrets stand as references, data of the inventory as digests."""
    lab.inventory(token="env:SESAME")
    lab.runbook('steps.keep(path=f"{room}/a", value="env:SESAME", task="1")')
    plan = lab.run("--dry", "--data", "freeze=saved.json", SESAME="sesame-7f3c-open")
    text = (lab.folder / "saved.json").read_text()

    assert plan.code == 0, plan.said
    assert "sesame-7f3c-open" not in text
    found = json.loads(text)
    assert found["calls"]["1 on one"]["arguments"]["value"] == "env:SESAME"
    assert set(found) >= {"code", "inventory", "head", "run", "holds"}


def an_argument(lab):
    """Let a call say something else."""
    lab.runbook(A, B.replace('"2", task', '"other", task'))


def a_call_more(lab):
    """Add one."""
    lab.runbook(A, B, B.replace('task="2"', 'task="3"').replace("/b", "/c"))


def a_call_less(lab):
    """Take one out."""
    lab.runbook(A)


def another_order(lab):
    """Exchange two."""
    lab.runbook(B, A)


def the_inventory(lab):
    """Add a datum."""
    lab.inventory(region="frankfurt")


def the_ledger(lab):
    """Let another run go on meanwhile."""
    lab.run("--data", "to=1")


MOVES = {
    an_argument: 'task 2 on one: `text` was `"2"`, is `"other"`',
    a_call_more: "task 3 on one is new",
    a_call_less: "task 2 on one is gone",
    another_order: "the order of the calls is another",
    the_inventory: "the inventory's `one.region` is new",
    the_ledger: "the ledger went on:",
}


@pytest.mark.parametrize("move", MOVES)
def test_a_run_refuses_where_anything_moved_and_says_what(planned, move):
    """Nothing is done; a new plan, or a reason, lets it go on."""
    move(planned)

    refused = planned.run(*PLAN)
    dry = planned.run(*PLAN, "--dry")
    over = planned.run(*PLAN, "--data", "override=plan", "--data", "reason=we know")

    assert refused.code == 1
    assert MOVES[move] in refused.said
    assert planned.read("b") in {None, "2", "other"}
    assert (dry.code, MOVES[move] in dry.said) == (1, True)
    assert over.code == 0, over.said


def test_what_a_plan_is_made_of_moves_it_too(lab):
    """A secret's value, a file that a call names, a module, a package, a target left out."""
    module = lab.folder / "words.py"
    module.write_text('SAID = "1"\n')
    lab.put("door", "shut")
    calls = ('steps.keep(path=f"{room}/a", value="env:SESAME", task="1")',
             'steps.door_opens(path=f"{room}/door", task="2")')  # fmt: skip
    lab.runbook(*calls, header="from words import SAID\n")
    assert saved(lab, SESAME="sesame-7f3c-open").code == 0
    file = lab.folder / "saved.json"
    text = file.read_text()
    pyinfra = json.loads(text)["packages"]["pyinfra"]
    file.write_text(text.replace(f'"pyinfra": "{pyinfra}"', '"pyinfra": "1"'))
    module.write_text('SAID = "2"\n')
    lab.put("door", "ajar")

    left_out = ("--data", "without=one", "--data", "reason=r")
    elsewhere = {"LEDGER_URL": "memory/other.sqlite", "SESAME": "sesame-9b1d-shut"}
    refused = lab.run(*PLAN, *left_out, **elsewhere)

    assert refused.code == 1
    for told in (
        "`ledger` was `memory/lab.sqlite`, is `memory/other.sqlite`",
        "`without` was not given, is `one`",
        "`words.py` was changed",
        "`rooms/one/door`, which the calls read, was changed",
        "secret `env:SESAME` was changed",
        f"package `pyinfra` was 1, is {pyinfra}",
    ):
        assert told in refused.said
    assert "sesame-" not in refused.said + text
    assert lab.entries() == []


def test_what_an_attempt_that_was_under_way_records_moves_the_ledger():
    """It began before the plan was saved, so it says no more by which plan it goes."""
    going_on = SimpleNamespace(event=Event.STEP_CHANGED)

    assert list(_of_others([going_on], "a digest")) == [going_on]


def test_a_comment_moves_nothing(planned):
    """Nor does white space."""
    planned.runbook("# a word", "", A, "", B)

    assert planned.run(*PLAN).code == 0


def test_what_is_no_plan_is_a_wrong_command(planned):
    """A file that is not there, or is something else."""
    (planned.folder / "saved.json").write_text("{}")

    refused = planned.run(*PLAN)

    assert refused.code == 2
    assert "is no saved plan" in refused.said


def test_an_edit_of_a_finished_step_is_told_field_by_field(lab):
    """In the plan and in the run: what it was, and what it is."""
    lab.runbook(A, B)
    lab.run()
    lab.runbook(A.replace('"1", task', '"one", task'), B)

    plan = lab.run("--dry")
    run = lab.run()

    assert 'its arguments changed: `text` was `"1"`, is `"one"`' in plan.said
    assert run.code == 0, run.said


def test_handrail_plan_saves_what_pyinfra_plans(planned, monkeypatch, capfd):
    """The command beside the key of `--data`."""
    monkeypatch.chdir(planned.folder)
    for name, value in planned.env.items():
        monkeypatch.setenv(name, value)
    (planned.folder / "saved.json").unlink()

    status = main(["plan", "lab.py", "up.py", "--out", "saved.json"])

    assert status == 0
    assert "Saved to saved.json" in capfd.readouterr().err
    assert planned.run(*PLAN).code == 0
    assert main(["plan", "lab.py", "none.py"]) == 2
