"""The lab of the demo steps, whose effects are noted in a journal."""

from collections.abc import Iterable
from pathlib import Path

from handrail.testing.lab import Lab, until

HERE = Path(__file__).parent
HEADER = """
from pyinfra import host
from lab import steps
from handrail.engine import begin

begin()
room = host.data.room
"""


class Bench(Lab):
    """An environment for the demo steps."""

    def __init__(self, folder: Path, targets: Iterable[str] = ("one",)) -> None:
        warm = HERE / "warm.py"
        super().__init__(folder, targets, path=[HERE.parent], header=HEADER, warm=warm)

    def until_through(self) -> None:
        """Wait until no command of an earlier attempt is at work any more.

        What it was to write is there a moment before.
        """
        until(lambda: "is still at work there" not in self.run("--dry").said)

    def journal(self, target: str = "one") -> list[str]:
        """Return the effects on a target, in order."""
        path = self.room(target) / "journal"
        return path.read_text().splitlines() if path.exists() else []
