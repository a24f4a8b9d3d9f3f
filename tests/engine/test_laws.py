"""Laws over every step, found by import: a new step is under law the day it is written."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import operations
from handrail.engine import Commands, call, step
from handrail.engine.contract import Contract, Irreversible, load
from handrail.testing import laws as law
from handrail.testing.under import EXAMPLES
from tests.engine.lab import steps
from tests.operations.short_waits import short_waits

__all__ = ["short_waits"]

TESTS = Path(__file__).parents[1]
DEMO = {
    name: contract
    for name, contract in law.contracts(steps).items()
    if name.rpartition(".")[2] in {"write", "print_to", "place", "append", "keep", "burn"}
}
STEPS = law.contracts(operations)
EVERY = DEMO | STEPS
HARNESSES = law.harnesses(TESTS)
TRIED = [name for name in EVERY if name in HARNESSES]

# Words with which a claim would be an order, a read a verb, a way back an operation.
ORDERS = r"(check|assert|verify|ensure|test|make|do|get|is|has|must|should)_"
VERBS = r"(get|read|fetch|capture|take|load|find|collect)_"
OPERATIONS = r"(undo|rollback|roll_back|cleanup)(_|$)"


def every(names=tuple(EVERY)):
    """Run a test for each step."""
    return pytest.mark.parametrize("name", names)


@every()
def test_a_step_says_in_one_line_what_it_changes(name):
    """The first line of its docstring: under 80 columns, ended by a full stop."""
    first = (EVERY[name].body.__doc__ or "").strip().splitlines()[0]
    assert first.endswith(".")
    assert len(first) < 80
    assert first[0].isupper()


@every()
def test_the_claims_of_a_step_are_named_as_facts(name):
    """`service_answers`, not `check_service`: it reads as what holds, and its docstring, too."""
    contract = EVERY[name]
    for clause in (*contract.requires, contract.ensures):
        assert not re.match(ORDERS, clause.__name__), f"`{clause.__name__}` is an order"
        assert "_" in clause.__name__, f"`{clause.__name__}` is no sentence"


@every()
def test_what_a_step_captures_is_a_noun_and_its_way_back_a_result(name):
    """`current_value`, and `restore_value`."""
    contract = EVERY[name]
    if contract.captures is not None:
        assert not re.match(VERBS, contract.captures.__name__), contract.captures.__name__
    if not isinstance(contract.rollback, Irreversible):
        assert not re.match(OPERATIONS, contract.rollback.__name__), contract.rollback.__name__


@every()
def test_a_step_has_a_way_back_or_says_what_to_do_instead(name):
    """In words: a reason, and a thing to do."""
    contract = EVERY[name]
    if isinstance(contract.rollback, Irreversible):
        assert len(contract.rollback.reason.split()) > 2
        assert len(contract.rollback.instead.split()) > 2


@every()
def test_the_ledger_name_of_a_step_leads_back_to_it(name):
    """A rollback finds the step by the name on record."""
    assert load(name) is EVERY[name]


def test_every_step_has_a_harness():
    """A step without a world to try it in is a step that was never tried."""
    missing = sorted(
        name
        for name, contract in STEPS.items()
        if name not in HARNESSES and not isinstance(contract.rollback, Irreversible)
    )
    if not STEPS:
        pytest.skip("there is no step in operations/ yet")
    assert not missing, f"no harness in any tests/**/laws.py for: {', '.join(missing)}"


def test_every_harness_has_a_step():
    """A step that was renamed took its harness along."""
    gone = sorted(HARNESSES.keys() - EVERY.keys())
    assert not gone, f"harnesses of steps that are not there: {', '.join(gone)}"


def holds(rule, name, data):
    """Try one law in a world drawn anew."""
    with HARNESSES[name](data) as world:
        rule(EVERY[name], world)


@every(TRIED)
@EXAMPLES
@given(data=st.data())
def test_again(name, data):
    """Twice is once."""
    holds(law.again, name, data)


@every(TRIED)
@EXAMPLES
@given(data=st.data())
def test_proof(name, data):
    """What ran is ensured."""
    holds(law.proof, name, data)


@every([name for name in TRIED if not isinstance(EVERY[name].rollback, Irreversible)])
@EXAMPLES
@given(data=st.data())
def test_back(name, data):
    """What was captured comes back."""
    holds(law.back, name, data)


@every([name for name in TRIED if EVERY[name].preview is not None])
@EXAMPLES
@given(data=st.data())
def test_preview(name, data):
    """What a plan shows of a step is read, and nothing else."""
    holds(law.preview, name, data)


def bent(body=None, **clauses) -> Contract:
    """Return a step on a list that keeps the laws but for the given clauses."""

    def effect(box: list) -> Commands:
        """Put a mark into the box."""
        yield call(box.append, "mark") if "mark" not in box else call(len, box)

    def restore(box: list, before: list) -> None:
        """Put the former content back."""
        box[:] = before

    sound = {
        "captures": lambda box: list(box),  # noqa: PLW0108  a clause names its argument
        "ensures": lambda box: "mark" in box,
        "rollback": restore,
        "idempotent": True,
        "preview": lambda box: f"a mark beside {box}",
    }
    return step(**sound | clauses)(body or effect).contract


def pile(box: list) -> Commands:
    """Put another mark into the box."""
    yield call(box.append, "mark")


def idle(box: list) -> Commands:
    """Put nothing into the box."""
    yield call(len, box)


def keep(box: list, before: list) -> None:
    """Leave the box as it is."""
    assert isinstance(before, list), box


@pytest.mark.parametrize(
    ("rule", "contract", "told"),
    [
        (law.again, bent(pile), "twice is not once"),
        (law.again, bent(idle), "a second time would act again"),
        (law.proof, bent(idle), "it ran and is not ensured"),
        (law.back, bent(rollback=keep), "it is not as before"),
        (law.back, bent(captures=lambda box: box.append("x") or []), "capturing changed"),
        (law.preview, bent(preview=lambda box: box.append("x") or "x"), "preview changed"),
        (law.preview, bent(preview=lambda box: " " * len(box)), "empty"),
    ],
)
def test_a_step_that_breaks_a_law_is_caught(rule, contract, told):
    """A law that cannot fail proves nothing."""
    box: list = []
    with pytest.raises(AssertionError, match=told):
        rule(contract, law.World({"box": box}, lambda: list(box)))


@pytest.mark.parametrize("rule", [law.again, law.proof, law.back, law.preview])
def test_a_step_that_keeps_the_laws_passes(rule):
    """And one that cannot pass does neither."""
    box: list = []
    rule(bent(), law.World({"box": box}, lambda: list(box)))
