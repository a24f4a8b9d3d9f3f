"""What the tests of the engine share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.lab.bench import Bench


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Bench]:
    """Return an environment with one target."""
    with Bench(tmp_path / "lab") as bench:
        yield bench


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Bench]:
    """Return an environment with two targets."""
    with Bench(tmp_path / "lab", ["one", "two"]) as bench:
        yield bench


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Bench]:
    """Return an environment with five targets, in an order that no sorting gives."""
    with Bench(tmp_path / "lab", ["four", "two", "five", "one", "three"]) as bench:
        yield bench
