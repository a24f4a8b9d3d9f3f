"""What the tests of the engine share."""

from pathlib import Path

import pytest

from tests.engine.lab.bench import Bench


@pytest.fixture
def lab(tmp_path: Path) -> Bench:
    """Return an environment with one target."""
    return Bench(tmp_path)


@pytest.fixture
def pair(tmp_path: Path) -> Bench:
    """Return an environment with two targets."""
    return Bench(tmp_path, ["one", "two"])
