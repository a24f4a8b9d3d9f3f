"""Killed around a write of the ledger: a slice; `tests/chaos` goes through every point."""

import pytest

from tests.chaos.campaign import kill_rollback_at, kill_run_and_roll_back_at, kill_run_at
from tests.team import team_server

__all__ = ["team_server"]


@pytest.mark.parametrize("point", [1, 5, 6, 11, 18, 27, 34, 37, 39])
def test_a_run_killed_around_a_write_is_carried_on_by_the_same_command(point):
    """Each effect that may not be repeated happens once; then all of it is put back."""
    assert kill_run_at(point)


@pytest.mark.parametrize("point", [6, 18])
def test_a_run_on_a_team_s_ledger_is_carried_on_as_one_on_a_file(point, team_server):
    """The same points, the ledger on a server."""
    assert kill_run_at(point, team_server.url("ledgers"))


@pytest.mark.parametrize("point", [1, 5, 7, 22, 31, 36, 37, 41])
def test_a_rollback_killed_around_a_write_is_carried_on_by_the_same_command(point):
    """All stands as before, and the run is closed."""
    assert kill_rollback_at(point)


@pytest.mark.parametrize("point", [8, 17, 30])
def test_a_run_killed_around_a_write_is_rolled_back_as_it_stands(point):
    """What is in doubt is put back, too."""
    assert kill_run_and_roll_back_at(point)
