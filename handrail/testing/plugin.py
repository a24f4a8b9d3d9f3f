"""The pytest plugin: a lab for each test that asks for one, and a clock that skips."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from handrail.testing.clock import SkippingClock
    from handrail.testing.lab import Lab


@pytest.fixture
def lab(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator["Lab"]:
    """Return an environment with one target, `one`, that imports the project's own steps."""
    from handrail.testing.lab import Lab  # noqa: PLC0415  every test run loads this plugin

    with Lab(tmp_path / "lab", path=[pytestconfig.rootpath]) as made:
        yield made


@pytest.fixture
def clock() -> Iterator["SkippingClock"]:
    """Return a clock that skips; gates and ledger of this process go by it."""
    from handrail.testing.clock import SkippingClock  # noqa: PLC0415  as above

    with SkippingClock().installed() as made:
        yield made
