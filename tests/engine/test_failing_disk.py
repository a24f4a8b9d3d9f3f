"""The disk under a ledger answers EIO: it is told, and nothing was done that was not announced."""

import pytest

from tests.engine.conftest import lab
from tests.failing_disk import FailingDisk

__all__ = ["lab"]
A = 'steps.write(path=f"{room}/a", text="1", task="1")'
B = 'steps.append(path=f"{room}/b", line="2", task="2")'


@pytest.mark.parametrize(
    ("kind", "skip"), [("write", 0), ("write", 20), ("sync", 1), ("sync", 5), ("read", 4)]
)
def test_a_disk_that_fails_stops_the_run_and_the_same_command_goes_on(lab, tmp_path, kind, skip):
    """While the ledger is made, in an intent, in a look: each call from there on."""
    lab.runbook(A, B)
    disk = FailingDisk(tmp_path / "disk")
    lab.ledger.parent.mkdir()

    disk.fail(kind, lab.ledger.parent, skip)
    struck = lab.run_cold(**disk.env)
    failed, done = disk.mend(), lab.journal()
    begun = [each for each in lab.events() if each.startswith("step.started")]
    on = lab.run()

    assert failed
    assert struck.code == 1, struck.said
    assert "Traceback" not in struck.said
    assert "    next: " in struck.said
    assert len(done) <= len(begun)
    assert on.code == 0, on.said
    assert lab.kept().audit().problems == []
