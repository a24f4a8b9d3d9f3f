"""A run is sealed at every hold and end, where the inventory says so."""

import subprocess

from handrail.cli.__main__ import main
from tests.clients.conftest import MARK, Reply, wire

__all__ = ["wire"]

A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.write(path=f"{room}/b", text="2", task="2")'


def test_every_hold_and_end_is_sealed_where_the_inventory_says_so(lab, tmp_path):
    """By the key it names, into the folder it names; the ledger is verified against all of them."""
    key, seals = tmp_path / "key", tmp_path / "seals"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    lab.inventory(seal={"key": str(key), "to": [str(seals)]})
    lab.runbook(A, B)

    held, run, back = lab.run("--data", "to=1"), lab.run(), lab.roll_back()

    assert (held.code, run.code, back.code) == (3, 0, 0), back.said
    assert f"sealed in {seals}" in held.said
    assert len(list(seals.glob("*.json"))) == 3
    known = ["--seal", str(seals), "--signers", str(key.with_suffix(".pub"))]
    assert main(["verify", "--ledger", str(lab.ledger), *known]) == 0


def test_a_webhook_that_is_down_keeps_a_seal_out_of_no_other_place(lab, tmp_path, wire):
    """The run ends as it ends; what to do is told, and the folder after it has the seal."""
    key, seals = tmp_path / "key", tmp_path / "seals"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    lab.inventory(seal={"key": str(key), "to": ["env:SEALS", str(seals)]})
    lab.runbook(A)
    wire.on("POST", f"/{MARK}", Reply(503), Reply(204))

    down, up = (lab.run(SEALS=f"{wire.url}/{MARK}") for _ in range(2))

    assert (down.code, up.code) == (0, 0), down.said
    assert "not sealed: the seal to `env:SEALS` was not delivered" in down.said
    assert "sealed in env:SEALS" in up.said
    assert f"sealed in {seals}" in down.said
    assert MARK not in down.said + up.said
    assert [each.event for each in lab.entries()].count("head.sealed") == 2


def test_what_is_not_sealed_is_told_and_changes_no_outcome(lab, tmp_path):
    """The run is proven all the same; the lines say what to do."""
    lab.inventory(seal={"key": str(tmp_path / "none"), "to": [str(tmp_path)]})
    lab.runbook(A)

    run = lab.run()

    assert run.code == 0, run.said
    assert "not sealed: nothing was signed or verified: there is no key" in run.said
