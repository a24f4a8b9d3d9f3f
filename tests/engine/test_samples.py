"""A watch is samples in the ledger: it goes on over restarts, and each look knows those before."""

from handrail.ledger.audit import audit
from handrail.ledger.entry import Event
from handrail.ledger.store import SqliteLedger

WATCH = 'steps.looked_at(path=f"{room}/n", times=8, task="1")'


def samples(lab):
    """Return what the ledger keeps of each look."""
    entries = SqliteLedger(lab.ledger).entries()
    return [each.body["sample"] for each in entries if each.event is Event.GATE_SAMPLED]


def test_a_watch_goes_on_over_restarts_of_the_machine(lab):
    """Killed twice, each look follows the one before it, and none is lost or told twice."""
    lab.runbook(WATCH)

    codes = [lab.run().code for _ in range(3)]

    assert codes == [-9, -9, 0]
    assert [each["number"] for each in samples(lab)] == list(range(1, 9))
    assert samples(lab)[-1]["before"] == list(range(1, 8))
    assert audit(lab.ledger, "").good


def test_a_window_that_opens_anew_has_no_samples_of_the_last_one(lab):
    """What was looked at before a step acted again proves nothing of the world since."""
    lab.runbook('steps.place(path=f"{room}/a", text="1", task="0")', WATCH)
    assert [lab.run().code for _ in range(3)] == [-9, -9, 0]
    lab.clear("a")
    lab.clear("n")

    assert [lab.run("--data", "drift=0:redo", "--data", "reason=r").code for _ in range(3)][-1] == 0

    assert [each["number"] for each in samples(lab)][8:] == list(range(1, 9))
