"""A disk that answers EIO, for the commands that are given its environment."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("failing_disk.c")
KINDS = ("write", "sync", "read")


class FailingDisk:
    """Preloaded before libc, as libfaketime is: its calls on files fail when a test says so.

    What is mapped into memory (SQLite's `-shm`) it cannot meet.

    Args:
        folder: Where the library is built, and where it is told what to do.
    """

    def __init__(self, folder: Path) -> None:
        if (compiler := shutil.which("cc")) is None:
            pytest.skip("no C compiler here: apt install gcc")
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "failing_disk.so"
        flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(library)]
        subprocess.run([compiler, *flags, str(SOURCE), "-ldl"], check=True)
        self._orders, self._told = folder / "orders", folder / "told"
        self.env = {
            "LD_PRELOAD": str(library),
            "FAILING_DISK": str(self._orders),
            "FAILING_TOLD": str(self._told),
        }

    def fail(self, kind: str, under: Path, skip: int = 0, times: int = 0) -> None:
        """Let calls on files of a folder fail.

        Args:
            kind: One of `KINDS`.
            under: The folder.
            skip: So many calls of a process go well before.
            times: So many fail then; 0 for all.
        """
        draft = self._orders.with_suffix(".draft")
        draft.write_text(f"{kind} {skip} {times} {under}/\n")
        draft.replace(self._orders)

    def mend(self) -> int:
        """Let all go well again; return how many calls have failed since it was last asked."""
        self._orders.unlink(missing_ok=True)
        failed = len(self._told.read_text().splitlines()) if self._told.exists() else 0
        self._told.unlink(missing_ok=True)
        return failed
