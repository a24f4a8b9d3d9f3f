"""Both places where a ledger is kept: the same promises hold in each."""

import pytest

from handrail.ledger.kept import Kept
from tests.team import fresh, team_server

__all__ = ["team_server"]


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request, tmp_path):
    """Where a new ledger is kept: in a file, or on a server."""
    if request.param == "sqlite":
        return Kept(tmp_path / "lab.sqlite")
    return fresh(request.getfixturevalue("team_server"), tmp_path)
