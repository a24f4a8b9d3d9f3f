"""A secret's value goes where it must and is seen nowhere else."""

import subprocess
import time
from pathlib import Path

import pytest

CANARY = "canary-7f3a-yellow-bird"
FORMER = "former-19c2-grey-bird"
KEEP = 'steps.keep(path=f"{room}/s", value="env:CANARY", task="1")'
LEAKY = "from lab import leaky\n"
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

    assert [each.code for each in said] == [0, 1, 1, 0, 0]
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
    process = lab.start_cold()
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


@pytest.mark.parametrize("how", ["quoted", "in base64", "in an address"])
def test_a_shell_line_that_shows_a_secret_in_another_form_is_refused(lab, how):
    """Quoted, encoded: who sees it can undo that."""
    lab.runbook(
        f'leaky.print_to(path=f"{{room}}/s", value="env:CANARY", how="{how}", task="1")',
        header=LEAKY,
    )

    ran = lab.run("-vvv", CANARY=CANARY + "'$&")

    assert ran.code == 1
    assert "every process list would show it" in ran.said
    assert lab.read("s") is None
    assert CANARY not in ran.said


def test_a_rollback_by_a_line_that_shows_the_former_secret_is_refused(lab):
    """It reaches neither the process list nor the output, and stays as it is."""
    lab.put("s", FORMER)
    lab.runbook('leaky.keep(path=f"{room}/s", value="env:CANARY", task="1")', header=LEAKY)
    lab.run(CANARY=CANARY)

    back = lab.roll_back("-vvv", CANARY=CANARY)

    assert back.code == 1
    assert "every process list would show it" in back.said
    assert "Traceback" not in back.said
    assert FORMER not in back.said
    assert lab.read("s") == CANARY
    assert leaks(lab) == []


@pytest.mark.parametrize("how", ["a refusal", "a bug", "a program"])
def test_a_failure_that_names_a_secret_is_told_and_recorded_without_it(lab, how):
    """Output, ledger, log, and the file that pyinfra writes of a bug; nor is a part of it there."""
    lab.runbook(
        f'leaky.fail(path=f"{{room}}/s", value="env:CANARY", how="{how}", task="1")', header=LEAKY
    )

    ran = lab.run("-vvv", CANARY=CANARY)

    assert ran.code == 1
    assert CANARY[:10] not in ran.said, ran.said
    assert how != "a program" or "`sh` was not started" in ran.said
    assert leaks(lab) == []
    assert not any(CANARY[:10] in str(each.body) for each in lab.entries())


def test_a_gate_that_finds_a_secret_is_told_and_recorded_without_it(lab):
    """In its reason, its fix and its facts."""
    lab.runbook('leaky.tell(value="env:CANARY", task="1")', header=LEAKY)

    said = [lab.run(CANARY=CANARY), lab.run("--dry", CANARY=CANARY)]

    assert all(CANARY[:10] not in each.said for each in said)
    assert "the door says (withheld)" in said[0].said
    assert leaks(lab) == []


def test_a_secret_that_a_capture_returns_in_clear_stops_the_step_before_it_acts(lab):
    """Masked, it could not be put back; as it is, everybody could read it."""
    lab.put("s", f"it was {CANARY}")
    lab.runbook('leaky.look_in_clear(path=f"{room}/s", value="env:CANARY", task="1")', header=LEAKY)

    ran = lab.run(CANARY=CANARY)

    assert ran.code == 1
    assert "its `captures` would hold a secret value in clear" in ran.said
    assert lab.read("s") == f"it was {CANARY}"
    assert leaks(lab) == []


def test_a_child_finds_no_secret_of_the_inventory_in_its_environment(lab):
    """Neither one of a call nor a shell line; what else was set is there."""
    lab.inventory(door="env:OTHER")
    lab.runbook(
        'leaky.show_environment(path=f"{room}/e", value="env:CANARY", task="1")', header=LEAKY
    )

    ran = lab.run(CANARY=CANARY, OTHER="other-4b1d-red-bird", PLAIN="plain")

    assert ran.code == 0, ran.said
    for name in ("e", "e.line"):
        found = lab.read(name)
        assert "PLAIN=plain" in found
        assert CANARY not in found
        assert "other-4b1d-red-bird" not in found
