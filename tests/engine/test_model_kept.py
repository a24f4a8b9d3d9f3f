"""Cases of the model in which an engine was caught, and bugs planted to see that it is."""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from handrail.engine.attempt import opening
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.decide.known import BeforeFacts
from handrail.ledger.errors import RunLocked
from handrail.ledger.lease import Lease
from handrail.ledger.store import SqliteLedger
from handrail.ledger.task import Task
from tests.engine.test_model import Machine, here

__all__ = ["here"]
# Shrunk cases in which an engine was caught; kept as they were found.
KEPT = {
    "a failed act is not done again unattended": [
        ("go_forward", {"failing": "1"}),
        ("go_forward", {}),
    ],
    "what a killed rollback left at work keeps the way forward out, too": [
        ("go_forward", {}),
        ("go_back", {"agrees": False, "after": 14, "leaves_orphans": True}),
        ("go_forward", {}),
        ("let_orphans_end", {"works": True}),
        ("go_forward", {}),
    ],
    "a consent is spent by the act that it was for": [
        ("go_forward", {"failing": "1"}),
        ("go_forward", {"failing": "1", "word": "retry"}),
        ("go_forward", {"repeats": True}),
    ],
    "an owner that lost its lease after its intent does not act": [
        ("go_forward", {"fate": "steal", "after": 5}),
        ("go_forward", {}),
    ],
    "what was edited and edited back is as before": [
        ("change_the_world", {"task": "1", "text": "b"}),
        ("go_forward", {}),
        ("edit", {"task": "1", "text": "b"}),
        ("go_forward", {}),
        ("go_back", {"agrees": False}),
    ],
    "what others wrote is not written over by a void": [
        ("go_forward", {}),
        ("edit", {"task": "1", "text": "b"}),
        ("change_the_world", {"task": "3", "text": "x"}),
        ("go_forward", {}),
    ],
}


@pytest.mark.parametrize("case", KEPT)
def test_a_case_that_was_found_once_stays_found(case):
    """Step by step, with the invariant after each."""
    carry_through(case)


def carry_through(case):
    """Go the way of a case."""
    machine = Machine()
    machine.begin()
    try:
        for name, given in KEPT[case]:
            getattr(machine, name)(**given)
            machine.sound()
    finally:
        machine.teardown()


def test_a_run_whose_plan_another_run_overtook_does_not_start():
    """What it decided was of a world that is no more; the same command makes a new plan."""
    machine = Machine()
    machine.begin()
    try:
        ledger = machine.kept.open("lab", create=False)
        run, body = opening.latest_or_new(ledger.runs(), "up", ())
        early = machine.attempt(run, body, ledger, ledger.runs(), None, "up")
        machine.go_forward()
        with pytest.raises(RunLocked, match="since this one made its plan"):
            early.write()
    finally:
        machine.teardown()


def everything_that_the_suite_tries(drawn):
    """Try the kept cases, then what is drawn."""
    for case in KEPT:
        carry_through(case)
    run_state_machine_as_test(Machine, settings=drawn)


PLANTED = {
    "a lost doubt": (Task, "apply", lambda was: lambda task, entry: (
        was(task, entry), entry.event == "step.failed" and setattr(task, "in_doubt", False))),
    "no void": (Attempt, "is_void", lambda _: lambda *_, **__: False),
    "a consent that is good for ever": (BeforeFacts, "is_spent", lambda _: lambda *_: False),
    "an effect without a look at the lease": (
        Attempt, "refuse_stale", lambda _: lambda _: None),
    "an entry under a stale token": (SqliteLedger, "_refuse_stale", lambda _: lambda *_: None),
    "a lease for whoever asks": (Lease, "refuse_if_alive", lambda _: lambda *_: None),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_planted_in_the_engine_is_found(bug, monkeypatch):
    """By a case that was kept, or by as many examples as the suite draws."""
    place, name, planted = PLANTED[bug]
    monkeypatch.setattr(place, name, planted(vars(place)[name]))
    drawn = settings(Machine.TestCase.settings, phases=(Phase.generate,), derandomize=True)

    with pytest.raises((AssertionError, RunLocked, pytest.fail.Exception)):
        everything_that_the_suite_tries(drawn)
