"""A guarded environment takes forward what was drilled elsewhere as it is, and nothing else."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from handrail.cli.report import gathered
from handrail.ledger.entry import now
from handrail.ledger.proof import prove
from handrail.ledger.report import html, markdown
from handrail.ledger.report.timeline import timeline
from handrail.ledger.store import SqliteLedger
from tests.team import team_server

__all__ = ["team_server"]

TEXT = 'steps.place(path=f"{room}/p", text="1", task="1")'
OTHER = 'steps.place(path=f"{room}/p", text="2", task="1")'


def drill(lab, *more):
    """Drill the runbook on the lab's own environment."""
    return lab.paste(["handrail", "drill", "lab.py", "up.py", *more])


def drilled(lab):
    """Carry the three legs of a drill through."""
    leg = ("--data", "drill=d")
    assert lab.run(*leg).code == lab.roll_back(*leg).code == lab.run(*leg).code == 0


def go(lab, *words, runbook="up"):
    """Run a runbook on the guarded environment."""
    named = (f"environment={lab.environment}n", *words)
    data = [part for word in named for part in ("--data", word)]
    lab.used = "night.py"
    ran = lab.run(*data, runbook=runbook)
    lab.used = "lab.py"
    return ran


@pytest.fixture(name="night")
def _night(lab):
    """Return a drill's environment beside a guarded one of the same shape."""
    lab.runbook(TEXT)
    guard(lab)
    return lab


def guard(lab, **more):
    """Write the guarded inventory; its ledger lies beside the lab's."""
    named = {"environment": f"{lab.environment}n", "ledger": "memory/night.sqlite"}
    lab.inventory("night", **{**named, "guarded": True, **more})


def test_nothing_starts_that_was_never_drilled(night):
    """Neither a run nor a plan; the refusal has the drill to paste, and nothing was done."""
    ran = go(night)

    assert ran.code == 1
    assert "no drill proves `up.py` as it is" in ran.said
    assert "handrail drill inventory/staging.py up.py" in ran.said
    night.used = "night.py"
    assert night.run("--dry").code == 1
    assert night.journal() == []
    assert not (night.folder / "memory/night.sqlite").exists()


def test_what_was_drilled_as_it_is_starts(night):
    """Up, down and up again prove it, and comments or white space take nothing from that."""
    drilled(night)
    file = night.folder / "up.py"
    file.write_text("# a word\n" + file.read_text().replace("task=", "task  ="))

    assert go(night).code == 0


def test_a_report_has_the_drill_beside_the_night_wherever_that_was(night):
    """In a ledger beside it or in its own, whatever was run since; and what was planned by it."""
    drilled(night)
    assert go(night).code == 0
    assert night.roll_back().code == night.run().code == 0

    for ledger in (night.folder / "memory/night.sqlite", night.ledger):
        report = gathered(str(ledger), "")[2]()
        assert report.drill is not None
        assert (report.drill.drill, report.drill.environment) == ("d", night.environment)
        assert [each.task for each in report.drill.tasks] == ["1"]
        assert report.tasks[0].expected_seconds is not None
        assert timeline(report).lanes[0].name == "Planned"
        for told in (html.render(report), "\n".join(markdown.render(report))):
            assert "The drill beside the night" in told
            assert " forward, " in told


def test_a_changed_call_is_not_what_was_drilled(night):
    """The refusal names the file."""
    drilled(night)
    night.runbook(OTHER)

    ran = go(night)

    assert ran.code == 1
    assert "changed since the drill of" in ran.said
    assert "`up.py`" in ran.said


def test_a_module_that_the_runbook_imports_counts(night):
    """A step changed after the drill was not drilled."""
    module = night.folder / "words.py"
    module.write_text('SAID = "1"\n')
    night.runbook(
        'steps.place(path=f"{room}/p", text=SAID, task="1")', header="from words import SAID\n"
    )
    drilled(night)
    assert go(night).code == 0
    module.write_text('SAID = "2"\n')

    ran = go(night)

    assert ran.code == 1
    assert "`words.py`" in ran.said


def test_data_of_another_shape_was_not_drilled(night):
    """A value may differ; a key more, or another kind of value, may not."""
    night.inventory("lab", extra="a")
    drilled(night)
    guard(night, extra="b")
    assert go(night).code == 0
    guard(night, extra={"b": 1})

    ran = go(night)

    assert ran.code == 1
    assert "`one.extra`" in ran.said


def test_an_override_has_a_reason_and_is_on_record(night):
    """Without a reason it is refused; with one it stands in the ledger."""
    assert "needs a reason" in go(night, "override=proof").said
    assert "what can be" in go(night, "override=prof", "reason=now").said

    ran = go(night, "override=proof", "reason=the drill is tomorrow")

    assert ran.code == 0
    entries = SqliteLedger(night.folder / "memory/night.sqlite").entries()
    started = next(each for each in entries if each.event == "attempt.started")
    assert started.body["overrides"] == ["proof"]
    assert started.reason == "the drill is tomorrow"


def test_a_rollback_needs_no_proof(night):
    """The way back is never shut."""
    assert go(night, "override=proof", "reason=now").code == 0

    assert go(night, "run=latest", "reason=no good", runbook="rollback").code == 0


def test_an_old_drill_proves_nothing(night):
    """Its age is told beside what is allowed."""
    drilled(night)
    guard(night, proof_days=1e-9)

    ran = go(night)

    assert ran.code == 1
    assert "is 0 days old, at most 1e-09 are allowed" in ran.said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("proof_days", 0),
        ("proof_days", "3"),
        ("guarded", "yes"),
        ("proofs", 3),
        ("proofs", [3]),
        ("signers", "ada"),
        ("signers", {"ada": [3]}),
    ],
)
def test_a_guard_that_cannot_be_read_is_told(night, key, value):
    """Nothing is guarded by a slip of the pen."""
    guard(night, **{key: value})

    ran = go(night)

    assert ran.code == 2
    assert f"correct `{key}` in the inventory" in ran.said


def test_a_guarded_environment_is_not_drilled(night):
    """A drill undoes everything that it did."""
    ran = night.paste(["handrail", "drill", "night.py", "up.py"])

    assert ran.code == 2
    assert "is guarded" in ran.said


def test_a_signed_file_travels(night, tmp_path):
    """One that was changed, or that a stranger signed, is told and not taken."""
    key, eve = made(tmp_path, "ada"), made(tmp_path, "eve")
    ada = {"ada": key.with_suffix(".pub").read_text()}
    assert drill(night, "--key", str(key)).code == 0
    guard(night, proofs=["state/proofs"], signers=ada)
    (night.folder / "memory" / "lab.sqlite").rename(night.folder / "elsewhere.sqlite")
    night.clear("p")
    night.used = "night.py"
    plan = night.run("--dry")
    assert f"measured on {night.environment}." in plan.said, "the times travel with it"
    assert go(night).code == 0
    report = gathered(str(night.folder / "memory/night.sqlite"), "")[2]()
    assert [each.task for each in report.drill.tasks] == ["1"], "the report shows it beside the run"
    assert report.tasks[0].expected_seconds is not None
    (proof,) = (night.folder / "state/proofs").glob("*.proof.json")
    whole = proof.read_text()

    proof.write_text(whole.replace(now().strftime("%Y-"), (now() + timedelta(400)).strftime("%Y-")))
    assert "was changed, or is signed by none" in go(night).said
    proof.write_text(whole)
    guard(night, proofs=["state/proofs"], signers={"eve": [eve.with_suffix(".pub").read_text()]})
    assert "was changed, or is signed by none" in go(night).said
    guard(night, proofs=["state/proofs"])
    assert "names no `signers`" in go(night).said


def made(folder: Path, name: str) -> Path:
    """Make a key pair."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def test_a_drill_that_was_killed_goes_on(lab):
    """In its first leg, not idempotent: the same command stops at the doubt, and then goes on."""
    lab.runbook('steps.die(path=f"{room}/p", text="1", task="1")')
    first = drill(lab)
    asked = drill(lab)

    done = drill(lab, "--data", "settle=1#1:skip")

    assert (first.code, asked.code, done.code) == (1, 1, 1)
    assert "forward ended with" in first.said
    assert "settle=1#1:" in asked.said
    assert len({run.drill for run in SqliteLedger(lab.ledger).runs().newest("up")}) == 1


def test_a_drill_begins_from_nothing(lab):
    """A run that stands is rolled back first: the drill would undo what it did not do."""
    lab.runbook(TEXT)
    assert lab.run().code == 0

    ran = drill(lab)

    assert ran.code == 2
    assert "stands, and a drill begins from nothing" in ran.said


def test_a_drill_tells_times_and_what_came_back(lab):
    """Every receipt with its seconds, both ways; the same in the ledger as in the file."""
    lab.runbook(TEXT, 'steps.place(path=f"{room}/q", text="1", task="2")')

    ran = drill(lab)

    assert ran.code == 0
    assert "2 receipts read as before" in ran.said
    (file,) = (lab.folder / "state/proofs").glob("*.proof.json")
    proof = prove(SqliteLedger(lab.ledger), "up")
    assert json.loads(file.read_text()) == json.loads(json.dumps(proof.as_json()))
    assert all(None not in (each.forward, each.back, each.again) for each in proof.tasks)


def test_a_drill_confirms_what_it_arms(lab):
    """Nobody sits beside it, and what is armed has to be put back by the drill alone."""
    lab.runbook(TEXT.replace("task=", "confirm_minutes=5, task="))

    ran = drill(lab)

    assert ran.code == 0, ran.said
    assert "confirmation.missed" not in [each.event for each in lab.entries()]


def test_a_drill_on_a_team_s_ledger_proves_there_and_by_its_address(night, team_server):
    """Of another environment on the same server, or named by whoever holds no such ledger."""
    address = team_server.url("ledgers")
    (night.folder / "address").write_text(address + f"#{night.environment}")
    (night.folder / "address").chmod(0o600)
    night.env["LEDGER_URL"] = address
    assert go(night).code == 1
    assert drill(night).code == 0

    beside = go(night)
    del night.env["LEDGER_URL"]
    guard(night, proofs=[f"file:{night.folder / 'address'}"])
    named = go(night)
    (night.folder / "address").write_text("postgresql://nobody@127.0.0.1:1/none")
    gone = go(night)

    assert beside.code == 0, beside.said
    assert named.code == 0, named.said
    assert gone.code == 1
    assert "nothing listens there" in gone.said
    assert team_server.password not in beside.said + named.said + gone.said


CARRY = """
steps.carry(path=f"{room}/rows", rows=host.data.rows, task="1")
way_back.fits(task="2")
hold(label="ready", name="All is ready")
steps.write(path=f"{room}/q", text="1", task="3")
"""
CARRIES = "from handrail.engine import hold\nfrom operations import way_back\n"


def test_the_clock_turns_red_where_the_rows_tripled_since_the_drill(night):
    """By the gate, and at the hold; with the rows of the drill it is green."""
    night.env["PYTHONPATH"] += f":{Path(__file__).parents[2]}"
    night.inventory("lab", rows=100)
    night.runbook(CARRY, header=CARRIES)
    drilled(night)
    assert night.roll_back().code == 0
    took = max(run.tasks["1", "one"].seconds for run in night.runs() if run.undoes)
    allowed = {"undo_minutes": 2 * took / 60, "rows": 100}

    guard(night, **allowed)
    green = go(night)
    assert go(night, "run=latest", "reason=another night", runbook="rollback").code == 0
    guard(night, **allowed | {"rows": 300})
    red = go(night)

    assert green.code == 0, green.said
    assert red.code == 1
    assert "a way back takes" in red.said
    assert night.read("q") is None


def test_a_plan_that_was_edited_between_the_legs_proves_nothing(lab):
    """The ledger knows what each attempt was made of."""
    lab.runbook(TEXT)
    assert lab.run("--data", "drill=d").code == 0
    assert lab.roll_back("--data", "drill=d").code == 0
    lab.runbook(OTHER)
    assert lab.run("--data", "drill=d").code == 0

    assert "were changed in between" in prove(SqliteLedger(lab.ledger), "up")


BEFORE = 'steps.place(path=f"{room}/p", text="1", task="1")'
HOLD = 'from handrail.engine import hold; hold(label="ready", name="All is ready")'
AFTER = 'steps.place(path=f"{room}/q", text="1", task="2")'


def test_no_hold_is_crossed_when_the_way_back_no_longer_fits(lab):
    """By what it took before; a reason lets it go on, and a way back is never held up."""
    lab.runbook(BEFORE, HOLD, AFTER)
    drilled(lab)
    assert lab.roll_back().code == 0
    lab.inventory("lab", undo_minutes=0.00001)

    ran = lab.run()

    assert ran.code == 1
    assert "hold `ready` was not crossed" in ran.said
    assert lab.journal()[-1] == "write p"
    assert lab.run().code == 1, "nor by the same command again"
    gone_on = lab.run("--data", "override=budget", "--data", "reason=we know")
    assert gone_on.code == 0
    assert lab.run().code == 0, "it was crossed on record"
    assert lab.roll_back().code == 0


def test_no_hold_is_crossed_after_the_latest_safe_moment(lab):
    """The window ends, and a way back would not have ended by then."""
    lab.runbook(BEFORE, HOLD, AFTER)

    ran = lab.run("--data", f"window_ends={(now() - timedelta(1)).isoformat()}")

    assert ran.code == 1
    assert "hold `ready` was not crossed" in ran.said
    assert "it had to begin by" in ran.said
    assert lab.run("--data", f"window_ends={(now() + timedelta(1)).isoformat()}").code == 0


@pytest.mark.parametrize("said", ["window_ends=tomorrow", "window_ends=2026-11-27T05:00:00"])
def test_a_window_without_a_zone_is_a_wrong_command(lab, said):
    """Nobody guesses whose five o'clock."""
    lab.runbook(BEFORE)

    ran = lab.run("--data", said)

    assert ran.code == 2
    assert "a moment with a zone" in ran.said
