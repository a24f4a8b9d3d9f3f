"""Every row of the engine's tables, from facts alone."""

from dataclasses import replace

import pytest

from handrail.engine.decide import decide
from handrail.engine.decide.decision import Do
from handrail.engine.decide.end import EndFacts, exit_status
from handrail.engine.decide.gate import GateFacts
from handrail.engine.decide.receipt import Reading, Reads, ReceiptFacts
from handrail.engine.decide.step import ROWS, Arguments, StepFacts
from handrail.engine.finding import fails, holds, unknown
from handrail.ledger.errors import PreconditionUnmet
from handrail.ledger.task import Standing

CHANGED, OTHER = Arguments.CHANGED, Arguments.OTHER_SUBJECT
DOUBT, DONE, SKIPPED = Standing.IN_DOUBT, Standing.CHANGED, Standing.SKIPPED
ORPHAN = PreconditionUnmet("it did not start", "an orphan is at work", "wait")
UNMET = PreconditionUnmet("it did not start", "the room is shut", "rm shut")


def a_step(**facts):
    """Return the facts of a step that was never done and has all it requires, with some changed."""
    usual = {
        "place": "3.2",
        "standing": Standing.NONE,
        "attempt": 4,
        "arguments": Arguments.SAME,
        "difference": "`path` was `a`, is `b`" if facts.get("arguments") is OTHER else "",
        "idempotent": False,
        "void": False,
        "consent": "",
        "redone": False,
        "claim": "the file says so",
        "orphan": lambda: None,
        "ensures": lambda: fails("it says no"),
        "unmet": lambda: None,
        "untouched": lambda: False,
    }
    return StepFacts(**usual | facts)


def so():
    """Say that the claim holds."""
    return holds("it says so")


def dark():
    """Say that nobody can tell."""
    return unknown("it is dark")


STEPS = [
    (1, Do.REFUSE, {"orphan": lambda: ORPHAN, "standing": DOUBT, "consent": "retry"}),
    (1, Do.REFUSE, {"orphan": lambda: ORPHAN, "standing": SKIPPED}),
    (2, Do.LEAVE, {"standing": SKIPPED, "ensures": dark}),
    (3, Do.SKIP, {"standing": DOUBT, "consent": "skip", "arguments": OTHER, "ensures": dark}),
    (4, Do.REFUSE, {"standing": DOUBT, "arguments": OTHER, "ensures": so}),
    (5, Do.ADOPT, {"standing": DOUBT, "ensures": so, "consent": "retry", "arguments": CHANGED}),
    (6, Do.REFUSE, {"standing": DOUBT, "ensures": dark, "consent": "adopt"}),
    (7, Do.VOUCH, {"standing": DOUBT, "consent": "adopt", "idempotent": True}),
    (8, Do.ACT, {"standing": DOUBT, "idempotent": True}),
    (8, Do.ACT, {"standing": DOUBT, "consent": "retry"}),
    (8, Do.ACT, {"standing": SKIPPED, "consent": "retry"}),
    (8, Do.REFUSE, {"standing": DOUBT, "idempotent": True, "unmet": lambda: UNMET}),
    (9, Do.ASK, {"standing": DOUBT, "void": True, "unmet": lambda: UNMET}),
    (10, Do.CONFIRM, {"standing": Standing.UNPROVEN, "ensures": so}),
    (10, Do.LEAVE, {"standing": Standing.UNPROVEN, "consent": "redo"}),
    (11, Do.REFUSE, {"standing": Standing.UNPROVEN, "ensures": dark}),
    (11, Do.REFUSE, {"standing": DONE, "ensures": dark, "consent": "redo"}),
    (12, Do.LEAVE, {"standing": DONE, "ensures": so}),
    (12, Do.CONFIRM, {"standing": DONE, "ensures": so, "arguments": CHANGED}),
    (12, Do.CONFIRM, {"standing": DONE, "ensures": so, "void": True}),
    (13, Do.ACT, {"standing": DONE, "void": True, "idempotent": True, "untouched": lambda: True}),
    (15, Do.DRIFT, {"standing": DONE, "void": True, "idempotent": True}),
    (15, Do.DRIFT, {"standing": DONE, "void": True, "untouched": lambda: True}),
    (14, Do.ACT, {"standing": DONE, "consent": "redo"}),
    (14, Do.REFUSE, {"standing": DONE, "consent": "redo", "unmet": lambda: UNMET}),
    (15, Do.DRIFT, {"standing": DONE, "idempotent": True}),
    (15, Do.DRIFT, {"standing": Standing.UNCHANGED, "unmet": lambda: UNMET}),
    (16, Do.ACT, {"standing": DONE, "arguments": CHANGED}),
    (16, Do.REFUSE, {"standing": DONE, "arguments": CHANGED, "unmet": lambda: UNMET}),
    (17, Do.REFUSE, {"standing": DONE, "arguments": OTHER, "consent": "redo"}),
    (18, Do.NOTE, {"ensures": so, "unmet": lambda: UNMET}),
    (18, Do.NOTE, {"standing": Standing.ROLLED_BACK, "ensures": so}),
    (19, Do.REFUSE, {"ensures": dark}),
    (19, Do.REFUSE, {"standing": Standing.ROLLED_BACK, "unmet": lambda: UNMET}),
    (20, Do.ACT, {"arguments": CHANGED}),
    (20, Do.ACT, {"standing": Standing.ROLLED_BACK}),
]


@pytest.mark.parametrize(("row", "does", "facts"), STEPS)
def test_a_step_is_decided_by_the_first_row_that_fits(row, does, facts):
    """The record, the arguments, the claim, its requirements, void, and the operator's word."""
    decision = decide(a_step(**facts))

    assert (decision.row, decision.do) == (row, does), decision


def test_every_row_of_a_step_is_tried():
    """A row nobody tries could say anything."""
    assert {row for row, _, _ in STEPS} == set(range(1, len(ROWS) + 1))


@pytest.mark.parametrize(("row", "does", "facts"), STEPS)
def test_what_stops_a_run_says_why_and_what_to_type(row, does, facts):
    """And what does not, stops nothing."""
    decision = decide(a_step(**facts))

    assert decision.stops == (does in {Do.REFUSE, Do.DRIFT, Do.ASK})
    assert not decision.stops or (decision.why and decision.fix)


def test_a_doubt_is_asked_for_by_the_attempt_that_left_it():
    """What is to be typed answers that very doubt."""
    assert "--data settle=3.2#4:retry" in decide(a_step(standing=DOUBT)).fix


def test_drift_that_was_redone_once_is_asked_for_by_its_attempt():
    """The former consent is spent, so the next one must differ from it."""
    first = decide(a_step(standing=DONE)).fix
    second = decide(a_step(standing=DONE, redone=True)).fix

    assert "--data drift=3.2:redo" in first
    assert "--data drift=3.2#4:redo" in second


def test_what_is_kept_on_another_machine_is_not_called_changed():
    """Nobody changed it: the folder is to be brought here, and from where is said."""
    decision = decide(a_step(standing=DONE, elsewhere=("alpha", "/srv/evidence/r")))

    assert (decision.row, decision.do) == (15, Do.REFUSE)
    assert "was done in this run on `alpha`" in decision.why
    assert "rsync -a alpha:/srv/evidence/r/ /srv/evidence/r/" in decision.fix


def test_nothing_is_asked_of_the_world_that_no_row_needs():
    """What was skipped is not looked at, and what holds needs no requirement."""

    def never():
        raise AssertionError("it was asked")

    decide(a_step(standing=SKIPPED, ensures=never, unmet=never, untouched=never))
    decide(a_step(standing=DONE, ensures=so, unmet=never, untouched=never))


GATE = GateFacts(passed=False, opened=False, void=False, until="", until_is_done=False)


@pytest.mark.parametrize(
    ("row", "does", "facts"),
    [
        (1, Do.LEAVE, {"passed": True, "void": True, "until": "5", "until_is_done": True}),
        (2, Do.LEAVE, {"passed": True, "opened": True}),
        (2, Do.LEAVE, {"passed": True, "until": "5"}),
        (3, Do.LOOK, {"opened": True}),
        (4, Do.LOOK, {"opened": True, "void": True}),
        (4, Do.LOOK, {"passed": True, "void": True, "until": "5"}),
        (4, Do.LOOK, {"until": "5", "until_is_done": True}),
        (4, Do.LOOK, {}),
    ],
)
def test_a_gate_is_asked_unless_what_it_said_stands(row, does, facts):
    """Void it is asked again, until its claim is history; a window goes on over a restart."""
    decision = decide(replace(GATE, **facts))

    assert (decision.row, decision.do) == (row, does), decision


def a_receipt(**facts):
    """Return the facts of a receipt that reads as its step left it, with some changed."""
    reads = facts.pop("reads", Reads.AFTER)
    usual = {
        "place": "3.2",
        "begun": False,
        "covered_by": "",
        "irreversible": "",
        "accepted": False,
        "doubtful": False,
        "cancels": False,
        "after": True,
        "blind": False,
        "keeps_since": False,
        "consent": "",
        "gone": "",
        "orphan": lambda: None,
        "reading": lambda: Reading(reads, "it is dark", "rm blind"),
        "ensures": so,
    }
    return ReceiptFacts(**usual | facts)


def gone():
    """Say that the claim does not hold."""
    return fails("it says no")


COMING = {"reads": Reads.BEFORE, "doubtful": True, "cancels": True}

RECEIPTS = [
    (1, Do.REFUSE, {"orphan": lambda: ORPHAN, "begun": True, "consent": "undo"}),
    (1, Do.REFUSE, {"reads": Reads.UNREADABLE, "doubtful": True}),
    (2, Do.AS_BEFORE, {"begun": True, "reads": Reads.BEFORE}),
    (2, Do.UNDO, {"begun": True, "reads": Reads.OTHER}),
    (2, Do.UNDO, {"begun": True, "reads": Reads.BEFORE, "blind": True}),
    (3, Do.COVERED, {"covered_by": "data.load", "irreversible": "gone", "reads": Reads.OTHER}),
    (4, Do.KEEP, {"irreversible": "gone", "reads": Reads.UNREADABLE}),
    (5, Do.UNDO, {"after": False}),
    (5, Do.DRIFT, {"after": False, "ensures": gone, "reads": Reads.OTHER}),
    (5, Do.AS_BEFORE, {"after": False, "ensures": gone, "reads": Reads.BEFORE}),
    (5, Do.REFUSE, {"after": False, "ensures": dark}),
    (5, Do.UNDO, {"blind": True, "reads": Reads.BEFORE}),
    (6, Do.AS_BEFORE, COMING | {"after": False}),
    (7, Do.AS_BEFORE, {"reads": Reads.BEFORE}),
    (7, Do.AS_BEFORE, {"reads": Reads.BEFORE, "cancels": True}),
    (7, Do.AS_BEFORE, {"reads": Reads.BEFORE, "doubtful": True, "after": False}),
    (8, Do.UNDO, {}),
    (8, Do.UNDO, COMING | {"after": False, "reads": Reads.OTHER, "ensures": gone}),
    (9, Do.UNDO, {"reads": Reads.OTHER, "keeps_since": True}),
    (9, Do.DRIFT, {"reads": Reads.OTHER, "keeps_since": True, "ensures": gone}),
    (9, Do.DRIFT, {"reads": Reads.OTHER}),
    (9, Do.DRIFT, {"reads": Reads.OTHER, "ensures": gone}),
    (9, Do.UNDO, {"reads": Reads.OTHER, "consent": "undo"}),
]


@pytest.mark.parametrize(("row", "does", "facts"), RECEIPTS)
def test_a_receipt_is_decided_by_the_first_row_that_fits(row, does, facts):
    """What is there now against before and after; a claim that holds does not excuse a change."""
    decision = decide(a_receipt(**facts))

    assert (decision.row, decision.do) == (row, does), decision


@pytest.mark.parametrize(
    ("cancels", "facts"),
    [
        (True, COMING),
        (True, COMING | {"begun": True}),
        (True, COMING | {"irreversible": "gone"}),
        (False, COMING | {"cancels": False}),
        (False, COMING | {"doubtful": False}),
        (False, COMING | {"doubtful": False, "begun": True}),
        (False, COMING | {"covered_by": "data.load"}),
        (False, COMING | {"reads": Reads.OTHER}),
    ],
)
def test_what_an_interrupted_act_asked_for_is_cancelled_before_all_is_called_as_before(
    cancels, facts
):
    """Also where a rollback that was to cancel it was killed, and where it cannot be undone."""
    decision = decide(a_receipt(**facts))

    assert (decision.cancels, decision.acts) == (cancels, cancels or decision.do is Do.UNDO)


@pytest.mark.parametrize(
    ("status", "facts"),
    [
        (0, {"proven": True}),
        (0, {"planned": True}),
        (1, {}),
        (1, {"stops": True, "planned": True}),
        (1, {"stops": True, "proven": True}),
        (2, {"wrong": True, "stops": True}),
        (3, {"held": True}),
        (1, {"held": True, "stops": True}),
        (130, {"signalled": 130, "proven": True}),
        (143, {"signalled": 143, "stops": True}),
    ],
)
def test_an_exit_status_is_true(status, facts):
    """0 is proven and nothing else is; the others say what kind of not."""
    assert exit_status(EndFacts(**{"wrong": False, "stops": False} | facts)) == status
