"""Every kind of child, struck in every way: the next attempt never acts beside it."""

import pytest

from tests.chaos import tally
from tests.engine.conftest import lab
from tests.engine.test_orphans import ALL, check_kept_out, struck

__all__ = ["lab"]
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


@pytest.mark.parametrize(("kind", "how", "blow"), ALL)
def test_whatever_outlives_its_run_however_struck_keeps_the_next_attempt_out(lab, kind, how, blow):
    """A child of a shell line or of a Python call, from whatever thread; each blow."""
    struck(lab, kind, how, blow)

    check_kept_out(lab)

    begun, done = lab.read("f.begun").splitlines(), (lab.read("f") or "").splitlines()
    tally.count(
        "engine", kills=1, orphans=1, duplicates=len(begun) - 1, losses=int(done != ["done"])
    )
