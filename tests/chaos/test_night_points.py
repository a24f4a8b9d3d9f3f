"""The night killed at its ledger's own writes, again and again: there, back, in every resume.

One night for each kind of ledger. A command dies at a point that no command before it has passed:
just before a write or just after it, so between an intent and its effect, and between an effect and
its outcome, too; what goes on after a kill is killed at the next such point.
"""

import os
import signal

import pytest

from tests.chaos import tally
from tests.chaos.carrying import CUTOVER, ROLLBACK, attempt, carry, doubled, lost_back, lost_there
from tests.e2e.night import ROOT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(7200)]
STRIDE = int(os.environ.get("CHAOS_NIGHT_STRIDE", "10"))  # 1: every point; an hour or two
ATTEMPTS = 1000


def test_a_night_killed_at_the_writes_of_its_ledger_loses_and_doubles_nothing(kept_night, tmp_path):
    """Every so many points of the cutover, and of its way back."""
    night, output = kept_night, tmp_path / "said"
    what = f"night@{'server' if night.memory else 'file'}"

    unknowns = carry_through(night, CUTOVER, what, tmp_path / "there")
    twice, lost = doubled(night), lost_there(night, output)
    unknowns += carry_through(night, ROLLBACK, what, tmp_path / "back")
    lost += lost_back(night)

    tally.count(what, unknowns=unknowns, duplicates=len(twice), losses=len(lost))
    assert not twice
    assert not lost


def carry_through(night, command, what, passed) -> int:
    """Give a command until it is through, killed at each point; return how often it asked."""
    passed.mkdir()
    dying = ["python", "-m", "tests.chaos.dying", *command[1:]]
    env = {"DYING_AT": str(passed), "DYING_STRIDE": str(STRIDE), "PYTHONPATH": str(ROOT)}

    def go(more):
        code, said = attempt(night, [*dying, *more], passed.with_suffix(".said"), env=env)
        tally.count(what, kills=code == -signal.SIGKILL)
        return code, said

    asked = carry(go, ATTEMPTS)
    tally.count(what, points=sum(each.suffix == ".died" for each in passed.iterdir()))
    return asked
