"""Killed at every point around every write of the ledger: all of them."""

import pytest

from tests.chaos.campaign import kill_rollback_at, kill_run_and_roll_back_at, kill_run_at

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


@pytest.fixture(params=["file", "server"])
def url(request):
    """Where the ledger is: in a file, or on a server."""
    if request.param == "file":
        return ""
    return request.getfixturevalue("team_server").url("ledgers")


@pytest.mark.parametrize("kill", [kill_run_at, kill_rollback_at, kill_run_and_roll_back_at])
def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(kill, url):
    """Every point, until the command is through before it; two for each of the twenty writes."""
    point = 0
    while kill(point, url):
        point += 1
    assert point >= 40
