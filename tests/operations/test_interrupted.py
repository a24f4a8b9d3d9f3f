"""The fourth law: stopped after any command, a step goes on to its proof, or back to before.

Steps are found by import; `tests/engine/test_laws.py` tries the other laws in the same worlds.
"""

import inspect
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import operations
from handrail.engine.clause import ask, chosen
from handrail.engine.contract import Irreversible
from handrail.engine.finding import Verdict
from handrail.testing import laws as law
from tests.operations.short_waits import short_waits

__all__ = ["short_waits"]

TESTS = Path(__file__).parents[1]
STEPS = law.contracts(operations)
REVERSIBLE = [name for name in STEPS if not isinstance(STEPS[name].rollback, Irreversible)]
HARNESSES = law.harnesses(TESTS)
ONCE = settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)


def every(names):
    """Run a test once for each step, in the simplest world of its harness."""

    def tried(function):
        return pytest.mark.parametrize("name", sorted(names))(ONCE(given(data=st.data())(function)))

    return tried


def test_every_step_has_a_world():
    """A new step is under law the day it is written."""
    missing = sorted(STEPS.keys() - HARNESSES.keys())
    assert not missing, f"no harness in tests/operations/laws.py for: {', '.join(missing)}"


class Trial:
    """A step in a world of its own."""

    def __init__(self, name, world):
        """Read the arguments as the engine does."""
        self.contract, self.look = STEPS[name], world.look
        self.live = law.revived(self.contract, world)

    def captured(self):
        """Return what the step captures; nothing where there is no way back to it."""
        captures = self.contract.captures
        return captures and captures(**chosen(captures, self.live))

    def ensured(self):
        """Ask whether the step is done."""
        return ask(self.contract.ensures, self.live)

    def run(self, stop=None):
        """Carry the body out to its end, or to a command; tell whether it is at its end."""
        return perform(self.contract.body, self.live, stop)

    def roll_back(self, before, stop=None):
        """Carry the way back out to its end, or to a command; tell whether it is at its end."""
        return perform(self.contract.rollback, self.live | {"before": before}, stop)


def perform(clause, live, stop):
    """Carry a clause out as the engine does, killed after a number of commands."""
    arguments = chosen(clause, live)
    if not inspect.isgeneratorfunction(clause):
        clause(**arguments)
        return True
    for ran, item in enumerate(clause(**arguments)):
        if ran == stop:
            return False
        item.function(*item.args, **item.kwargs)
    return True


@contextmanager
def trial(name, data):
    """Try a step in a fresh world."""
    with HARNESSES[name](data) as world:
        yield Trial(name, world)


@every(STEPS)
def test_a_step_that_was_stopped_goes_on_to_its_proof_and_can_still_be_undone(name, data):
    """The body runs from its start again; what was captured first leads back.

    Before it ran it is not ensured, and its requirements hold: a proof that cannot fail proves
    nothing, nor does a requirement that nothing meets.
    """
    stop, whole = 0, False
    while not whole:
        stop += 1
        with trial(name, data) as tried:
            assert tried.ensured().verdict is Verdict.FAIL, tried.ensured()
            for requirement in tried.contract.requires:
                assert ask(requirement, tried.live).passed, requirement.__name__
            before = tried.captured()
            whole = tried.run(stop)
            if not tried.ensured().passed:
                tried.run()
            assert tried.ensured().passed, f"stopped after {stop}: {tried.ensured().why}"
            if name in REVERSIBLE:
                tried.roll_back(before)
                assert tried.captured() == before, f"stopped after {stop}, run again, undone"


@every(REVERSIBLE)
def test_a_step_that_was_stopped_can_be_undone_from_there(name, data):
    """Also where the way back is stopped after each of its own commands, and taken again."""
    stop, whole = 0, False
    while not whole:
        stop += 1
        with trial(name, data) as tried:
            before = tried.captured()
            whole = tried.run(stop)
            for halt in (1, 2, None):
                if tried.roll_back(before, halt):
                    break
            assert tried.captured() == before, f"stopped after {stop}"
