"""A secret's value goes where it must and is seen nowhere else."""

import subprocess
import time
from pathlib import Path

import pytest

CANARY = "canary-7f3a-yellow-bird"
FORMER = "former-19c2-grey-bird"
KEEP = 'steps.keep(path=f"{room}/s", value="env:CANARY", task="1")'
LOUD = [[], ["-vvv"], ["--debug"], ["--debug-all", "-vvv"]]


def leaks(lab):
    """Return the files beside the vault and the rooms that hold a secret."""
    return [
        str(path)
        for path in lab.folder.rglob("*")
        if path.is_file()
        and path.parent.name != "lab.sealed"
        and "rooms" not in path.parts
        and any(secret.encode() in path.read_bytes() for secret in (CANARY, FORMER))
    ]


@pytest.mark.parametrize("loud", LOUD, ids=["quiet", "verbose", "debug", "both"])
def test_a_secret_is_in_no_output_ledger_or_log(lab, loud):
    """Run, plan, refusal, resume and rollback, as loud as pyinfra can be."""
    lab.put("s", FORMER)
    lab.put("shut")
    lab.runbook(KEEP, 'steps.write(path=f"{room}/a", text="x", task="2")')
    said = [
        lab.run("--dry", *loud, CANARY=CANARY),
        lab.run(*loud, CANARY=CANARY),
        lab.run("--dry", "--debug-operations", CANARY=CANARY),
        lab.roll_back("--dry", *loud, CANARY=CANARY),
        lab.roll_back(*loud, CANARY=CANARY),
    ]

    assert [each.code for each in said] == [0, 1, 0, 0, 0]
    for each in said:
        assert CANARY not in each.said
        assert FORMER not in each.said
    assert leaks(lab) == []
    assert lab.read("s") == FORMER, "the former value came back from the vault"


def test_a_former_value_is_sealed_for_this_user_alone(lab):
    """The one place where it is kept, and what the ledger says instead."""
    lab.put("s", FORMER)
    lab.runbook(KEEP)
    lab.run(CANARY=CANARY)

    started = next(each for each in lab.entries() if each.event == "step.started")
    vault = lab.folder / "memory" / "lab.sealed"

    assert list(started.body["before"]) == ["sealed"]
    assert vault.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in vault.iterdir()} == {0o600}


def test_a_secret_may_come_from_a_file(lab):
    """`file:PATH`, and nothing of it in output or ledger."""
    note = lab.folder.with_name("note")
    note.write_text(CANARY + "\n")
    lab.runbook(KEEP.replace("env:CANARY", f"file:{note}"))

    ran = lab.run("-vvv")

    assert ran.code == 0
    assert lab.read("s") == CANARY
    assert CANARY not in ran.said
    assert leaks(lab) == []


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:NOWHERE", "the environment variable `NOWHERE` is not set"),
        ("file:nowhere", "secret `file:nowhere` could not be read"),
        (CANARY, "it is written out instead of named"),
    ],
)
def test_a_secret_that_is_not_to_be_had_is_a_refusal(lab, reference, told):
    """The message names the reference; a value written out is not repeated."""
    lab.runbook(KEEP.replace("env:CANARY", reference))

    ran = lab.run()

    assert ran.code == 1
    assert "Traceback" not in ran.said
    assert told in ran.said
    assert CANARY not in ran.said
    assert lab.events() == ["step.refused 1@one"]
    assert lab.read("s") is None


def test_a_shell_line_that_shows_a_secret_is_refused(lab):
    """Every process list would show it, and so would pyinfra."""
    lab.runbook('steps.blurt(path=f"{room}/s", value="env:CANARY", task="1")')

    ran = lab.run(CANARY=CANARY)

    assert ran.code == 1
    assert "every process list would show it" in ran.said
    assert CANARY not in ran.said
    assert lab.read("s") is None


def test_a_secret_is_on_no_command_line(lab):
    """Nor in the process list while a step with a secret is at work."""
    lab.runbook(KEEP, 'steps.slow(path=f"{room}/a", text="x", seconds=0.5, task="2")')
    lab.env["CANARY"] = CANARY
    process = lab.start()
    seen = ""
    while process.poll() is None:
        seen += subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True,
                               check=True).stdout  # fmt: skip
        time.sleep(0.05)
    said, _ = process.communicate()

    assert process.returncode == 0, said
    assert "sleep 0.5" in seen, "the step was seen at work"
    assert CANARY not in seen


def test_the_log_says_what_happened_and_keeps_secrets_out(lab):
    """One JSON object a line, beside the ledger."""
    lab.runbook(KEEP)
    lab.run(CANARY=CANARY)

    log = Path(lab.ledger).with_suffix(".log").read_text()

    assert '"event":"step.changed"' in log
    assert '"pid":' in log
    assert CANARY not in log
