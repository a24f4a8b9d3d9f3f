"""Steps done by people, and approvals: a run waits for a word of somebody, and says whose."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from handrail.cli import people
from handrail.cli.__main__ import main
from handrail.engine import person as engine_person
from handrail.engine.attempt import beside
from handrail.ledger.audit import audit
from handrail.ledger.people import Approval
from handrail.ledger.task import Declared
from handrail.testing.lab import end, until

IMPORT = "from handrail import approve, hold, person\n"
WRITE = 'steps.write(path=f"{room}/a", text="1", task="1")'
CALL = (
    'person.does(task="2", owner="DBA on call", instructions="Turn DNS at the registrar", '
    'evidence="ticket or screenshot", rollback="Turn DNS back"{more})'
)
APPROVE = 'approve(task="2", role="release manager", people={people}, expires_minutes=60)'
LAST = 'steps.write(path=f"{{room}}/z", text="{text}", task="3")'


@pytest.fixture
def said(monkeypatch, lab):
    """Say something to the `handrail` command as a user of this system; returns its status."""

    def say(who, *arguments):
        monkeypatch.setattr(people, "os_user", lambda: who)
        return main([*arguments, "--ledger", str(lab.ledger)])

    return say


def waiting(lab, event="gate.opened", count=1):
    """Start the run and wait until it waits for a person."""
    process = lab.start()

    def seen():
        found = [each.event for each in lab.entries()] if lab.ledger.exists() else []
        assert process.poll() is None, process.communicate()[0]
        return found.count(event) >= count

    until(seen, 60)
    return process


def ended(process):
    """Return how a run ended that no longer waits, and all it said."""
    text, _ = process.communicate(timeout=60)
    return process.returncode, text


def test_a_person_s_step_waits_until_it_is_confirmed(lab, said, capsys):
    """It says for whom, what to do and what to type; the ledger keeps who confirmed.

    Whoever watches sees how long it takes by its own call.
    """
    lab.runbook(
        WRITE, CALL.format(more=", expected_minutes=10"), LAST.format(text="x"), header=IMPORT
    )
    process = waiting(lab, "step.started", 2)
    run = lab.runs()[-1].id

    capsys.readouterr()
    said("bob", "watch", "--once", "--json")
    (at_work,) = json.loads(capsys.readouterr().out)["running"]
    assert (at_work["task"], at_work["expected_seconds"]) == ("2", 600)
    assert said("bob", "confirm", run, "2", "--with", "ticket 4711") == 0
    code, text = ended(process)

    assert code == 0, text
    assert "DBA on call: Turn DNS at the registrar" in text
    assert f'handrail confirm {run} 2 --with "ticket or screenshot"' in text
    facts = lab.runs()[-1].tasks["2", "one"].facts
    assert (facts["confirmed_by"], facts["evidence"]) == ("bob", "ticket 4711")
    assert lab.runs()[-1].owners == {"2": "DBA on call"}
    assert audit(lab.ledger).good


def test_a_person_who_is_late_is_told_as_soon_as_that_is_so(monkeypatch):
    """And again each minute, by how much."""
    at, told = [datetime(2026, 10, 3, tzinfo=UTC)], []
    words = iter([*["asked"] * 20, "done"])
    for name, value in (
        ("current", lambda: None), ("say", told.append), ("now", lambda: at[0]),
        ("_where", lambda *_: SimpleNamespace(state=next(words))),
        ("beside", SimpleNamespace(owner=lambda *_: "DBA", ledger_option=lambda _: "")),
        ("time", SimpleNamespace(sleep=lambda _: at.append(at.pop() + timedelta(seconds=7)))),
    ):  # fmt: skip
        monkeypatch.setattr(engine_person, name, value)

    engine_person._wait("2", "r", "Turn", "it", hours=1, late=timedelta(seconds=20))

    since = "waiting for DBA since 00:00:00Z"
    assert told[2:] == [f"{since}, late by 1 s", f"{since}, late by 1 min"]


def test_a_run_killed_while_it_waits_for_a_person_waits_on(lab, said):
    """A word that was given meanwhile counts, and nobody is asked twice."""
    lab.runbook(CALL.format(more=""), header=IMPORT)
    end(waiting(lab, "step.started"))
    run = lab.runs()[-1].id

    assert said("bob", "confirm", "latest", "2", "--with", "seen") == 0
    again = lab.run()

    assert again.code == 0, again.said
    assert lab.runs()[-1].id == run
    assert lab.events()[-1] == "step.adopted 2@one"


def test_the_way_back_of_a_person_s_step_is_a_person_s_act(lab, said):
    """A rollback waits until a person confirmed that it is as before."""
    lab.runbook(CALL.format(more=""), header=IMPORT)
    process = waiting(lab, "step.started")
    assert said("bob", "confirm", "latest", "2", "--with", "done") == 0
    assert ended(process)[0] == 0

    rollback = subprocess.Popen(
        lab.command("--data", "run=latest", "--data", "reason=r", runbook="rollback"),
        cwd=lab.folder, env=lab.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    until(lambda: lab.runs()[-1].undoes and lab.events()[-1] == "step.started 2@one", 60)
    assert said("bob", "confirm", lab.runs()[-1].id, "2", "--with", "back") == 0
    code, text = ended(rollback)

    assert code == 0, text
    assert "DBA on call: Turn DNS back" in text
    assert lab.runs()[0].outcome == "rolled_back"


def test_a_person_s_word_does_not_stand_for_its_claim(lab, said):
    """Where a step carries a claim, that must hold, too."""
    claim = ', claim="lab.steps.file_is_gone", claim_arguments={"path": f"{room}/a"}'
    lab.runbook(WRITE, CALL.format(more=claim), header=IMPORT)
    process = waiting(lab, "step.started", 2)

    assert said("bob", "confirm", "latest", "2", "--with", "done") == 0
    code, text = ended(process)

    assert code == 1
    assert "bob at" in text
    assert lab.states()["2@one"] == "failed"


def test_an_approval_lets_the_run_go_on(lab, said):
    """By two people, neither of them the operator; what they type is said where it waits."""
    lab.runbook(WRITE, APPROVE.format(people=2), LAST.format(text="x"), header=IMPORT)
    process = waiting(lab)
    run = lab.runs()[-1].id

    assert said("bob", "approve", run, "2") == 0
    assert said("bob", "approve", run, "2") == 0  # once more counts once
    assert said("eve", "approve", run, "2", "--role", "janitor") == 2
    assert said("eve", "approve", run, "2", "--role", "release manager") == 0
    given = [each.body["role"] for each in lab.entries() if each.event == "approval.given"]
    assert given == ["release manager"] * 3, "left out, it is the one that is asked for"
    code, text = ended(process)

    assert code == 0, text
    assert f"type elsewhere: handrail approve {run} 2" in text
    assert lab.runs()[-1].tasks["2", "one"].facts["approved"] == ["bob", "eve"]


def test_the_operator_does_not_approve_their_own_run(lab, said, capsys):
    """By no name that the run knows them by."""
    lab.runbook(APPROVE.format(people=1), header=IMPORT)
    process = waiting(lab)
    try:
        operators = lab.runs()[-1].operators
        assert [said(each, "approve", "latest", "2") for each in operators] == [1] * len(operators)
    finally:
        end(process)

    assert "is an operator of this run" in capsys.readouterr().err


MOMENT = datetime(2026, 10, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "given", "against"),
    [
        ("bob", {}, ""),
        ("bob", {"role": ""}, ""),
        ("ada", {}, "ada is an operator of this run"),
        ("", {}, "it is not signed by a key that the inventory lists; add `--sign KEY`"),
        ("bob", {"role": "janitor"}, "it was given as `janitor`"),
        ("bob", {"plan": "another"}, "the plan changed since"),
        ("bob", {"at": MOMENT - timedelta(minutes=61)}, "it expired at 23:59:00Z"),
        ("bob", {"at": MOMENT - timedelta(minutes=59)}, ""),
    ],
)
def test_an_approval_counts_unless_something_speaks_against_it(monkeypatch, name, given, against):
    """Whatever stands in the ledger, and by whatever way it came there."""
    monkeypatch.setattr(engine_person, "now", lambda: MOMENT)
    monkeypatch.setattr(engine_person.beside, "operators", lambda _: {"ada"})
    attempt = SimpleNamespace(calls=SimpleNamespace(digest=lambda: "plan"))
    usual = {"actor": name, "at": MOMENT, "role": "board", "plan": "plan"}
    approval = Approval(**usual | given, signature="", text="")

    found = engine_person._against(attempt, approval, name, "board", 60)

    assert found == against


@pytest.mark.parametrize(
    ("plan", "ends", "used", "withdrawn"),
    [
        ("plan", 1, 0, False),
        ("plan", -1, 0, True),
        ("plan", -1, 9, False),
        ("another", 1, 0, True),
        ("another", 1, 9, True),
    ],
)
def test_an_approval_that_let_a_run_go_on_is_withdrawn(monkeypatch, plan, ends, used, withdrawn):
    """When the plan changes, and when it runs out before anything came of it."""
    monkeypatch.setattr(beside, "now", lambda: MOMENT)
    told = {"plan": plan, "ends": (MOMENT + timedelta(minutes=ends)).isoformat()}
    one = SimpleNamespace(
        settled=True, facts=told, proven_seq=5, declared=Declared("2", "", "", "")
    )
    other = SimpleNamespace(acted_seq=used, proven_seq=0)
    calls = SimpleNamespace(
        digest=lambda: "plan", places={"2": "", "3": ""}, before=lambda _: {"2"}
    )
    run = SimpleNamespace(tasks={("2", "one"): one, ("3", "one"): other})

    assert beside.is_withdrawn(SimpleNamespace(calls=calls, run=run), one) is withdrawn


def test_nobody_dates_an_approval_ahead():
    """It counts from what it says, or from its entry, whichever is earlier."""
    entry = SimpleNamespace(
        environment="lab", run="r", task="2", actor="bob", at=MOMENT.isoformat(),
        body={"at": (MOMENT + timedelta(days=9)).isoformat()},
    )  # fmt: skip

    assert Approval.of(entry).at == MOMENT


@pytest.mark.parametrize(("text", "code"), [("other", "SAID = 1"), ("x", "SAID = 2")])
def test_an_approval_is_of_one_plan(lab, said, text, code):
    """A change of an argument, or of code, after it withdraws it, and the run asks again."""
    words, header = lab.folder / "words.py", f"import words\n{IMPORT}"
    words.write_text("SAID = 1\n")
    lab.runbook(APPROVE.format(people=1), LAST.format(text="x"), header=header)
    end(waiting(lab))
    assert said("bob", "approve", "latest", "2") == 0
    words.write_text(f"{code}  # a word\n")
    lab.runbook(APPROVE.format(people=1), LAST.format(text=text), header=header)

    process = waiting(lab, count=1)
    until(lambda: lab.runs()[-1].attempts == 2, 60)
    assert lab.read("z") is None
    assert said("bob", "approve", "latest", "2") == 0
    code, told = ended(process)

    assert code == 0, told
    assert lab.read("z") == text


def test_an_approval_that_is_taken_back_counts_no_more(lab, said, capsys):
    """Until it is given again; the other's stands, and the reason is on record."""
    lab.runbook(APPROVE.format(people=2), LAST.format(text="x"), header=IMPORT)
    process = waiting(lab)

    assert said("bob", "approve", "latest", "2") == 0
    assert said("bob", "approve", "latest", "2", "--withdraw", "--reason", "too early") == 0
    assert said("eve", "approve", "latest", "2") == 0
    told = capsys.readouterr().out
    looked = len(lab.entries())
    assert lab.states()["2@one"] != "changed"
    assert process.poll() is None
    assert said("bob", "approve", "latest", "2") == 0
    code, text = ended(process)

    assert code == 0, text
    assert "The approval of bob for task 2" in told
    assert lab.entries()[looked - 2].reason == "too early"
    assert lab.runs()[-1].tasks["2", "one"].facts["approved"] == ["bob", "eve"]


def test_nothing_is_taken_back_that_was_never_given(lab, said, capsys):
    """A slip is told, and nothing of it is on record."""
    lab.runbook(APPROVE.format(people=1), header=IMPORT)
    end(waiting(lab))
    before = len(lab.entries())

    assert said("bob", "approve", "latest", "2", "--withdraw") == 2

    assert "bob has not approved it" in capsys.readouterr().err
    assert len(lab.entries()) == before


def test_an_approval_expires(lab, said):
    """One that is too old when the run comes there does not count, and the refusal says so."""
    late = APPROVE.format(people=1).replace("expires_minutes=60", "expires_minutes=0.0001")
    lab.runbook(late.replace(")", ", timeout_seconds=1)"), LAST.format(text="x"), header=IMPORT)
    assert lab.run().code == 1
    assert said("bob", "approve", "latest", "2") == 0

    again = lab.run()

    assert again.code == 1, again.said
    assert "the one of bob does not count: it expired at " in again.said
    assert lab.read("z") is None


@pytest.mark.parametrize(
    "approvers", ["ada", ["ssh-ed25519 AAAA"], {"ada": 5}, {"ada": []}, {"ada": "ada.pub"}]
)
def test_approvers_of_another_form_are_a_wrong_inventory(lab, approvers):
    """Nobody is let in, and nobody kept out, by a slip of the pen; told before anything begins."""
    lab.inventory(approvers=approvers)
    lab.runbook(WRITE, APPROVE.format(people=1), header=IMPORT)

    ran = lab.run()

    assert ran.code == 2, ran.said
    assert "correct `approvers` in the inventory" in ran.said
    assert lab.read("a") is None


def test_a_comment_withdraws_no_approval(lab, said):
    """Comments and white space are no change of the plan."""
    lab.runbook(APPROVE.format(people=1), LAST.format(text="x"), header=IMPORT)
    end(waiting(lab))
    assert said("bob", "approve", "latest", "2") == 0
    lab.runbook("# a word", APPROVE.format(people=1), "", LAST.format(text="x"), header=IMPORT)

    assert lab.run().code == 0


def test_a_signed_approval_is_of_the_key_that_the_inventory_lists(lab, said, tmp_path):
    """One without a signature, or of another key, does not count; whoever typed the command."""
    keys = {name: tmp_path / name for name in ("ada", "mallory")}
    for name, path in keys.items():
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
        subprocess.run(made, check=True)
    lab.inventory(approvers={"ada": keys["ada"].with_suffix(".pub").read_text().strip()})
    lab.runbook(APPROVE.format(people=1), header=IMPORT)
    process = waiting(lab)

    assert said("bob", "approve", "latest", "2") == 0
    assert said("bob", "approve", "latest", "2", "--sign", str(keys["mallory"])) == 0
    assert lab.runs()[-1].outcome == "open"
    assert said("bob", "approve", "latest", "2", "--sign", str(keys["ada"])) == 0
    code, text = ended(process)

    assert code == 0, text
    assert lab.runs()[-1].tasks["2", "one"].facts["approved"] == ["ada"]


def test_a_point_of_no_return_is_a_hold_with_an_approval(lab, said):
    """The run may be told to hold there, and goes on past it only when it is approved."""
    point = 'hold(label="no-return", name="Users write on the new system", task="2")'
    lab.runbook(WRITE, point, LAST.format(text="x"), header=IMPORT)

    held = lab.run("--data", "to=no-return")
    process = waiting(lab)
    assert said("bob", "approve", "latest", "2") == 0
    code, text = ended(process)

    assert held.code == 3, held.said
    assert code == 0, text
