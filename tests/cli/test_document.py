"""Documents that a plan asks for: made from contracts and ledger, so that they cannot drift."""

import pytest

from handrail.ledger.documents import completion
from handrail.ledger.report.html import verdict
from tests.engine.lab import night as night_steps
from tests.engine.lab import steps
from tests.engine.lab.bench import Bench
from tests.ledger.test_report import night, report_of

CALLS = (
    'steps.write(path=f"{room}/a", text="1", task="1", name="Prepare it")',
    'hold(label="users-back", name="Users work as before")',
    'night.gather(path=f"{room}/b", text="2", task="2", name="Move the rows")',
    'steps.burn(path=f"{room}/c", task="3", name="Burn the old one")',
)


@pytest.fixture(name="lab")
def _lab(tmp_path):
    with Bench(tmp_path / "lab") as bench:
        bench.inventory(undo_minutes=15, facts={"contacts": "Ana, 0171 | day and night"})
        bench.put("c", "old")
        bench.runbook(*CALLS, header="from handrail.engine import hold\nfrom lab import night\n")
        yield bench


def document(lab, kind, *more):
    """Print a document of the newest run."""
    return lab.handrail("document", kind, *more)


def test_the_rollback_document_says_what_contracts_and_ledger_say(lab):
    """Each step newest first, by its contract's sentence; whom to call; bounds; where to go to."""
    assert lab.run().code == 0
    said = document(lab, "rollback").said

    told = [line.split(" | ") for line in said.splitlines() if line.endswith("| done |")]
    contracts = {"1": steps.write.contract, "2": night_steps.gather.contract}
    assert [each[0].strip("| ") for each in told] == ["3", "2", "1"]
    for each in told[1:]:
        assert each[2] == contracts[each[0].strip("| ")].rollback_name
    assert "stays: ashes do not turn back; instead: write it anew" in told[0][2]
    assert f"loses: {contracts['2'].rollback_loses}" in said
    assert "| a way back may take, in minutes | 15 |" in said
    assert r"- Ana, 0171 \| day and night" in said
    assert "--data to=users-back" in said
    assert lab.entries()[-1].sha256 in said


def test_the_times_of_a_rollback_document_are_those_that_the_ledger_measured(lab):
    """Not measured before the first way back, and measured after it."""
    assert lab.run().code == 0
    assert document(lab, "rollback").said.count("not measured | done") == 2
    assert lab.roll_back("--data", "accept=3:irreversible").code == 0
    assert lab.run().code == 0

    assert "not measured" not in document(lab, "rollback").said


def test_a_document_without_its_inventory_says_what_to_name(lab):
    """An operator elsewhere names it."""
    assert lab.run().code == 0
    (lab.folder / lab.used).rename(lab.folder / "other.py")

    refused = document(lab, "rollback")

    assert refused.code == 2
    assert "--inventory" in refused.said
    assert document(lab, "rollback", "--inventory", "other.py").code == 0


def test_a_document_needs_no_target(lab):
    """One that is away, or that a program would have to be asked for, hinders nothing."""
    assert lab.run().code == 0
    away = [("192.0.2.1", {"undo_minutes": 15, "contacts": "Ana"}), "@vagrant/one", "@terraform"]
    (lab.folder / "away.py").write_text(f"away = {away}\n")

    told = document(lab, "rollback", "--inventory", "away.py")

    assert told.code == 0, told.said
    assert "| a way back may take, in minutes | 15 |" in told.said
    assert "- Ana" in told.said


def test_the_completion_document_says_what_was_done_and_what_proves_it(tmp_path):
    """Counts, what was kept out, who decided what; head and verdict of the ledger."""
    path = tmp_path / "lab.sqlite"
    night(path)

    report = report_of(path)
    said = "\n".join(completion.render([report], verdict(report)))

    for wanted in (
        "| 2.2 | production | Set the new secret key | ", "| cadets | 24 | 1 | 23 | equal |",
        "drift=2.1:redo", "approval given, as board", "no problem was found",
        report.verification["head"],
    ):  # fmt: skip
        assert wanted in said
