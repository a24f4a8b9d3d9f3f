"""The laws of a step, and the harnesses in which they are tried.

*again*: twice is once. *proof*: what ran is ensured. *back*: what was captured comes back.
*preview*: what a plan shows of a step is read, and nothing else.

A harness says in what world a step is tried, and is known by the step's ledger name::

    @harness("env.put")
    @contextmanager
    def variable_of_a_service(data):
        with render() as api:
            key = data.draw(st.sampled_from(["HOST", "PORT"]))
            yield World({"service": "srv-1", "key": key, "value": "env:VALUE"}, api.variables)

    TestEveryStep = over(operations)

Each law is tried once for each way to draw, and some fifteen times at most; a harness whose world
is dear draws little, and one that draws nothing is tried once.
"""

import inspect
import pkgutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import strategies as st
from pyinfra.api.command import StringCommand

from handrail.engine import arguments as values
from handrail.engine.clause import ask, chosen
from handrail.engine.contract import Call, Contract, Irreversible
from handrail.testing.machine import carried_out


@dataclass
class World:
    """Where a step is tried: its arguments as a runbook passes them, and a look at everything.

    Args:
        arguments: Plain data, as in a runbook.
        look: Returns all that the step may change, to be compared.
        task: Plan task the step belongs to.
    """

    arguments: dict[str, Any]
    look: Callable[[], object]
    task: str = "1"


Harness = Callable[[st.DataObject], AbstractContextManager[World]]
_harnesses: dict[str, Harness] = {}


def harness(name: str) -> Callable[[Harness], Harness]:
    """Register the world in which the step with this ledger name is tried."""

    def register(world: Harness) -> Harness:
        assert name not in _harnesses, f"`{name}` has two harnesses"
        _harnesses[name] = world
        return world

    return register


def harnesses(tests: Path | None = None) -> dict[str, Harness]:
    """Return every harness, by the ledger name of its step.

    Args:
        tests: Package of tests whose modules named `laws.py`, at any depth, are imported first;
            the harnesses of modules that are imported already where it is left out.
    """
    if tests is not None:
        for path in sorted(tests.rglob("laws.py")):
            import_module(".".join(path.relative_to(tests.parent).with_suffix("").parts))
    return dict(_harnesses)


def contracts(package: ModuleType) -> dict[str, Contract]:
    """Return the contract of every step of a package or module, found by import; gates are none."""
    inside = pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}.")
    found: dict[str, Contract] = {}
    for name in (package.__name__, *(each.name for each in inside)):
        for value in vars(import_module(name)).values():
            contract = getattr(value, "contract", None)
            if isinstance(contract, Contract) and not contract.is_gate:
                found[contract.name] = contract
    return found


def again(contract: Contract, world: World) -> None:
    """Done once, `ensures` keeps a second time away; what may be repeated changes nothing."""
    live = revived(contract, world)
    act(contract.body, contract, live)
    once = world.look()
    assert ask(contract.ensures, live).passed, "a second time would act again"
    assert world.look() == once, "looking changed something"
    if contract.idempotent:
        act(contract.body, contract, live)
        assert world.look() == once, "it is declared idempotent, and twice is not once"


def proof(contract: Contract, world: World) -> None:
    """What ran is ensured; and where nothing has to run, running changes nothing."""
    live = revived(contract, world)
    was, stands = ask(contract.ensures, live).passed, world.look()
    act(contract.body, contract, live)
    found = ask(contract.ensures, live)
    assert found.passed, f"it ran and is not ensured: {found.why}"
    assert not (was and contract.idempotent) or world.look() == stands, "it was so, and changed"


def back(contract: Contract, world: World) -> None:
    """What was captured comes back, also interrupted before its effect, and after a cancelling."""
    assert contract.captures is not None, "there is nothing to compare"
    assert not isinstance(contract.rollback, Irreversible), "there is no way back"
    live = revived(contract, world)
    stood = world.look()
    before = contract.captures(**chosen(contract.captures, live))
    assert world.look() == stood, "capturing changed something"
    for interrupted in (True, False):
        if not interrupted:
            act(contract.body, contract, live)
        if contract.cancels is not None:
            act(contract.cancels, contract, live | {"before": before})
        act(contract.rollback, contract, live | {"before": before})
        assert contract.captures(**chosen(contract.captures, live)) == before, "it is not as before"
    act(contract.rollback, contract, live | {"before": before})
    assert contract.captures(**chosen(contract.captures, live)) == before, (
        "undone twice is not once"
    )


def preview(contract: Contract, world: World) -> None:
    """A preview says something, and leaves everything as it is."""
    assert contract.preview is not None, "there is nothing to show"
    stood = world.look()
    assert contract.preview(**chosen(contract.preview, revived(contract, world))).strip(), "empty"
    assert world.look() == stood, "the preview changed something"


def revived(contract: Contract, world: World) -> dict[str, Any]:
    """Return the arguments as the engine hands them to the clauses."""
    plain, _ = values.complete(contract, world.arguments, {}, "the world of a law")
    return values.revive(contract, plain, world.task, "law-19700101T0000Z")


def act(clause: Callable[..., Any], contract: Contract, live: dict[str, Any]) -> None:
    """Carry a body or a rollback out, without a ledger."""
    given = chosen(clause, live)
    if not inspect.isgeneratorfunction(clause):
        clause(**given)
        return
    for item in clause(**given):
        _carry_out(contract, item)


def _carry_out(contract: Contract, item: Any) -> None:  # Any: whatever a body yields
    if isinstance(item, Call):
        item.function(*item.args, **item.kwargs)
    elif isinstance(item, str | StringCommand):
        line = item if isinstance(item, str) else item.get_raw_value()
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{contract.name}: {line}: {done.stderr}"
    else:
        assert carried_out(item), f"{contract.name}: {item}"
