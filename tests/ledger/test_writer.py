"""The hand that writes: few syncs, and nothing done that was not recorded."""

import gevent
import gevent.event
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.ledger import writer
from handrail.ledger.entry import Event
from handrail.ledger.errors import RunLocked
from handrail.ledger.lease import Owner
from handrail.ledger.seam import Fact
from handrail.ledger.store import SqliteLedger
from handrail.ledger.writer import DURABLE, INTENTS, Writer

KINDS = [Event.STEP_STARTED, Event.STEP_CHANGED, Event.GATE_OPENED, Event.ATTEMPT_ENDED]


class Counting(SqliteLedger):
    """A ledger that notes its commits: how many facts, and whether they were synced."""

    def __init__(self, *args):
        super().__init__(*args)
        self.commits = []

    def append(self, facts, token, *, durable=True):
        """Note it, then do it."""
        entries = super().append(facts, token, durable=durable)
        self.commits.append((len(facts), durable))
        return entries


def fact(event=Event.STEP_STARTED, target="one"):
    """Return something to record."""
    return Fact(event, "r-1", 1, "ada", "1", "lab.write", target, body={"digest": "d"})


@pytest.fixture
def cooperative(monkeypatch):
    """Let a sleep be a switch to the other targets, as pyinfra makes it."""
    monkeypatch.setattr(writer.time, "sleep", gevent.sleep)


@pytest.fixture
def hand(tmp_path):
    """A writer and its ledger."""
    SqliteLedger.create(tmp_path / "lab.sqlite", "lab")
    ledger = Counting(tmp_path / "lab.sqlite", "lab")
    return Writer(ledger, ledger.take_lease(Owner.this_process("ada")))


def test_intents_of_targets_that_are_ready_share_a_sync(cooperative, hand):
    """Each target gets its own entry, and all of them one commit."""
    targets = [f"t{number}" for number in range(20)]
    greenlets = [gevent.spawn(hand.record, fact(target=target)) for target in targets]
    gevent.joinall(greenlets, raise_error=True)

    assert hand.ledger.commits == [(20, True)]
    assert [each.value.target for each in greenlets] == targets
    assert [each.seq for each in hand.ledger.entries()] == list(range(1, 21))


def test_an_outcome_waits_for_no_sync_and_goes_with_the_next_intent(hand):
    """One durable write for each step and target."""
    for _ in range(3):
        hand.record(fact())
        hand.record(fact(Event.STEP_CHANGED))
    hand.record(fact(Event.ATTEMPT_ENDED))

    assert hand.ledger.commits == [(1, True), (1, False)] * 3 + [(1, True)]


def test_everybody_whose_intent_was_refused_is_told(cooperative, hand):
    """Nobody acts on an intent that another one's commit has lost."""
    hand.ledger.take_lease(Owner.this_process("bob"), takeover=str(hand.lease.token))
    greenlets = [gevent.spawn(hand.record, fact(target=f"t{number}")) for number in range(3)]
    gevent.joinall(greenlets)

    assert all(isinstance(each.exception, RunLocked) for each in greenlets)
    assert hand.ledger.entries() == []


def test_an_intent_whose_target_was_let_go_is_not_written(hand, monkeypatch):
    """What will not be done is not announced by the others' commit."""
    others = gevent.event.Event()
    monkeypatch.setattr(writer.time, "sleep", lambda _: others.wait())
    gone = gevent.spawn(hand.record, fact(target="gone"))
    gevent.sleep(0)  # it waits for the others now

    gone.kill()
    others.set()
    hand.record(fact(target="stays"))

    assert [each.target for each in hand.ledger.entries()] == ["stays"]


@settings(max_examples=40, deadline=None)
@given(kinds=st.lists(st.sampled_from(KINDS), max_size=12))
def test_whatever_is_recorded_stands_in_its_order_and_what_must_be_is_synced(
    tmp_path_factory, kinds
):
    """The chain holds, the digests are right, and every commit with an intent is durable."""
    path = tmp_path_factory.mktemp("hand") / "lab.sqlite"
    SqliteLedger.create(path, "lab")
    ledger = Counting(path, "lab")
    hand = Writer(ledger, ledger.take_lease(Owner.this_process("ada")))

    said = [hand.record(fact(kind)) for kind in kinds]

    assert ledger.entries() == said
    assert [durable for _, durable in ledger.commits] == [kind in DURABLE for kind in kinds]
    assert INTENTS <= DURABLE
    hand.release()
    assert not kinds or ledger.trusted_head().seq == len(kinds)
