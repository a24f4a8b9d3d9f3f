"""A rollback of an act in doubt that asked somebody else: what may still arrive is cancelled."""

import pytest

ORDER = 'office.send_for(path=f"{room}/o", text="late", task="1")'
FOR_GOOD = 'office.order_for_good(path=f"{room}/o", text="late", task="1")'


@pytest.fixture
def ordered(lab):
    """Return an environment whose run was killed after its order, before anything came."""
    return killed(lab, ORDER)


def killed(lab, call):
    """Run a runbook of one order until it is killed."""
    lab.runbook("from lab import office", call)
    assert lab.run().code == -9
    assert lab.read("o.order") == "late"
    return lab


def office_works(lab):
    """Do the orders that lie there, as the office would some time."""
    order = lab.read("o.order")
    if order is not None:
        lab.put("o", order)


def test_what_an_interrupted_act_asked_for_is_cancelled_and_never_arrives(ordered):
    """All reads as before, and still the order is taken back: else it would come after the end."""
    ran = ordered.roll_back()
    office_works(ordered)

    assert ran.code == 0, ran.said
    assert ordered.read("o") is None
    assert ordered.journal() == ["order o", "cancel, None stood o"]
    assert ordered.runs()[0].outcome == "rolled_back"


def test_the_plan_of_a_rollback_says_what_would_be_cancelled(ordered):
    """And why; nothing is cancelled yet."""
    ran = ordered.roll_back("--dry")

    assert "would cancel" in ran.said
    assert "what it asked for may still arrive" in ran.said
    assert ordered.read("o.order") == "late"


def test_what_arrives_while_it_is_cancelled_is_put_back(ordered):
    """The look after the cancelling decides, not the one before."""
    ordered.put("hasty")

    assert ordered.roll_back().code == 0
    assert ordered.read("o") is None
    assert ordered.journal()[1:] == ["cancel, None stood o", "restore o"]


def test_a_cancelling_that_was_killed_is_done_again(ordered):
    """That all reads as before says nothing of an order that lies there still."""
    ordered.put("slippery")
    assert ordered.roll_back().code == -9
    assert ordered.read("o.order") == "late"

    assert ordered.roll_back().code == 0
    assert ordered.read("o.order") is None


def test_what_cannot_be_undone_is_cancelled_while_it_can_be(lab):
    """Then it is told as any other: not undone, until somebody accepts it."""
    killed(lab, FOR_GOOD)

    ran = lab.roll_back()
    office_works(lab)

    assert ran.code == 1
    assert "an order that was done stays done" in ran.said
    assert lab.read("o") is None
    accepted = lab.roll_back("--data", "accept=1:irreversible")
    assert accepted.code == 0, accepted.said
    assert lab.journal().count("order o") == 1


def test_what_has_arrived_is_undone_as_ever(ordered):
    """Nothing is left to cancel."""
    office_works(ordered)

    assert ordered.roll_back().code == 0
    assert ordered.read("o") is None
    assert ordered.journal()[1:] == ["restore o"]
