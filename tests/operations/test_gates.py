"""Each gate in its four outcomes: it holds, it does not, nobody can tell yet, nobody could look.

The cases stand in `outcomes_*.py`, a function each; a gate without one of these is told by name.
"""

from collections import defaultdict

import pytest

from handrail.engine.finding import Verdict
from tests.clients.conftest import MARK
from tests.operations import (
    outcomes_browser,
    outcomes_data,
    outcomes_end,
    outcomes_job,
    outcomes_linked,
    outcomes_monitor,
    outcomes_ready,
    outcomes_record,
    outcomes_smoke,
)
from tests.operations.gates import OUTCOMES, PASSWORD, Stage, gates
from tests.operations.short_waits import short_waits

__all__ = ["short_waits"]

FAMILIES = (
    outcomes_browser,
    outcomes_data,
    outcomes_end,
    outcomes_job,
    outcomes_linked,
    outcomes_monitor,
    outcomes_ready,
    outcomes_record,
    outcomes_smoke,
)
# What a gate may answer beside "it could not be looked at", and must in some case.
WAITS = {"smoke.health", "monitor.watch", "monitor.has_been_stable"}
NEVER_FAILS = {"smoke.health"}  # it waits, and the engine ends the wait


@pytest.fixture
def stage(tmp_path):
    """A stage of the test's own."""
    made = Stage(tmp_path)
    with made.stack:
        yield made


@pytest.mark.parametrize(
    ("gate", "verdict", "case"),
    OUTCOMES,
    ids=[f"{gate}-{verdict}-{case.__name__}" for gate, verdict, case in OUTCOMES],
)
def test_a_gate_answers_what_is_so(stage, gate, verdict, case):
    """With a reason wherever it does not open, and never with a secret in it."""
    found = case(stage)
    assert found.verdict is verdict, found
    assert verdict is Verdict.PASS or found.why
    assert PASSWORD not in found.why + found.fix
    assert MARK not in found.why + found.fix


def test_every_gate_is_seen_to_open_to_close_and_to_be_blind():
    """A gate that cannot close proves nothing; a new one is held to that the day it is written."""
    seen = defaultdict(set)
    for gate, verdict, _ in OUTCOMES:
        seen[gate].add(verdict)
    assert all(module.__doc__ for module in FAMILIES)
    for gate in gates():
        wanted = {Verdict.PASS, Verdict.ERROR}
        wanted |= set() if gate in NEVER_FAILS else {Verdict.FAIL}
        wanted |= {Verdict.INCONCLUSIVE} if gate in WAITS else set()
        assert seen[gate] == wanted, f"{gate}: {sorted(wanted - seen[gate])} is never seen"
