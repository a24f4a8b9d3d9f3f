"""The quick answers that pyinfra gets are those that it would have found itself."""

from types import SimpleNamespace

import pyinfra
import pytest
from pyinfra.api import inventory
from pyinfra.api.connectors import get_all_connectors
from pyinfra.api.util import get_operation_order_from_stack

from handrail.engine.pace import keep_connectors, order_of_the_call

RUNBOOK = """
def both(state):
    return ours(state), theirs(state)

def deeper(state, depth):
    return deeper(state, depth - 1) if depth else both(state)

found = [deeper(state, depth) for depth in range(3)]
found.append(both(
    state
))
"""


@pytest.mark.parametrize("cli", [True, False])
@pytest.mark.parametrize("file", ["night.py", "another.py", None])
def test_a_call_has_the_order_that_pyinfra_gives_it(monkeypatch, cli, file):
    """In the runbook itself, in a function of it, and where the runbook is not found."""
    monkeypatch.setattr(pyinfra, "is_cli", cli)
    state = SimpleNamespace(current_deploy_filename=file, current_op_file_number=3)
    names = {"ours": order_of_the_call, "theirs": get_operation_order_from_stack, "state": state}

    exec(compile(RUNBOOK, "night.py", "exec"), names)

    assert all(ours == theirs for ours, theirs in names["found"])
    told_apart = {tuple(ours) for ours, _ in names["found"]}
    assert len(told_apart) == (1 if file == "another.py" else 4)


def test_connectors_are_looked_for_once(monkeypatch):
    """Not for each target anew; ours are among them."""
    get_all_connectors()  # loads ours
    monkeypatch.setattr(inventory, "get_all_connectors", None)  # put back afterwards
    keep_connectors()

    found = inventory.get_all_connectors()

    assert found.keys() >= {"local", "ssh", "control"}
    assert inventory.get_all_connectors() is found
