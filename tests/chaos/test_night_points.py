"""The night killed at its ledger's own writes, again and again: there, back, in every resume.

One night for each kind of ledger. A command dies at a point that no command before it has passed:
just before a write or just after it, so between an intent and its effect, and between an effect and
its outcome, too; what goes on after a kill is killed at the next such point.

A night has some hundred points, and each kill costs a resume: what was done is asked again. So a
share of them can be asked for, and a time after which no more kills come and the night goes on
unharmed; each kill is told as it comes (`-n 0 -s`).
"""

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from handrail.testing.forking import forking
from tests.chaos import tally
from tests.chaos.carrying import CUTOVER, ROLLBACK, carry, doubled, lost_back, lost_there
from tests.e2e.night import PROGRAMS, ROOT, Night

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(6 * 3600)]
STRIDE = int(os.environ.get("CHAOS_NIGHT_STRIDE", "10"))  # 1: every point; hours
FIRST = int(os.environ.get("CHAOS_NIGHT_FIRST", "0"))  # which share of them, below the stride
MINUTES = float(os.environ.get("CHAOS_NIGHT_MINUTES", "300"))  # of kills, there as well as back
ATTEMPTS = 2000
DYING = Path(__file__).with_name("dying.py")


@pytest.fixture
def round_trip_ms():
    """Nobody is far away: a point of a write is the same one at any distance."""
    return "0"


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
    dying = Dying(night, command, passed, what)
    asked = carry(dying.go, ATTEMPTS)
    tally.count(what, points=len(dying.died()))
    return asked


@dataclass
class Dying:
    """A command that dies at each point once, for as long as it is asked to.

    Args:
        night: Where it is given.
        command: Its words.
        passed: A folder for the points that were passed.
        what: How it is counted.
    """

    night: Night
    command: list[str]
    passed: Path
    what: str
    begun: float = field(default_factory=time.monotonic)

    def died(self) -> list[Path]:
        """Return the points that it died at."""
        return [each for each in self.passed.iterdir() if each.suffix == ".died"]

    def go(self, more: list[str]) -> tuple[int, str]:
        """Give it once; return its status and what it said."""
        began, output = time.monotonic(), self.passed.with_suffix(".said")
        output.write_text("")
        code = forking(DYING, f"{self.night.root}{os.pathsep}{ROOT}").run(
            [str(PROGRAMS / self.command[0]), *self.command[1:], *more],
            self.night.root, self._env(), output,
        )  # fmt: skip
        tally.count(self.what, kills=code == -signal.SIGKILL)
        self._tell(code, more, time.monotonic() - began)
        return code, output.read_text(encoding="utf-8", errors="replace")

    def _env(self) -> dict[str, str]:
        if time.monotonic() - self.begun > MINUTES * 60:
            return self.night.environment()
        dying = {"DYING_AT": str(self.passed), "DYING_STRIDE": str(STRIDE)}
        return self.night.environment() | dying | {"DYING_FIRST": str(FIRST)}

    def _tell(self, code: int, more: list[str], seconds: float) -> None:
        died = sorted(self.died(), key=lambda each: each.stat().st_mtime_ns)
        passed = len(list(self.passed.iterdir())) - len(died)
        where = died[-1].stem if code == -signal.SIGKILL and died else "through"
        said = f"{self.what} {self.passed.name}: {len(died)} of {passed} points"
        sys.stdout.write(f"{said}; {code} after {seconds:.1f} s, {where} {' '.join(more)}\n")
        sys.stdout.flush()
