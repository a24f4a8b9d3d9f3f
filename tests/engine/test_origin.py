"""What the ledger keeps for the report: whence a run came, what for, what it carried out."""

import subprocess

import pytest

from handrail.ledger.entry import Event

A = 'steps.write(path=f"{room}/a", text="1", task="3.1.1")'
HEADER = """
from pyinfra import host
from lab import odd, steps
from handrail.engine import begin

begin(requirements="wanted.yaml")
room = host.data.room
"""
WANTED = """
requirements: {"2.1": a note is there, "2.2": nobody cites it}
tasks: {"3.1": ["2.1"]}
"""


def started(lab):
    """Return what the newest attempt said when it began."""
    return [each for each in lab.entries() if each.event is Event.ATTEMPT_STARTED][-1].body


def outcome(lab, event):
    """Return the body of the newest outcome of a kind."""
    return [each for each in lab.entries() if each.event is event][-1].body


def git(lab, *words):
    """Run git in the lab's folder."""
    named = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *named, *words], cwd=lab.folder, check=True, capture_output=True)


def test_an_attempt_says_where_it_came_from(lab):
    """Machine, version, commit of the checkout and whether it was edited, digest of the data."""
    git(lab, "init", "-q")
    git(lab, "commit", "-q", "--allow-empty", "-m", "a")
    lab.runbook(A)
    assert lab.run().code == 0
    first = started(lab)
    git(lab, "add", "lab.py")
    lab.inventory(colour="red")
    assert lab.run().code == 0
    second = started(lab)

    assert first["machine"]
    assert first["version"]
    assert len(first["commit"]) == 40
    assert second["commit"] == f"{first['commit']}, with changes that are not committed"
    assert first["inventory_sha256"] != second["inventory_sha256"]


def test_a_task_is_traced_to_the_requirement_of_the_one_above_it(lab):
    """Its ids and their texts are in the ledger, so a report needs nothing else."""
    (lab.folder / "wanted.yaml").write_text(WANTED)
    (lab.folder / "up.py").write_text(f"{HEADER}\n{A}\n")

    assert lab.run().code == 0

    assert started(lab)["requirements"] == {"3.1.1": ["2.1"]}
    assert started(lab)["asked_for"] == {"2.1": "a note is there"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "it cannot be read"),
        ("tasks: [", "it does not have the form"),
        ('requirements: {}\ntasks: {"1": ["9"]}', "task `1` cites `9`"),
    ],
)
def test_requirements_that_cannot_be_traced_are_a_wrong_command(lab, text, why):
    """Before anything is done."""
    if text is not None:
        (lab.folder / "wanted.yaml").write_text(text)
    (lab.folder / "up.py").write_text(f"{HEADER}\n{A}\n")

    ran = lab.run()

    assert ran.code == 2
    assert why in ran.said
    assert lab.entries() == []


def test_the_commands_of_a_step_are_kept_with_their_time_and_how_they_ended(lab):
    """Both ways; of the one that failed, its exit status."""
    (lab.folder / "key").write_text("s3cret-s3cret")
    lab.runbook(
        'steps.write(path=f"{room}/a", text="1", task="1")',
        f'key = "file:{lab.folder}/key"',
        'borrowing.break_down(path=f"{room}/b", text="2", value=key, task="2")',
        header="from lab import borrowing\n",
    )

    assert lab.run().code == 1
    good, bad = outcome(lab, Event.STEP_CHANGED), outcome(lab, Event.STEP_FAILED)
    assert lab.roll_back("--data", "drift=2:undo").code == 0

    assert [each["command"] for each in good["commands"]] == ["call effect"]
    assert good["commands"][0]["good"]
    assert good["commands"][0]["took_ms"] >= 0
    assert (bad["commands"][-1]["good"], bad["commands"][-1]["exit_status"]) == (False, 7)
    assert outcome(lab, Event.STEP_ROLLED_BACK)["commands"]
