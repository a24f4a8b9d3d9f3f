"""Tests made of the laws: one line in a project's tests puts all of its steps under them."""

import os
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.engine.contract import Contract, Irreversible, load
from handrail.testing import laws

EXAMPLES = settings(
    max_examples=int(os.environ.get("LAW_EXAMPLES", "15")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def over(package: ModuleType) -> type:
    """Return a class of tests that hold every step of a package or module to the laws.

    A step that can be undone needs a harness (see `handrail.testing.laws`), which is registered
    before this is called; an irreversible one may have one.

    Args:
        package: Where the steps stand; they are found by import.
    """
    found, worlds = laws.contracts(package), laws.harnesses()
    tried = [name for name in found if name in worlds]
    undone = [name for name in tried if not isinstance(found[name].rollback, Irreversible)]
    shown = [name for name in tried if found[name].preview is not None]

    def held(rule: Any, name: str, data: st.DataObject) -> None:  # Any: one of the laws
        with worlds[name](data) as world:
            rule(found[name], world)

    class EveryStep(_known(found, worlds.keys())):  # type: ignore[misc]  # a class made here
        """Every step, found by import, under every law that it can be tried by."""

        @pytest.mark.parametrize("name", tried)
        @EXAMPLES
        @given(data=st.data())
        def test_again(self, name: str, data: st.DataObject) -> None:
            """Twice is once."""
            held(laws.again, name, data)

        @pytest.mark.parametrize("name", tried)
        @EXAMPLES
        @given(data=st.data())
        def test_proof(self, name: str, data: st.DataObject) -> None:
            """What ran is ensured."""
            held(laws.proof, name, data)

        @pytest.mark.parametrize("name", undone)
        @EXAMPLES
        @given(data=st.data())
        def test_back(self, name: str, data: st.DataObject) -> None:
            """What was captured comes back."""
            held(laws.back, name, data)

        @pytest.mark.parametrize("name", shown)
        @EXAMPLES
        @given(data=st.data())
        def test_preview(self, name: str, data: st.DataObject) -> None:
            """What a plan shows of a step is read, and nothing else."""
            held(laws.preview, name, data)

    return EveryStep


def _known(found: Mapping[str, Contract], worlds: Collection[str]) -> type:
    """Return a class of tests that no step escapes: each has a harness, and is found by name."""

    class Known:
        """Every step can be tried, and is the one that a ledger means by its name."""

        @pytest.mark.parametrize("name", list(found))
        def test_a_step_has_a_world_to_be_tried_in(self, name: str) -> None:
            """A step without a harness is a step that was never tried."""
            needless = isinstance(found[name].rollback, Irreversible)
            assert name in worlds or needless, f'write a `@harness("{name}")`'

        @pytest.mark.parametrize("name", list(found))
        def test_the_ledger_name_leads_back(self, name: str) -> None:
            """A rollback finds the step by the name on record."""
            assert isinstance(load(name), Contract)

    return Known
