"""What every process that a command starts shows of itself while it runs."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LOOK_SECONDS = 0.005


@dataclass(frozen=True)
class Child:
    """One process as it was seen: its program, its command line, its environment."""

    program: str
    command: bytes
    environment: bytes


class Watch:
    """The descendants of a process, for a `with` block.

    Args:
        ancestor: Whose; forks of it that have become no other program are left out.
    """

    def __init__(self, ancestor: int) -> None:
        self.ancestor = ancestor
        self.seen: set[Child] = set()
        self._own = Path(f"/proc/{ancestor}/cmdline").read_bytes()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for pid in descendants(self.ancestor):
                with suppress(OSError):
                    command = (pid / "cmdline").read_bytes()
                    if command and command != self._own:
                        program = Path(command.split(b"\0")[0].decode()).name
                        self.seen.add(Child(program, command, (pid / "environ").read_bytes()))


def descendants(ancestor: int) -> list[Path]:
    """Return the folders of all processes below one."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            # the name, in parentheses, may hold anything
            parents[process.name] = (process / "stat").read_text().rpartition(")")[2].split()[1]
    found, wanted = [], {str(ancestor)}
    while wanted:
        below = {pid for pid, parent in parents.items() if parent in wanted}
        found += [Path("/proc", pid) for pid in below]
        wanted = below
    return found
