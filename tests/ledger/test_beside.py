"""What people say beside a run: in the chain, under no token, and it changes no receipt."""

import pytest

from handrail.ledger.audit import audit
from handrail.ledger.entry import BESIDE, Event
from handrail.ledger.run import fold
from handrail.ledger.seam import Fact
from tests.ledger.script import forging, rehash, standing


def said(event=Event.APPROVAL_GIVEN, run="cutover-1"):
    """Something that Bob says."""
    return Fact(event, run, 1, "bob", task="2.2", target="production", body={"role": "owner"})


def test_what_is_said_beside_a_run_needs_no_lease(kept):
    """Bob approves while Ada's run holds the lease, and her next entry follows his."""
    script = standing(kept)
    script.start("cutover-1", 2)

    beside = script.ledger.append_beside([said()])[0]
    after = script.act("2.2") or script.ledger.entries()[-1]

    assert (beside.token, beside.event) == (0, Event.APPROVAL_GIVEN)
    assert after.token == script.token
    assert kept.audit().good


def test_what_is_said_beside_changes_no_receipt(kept):
    """A run reads the same before and after, but for what was said of it."""
    script = standing(kept)
    before = fold(script.ledger.entries())["cutover-1"]

    script.ledger.append_beside([said(event) for event in sorted(BESIDE)])
    after = fold(script.ledger.entries())["cutover-1"]

    assert (after.tasks, after.outcome, after.receipts()) == (
        before.tasks,
        before.outcome,
        before.receipts(),
    )
    assert [entry.event for entry in after.beside] == sorted(BESIDE)


def test_only_what_is_said_beside_needs_no_lease(kept):
    """A receipt is never written without the lease."""
    script = standing(kept)

    with pytest.raises(ValueError, match="not said beside a run"):
        script.ledger.append_beside([said(Event.STEP_CHANGED)])


@pytest.mark.parametrize(
    ("event", "token", "what"),
    [
        (Event.STEP_CHANGED, 0, "`step.changed` was written without the lease"),
        (Event.APPROVAL_GIVEN, 1, "`approval.given` is said without the lease, and it has token 1"),
    ],
)
def test_a_wrong_token_is_a_forgery(tmp_path, event, token, what):
    """Neither a receipt without a lease nor an approval under one passes, rehashed or not."""
    script = standing(tmp_path / "lab.sqlite")
    seq = script.ledger.append_beside([said()])[0].seq
    with forging(script.path) as db:
        db.execute("UPDATE entries SET event = ?, token = ? WHERE seq = ?", (event, token, seq))
        rehash(db)

    assert what in [each.what for each in audit(script.path).problems]


def test_a_run_that_is_not_there_is_not_approved(kept):
    """An approval is of a run on record."""
    script = standing(kept)

    script.ledger.append_beside([said(run="cutover-9")])

    assert "run `cutover-9` was never opened" in [e.what for e in kept.audit().problems]
