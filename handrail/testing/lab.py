"""A project folder in which the real `pyinfra` command runs runbooks under test."""

import hashlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

from handrail.ledger.entry import Entry
from handrail.ledger.kept import Kept
from handrail.ledger.run import Run, fold
from handrail.ledger.seam import NoLedger
from handrail.testing.forking import Ran, Started, forked, forking

PYINFRA = Path(sys.executable).with_name("pyinfra")
WARM = Path(__file__).with_name("warm.py")
COMMAND = Path(__file__).with_name("command.py")
ROLLBACK = """
from pyinfra import host
from handrail.engine import roll_back

roll_back(run=host.data.get("run"), reason=host.data.get("reason"), to=host.data.get("to"))
"""
GUARDS = Path("/tmp")  # noqa: S108  where the engine has them on every target
HEADER = """
from pyinfra import host
from handrail.engine import begin

here = begin()
room = host.data.room
"""


class Lab:
    """One environment in a folder of its own; a room of that folder stands for each target.

    Its name is its own, too: the guards on a target go by it, and all targets are this machine.

    Args:
        folder: Where inventory, runbooks, rooms and ledger go; it is made.
        targets: Names of the targets, in the order of the inventory.
        path: Folders that modules of steps are imported from: the project's own, as a rule.
        header: What stands before the calls of each runbook; `begin()` among it.
        warm: The program that has imported pyinfra, and runs commands in forks of itself.
    """

    def __init__(
        self,
        folder: Path,
        targets: Iterable[str] = ("one",),
        *,
        path: Iterable[Path] = (),
        header: str = HEADER,
        warm: Path = WARM,
    ) -> None:
        self.folder, self._header, self._warm = folder, header, warm
        self.environment = f"lab{secrets.token_hex(4)}"
        self.targets = list(targets)
        self.used = "lab.py"  # the inventory of its commands
        for target in self.targets:
            self.room(target).mkdir(parents=True)
        self.inventory()
        (folder / "rollback.py").write_text(ROLLBACK)
        self.env = {
            key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")
        } | {
            "PYTHONPATH": os.pathsep.join(str(each) for each in path),
            "PATH": f"{PYINFRA.parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def __enter__(self) -> Self:
        """Return the environment."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the guards; they lie outside of the folder, as on any target."""
        for guard in GUARDS.glob(f"handrail-*-{self.environment}-*.guard"):
            guard.unlink()

    def room(self, target: str = "one") -> Path:
        """Return the folder that a target's steps work in."""
        return self.folder / "rooms" / target

    def inventory(self, name: str = "lab", only: Iterable[str] | None = None, **data: Any) -> None:
        """Write the inventory; `data` goes to every target."""
        targets = self.targets if only is None else list(only)
        hosts = [
            (f"@control/{target}", {"room": str(self.room(target))} | data) for target in targets
        ]
        group = self.folder / "group_data"
        group.mkdir(exist_ok=True)
        (group / "all.py").write_text(
            f'environment = "{self.environment}"\nledger = "memory/lab.sqlite"\n'
        )
        (self.folder / f"{name}.py").write_text(f"hosts = {hosts!r}\n")

    def runbook(self, *calls: str, name: str = "up", header: str = "") -> None:
        """Write a runbook: `begin()` and the calls, a line each."""
        (self.folder / f"{name}.py").write_text(header + self._header + "\n".join(calls) + "\n")

    def command(self, *arguments: str, runbook: str = "up") -> list[str]:
        """Return the command line of a run."""
        yes = [] if "--dry" in arguments or "--no-yes" in arguments else ["-y"]
        given = [each for each in arguments if each != "--no-yes"]
        return [str(PYINFRA), *yes, self.used, f"{runbook}.py", *given]

    def run(
        self,
        *arguments: str,
        runbook: str = "up",
        skipping: bool = False,
        apart: bool = False,
        **env: str,
    ) -> Ran:
        """Run pyinfra's command line to its end, forked from a process that has imported it.

        Args:
            arguments: Options of `pyinfra`: ``--dry``, ``--data``, ``key=value``, …
            runbook: Name of the runbook.
            skipping: Let gates wait by a clock that skips: a window of a day is over at once.
            apart: Keep apart what it says on stderr.
            env: Variables of its environment.
        """
        if skipping:
            env["LAB_CLOCK"] = str(self.folder / "clock")
        command = self.command(*arguments, runbook=runbook)
        return forked(self._warm, command, self.folder, self.env | env, apart=apart)

    def handrail(self, *arguments: str, **env: str) -> Ran:
        """Run the `handrail` command on the ledger to its end, forked likewise."""
        command = ["handrail", *arguments, "--ledger", str(self.ledger)]
        return forked(COMMAND, command, self.folder, self.env | env)

    def run_cold(self, *arguments: str, runbook: str = "up", **env: str) -> Ran:
        """Run the installed `pyinfra` to its end, as an operator does."""
        return self.paste(self.command(*arguments, runbook=runbook), **env)

    def paste(self, command: list[str], **env: str) -> Ran:
        """Run any command in the folder."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout)

    def roll_back(
        self, *arguments: str, run: str = "latest", reason: str = "a test", **env: str
    ) -> Ran:
        """Roll a run back."""
        data = ["--data", f"run={run}", "--data", f"reason={reason}"]
        return self.run(*data, *arguments, runbook="rollback", skipping=False, apart=False, **env)

    def start(self, *arguments: str, runbook: str = "up") -> Started:
        """Start pyinfra's command line in a session of its own, forked likewise; do not wait."""
        place = Path(mkdtemp(prefix="started-", dir=self.folder.parent))
        command = self.command(*arguments, runbook=runbook)
        warm = forking(self._warm, self.env["PYTHONPATH"])
        return warm.start(command, self.folder, self.env, place)

    def start_cold(self, *arguments: str, runbook: str = "up") -> subprocess.Popen[str]:
        """Start the installed `pyinfra` in a session of its own, and do not wait."""
        return subprocess.Popen(
            self.command(*arguments, runbook=runbook),
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def ledger(self) -> Path:
        """Return the ledger's file."""
        return self.folder / "memory" / "lab.sqlite"

    def entries(self) -> list[Entry]:
        """Return what the ledger holds, its chain checked."""
        held = self.kept().open(self.environment, create=False)
        return [] if isinstance(held, NoLedger) else held.entries()

    def kept(self) -> Kept:
        """Return where the ledger is: its file, or the server that LEDGER_URL names."""
        url = self.env.get("LEDGER_URL", "")
        return Kept.at(url or str(self.ledger), self.folder, self.environment)

    def runs(self) -> list[Run]:
        """Return every run on record."""
        return list(fold(self.entries()).values())

    def states(self) -> dict[str, str]:
        """Return where each task of the newest run stands, by `task@target`."""
        tasks = self.runs()[-1].tasks
        return {f"{task}@{target}": each.state.value for (task, target), each in tasks.items()}

    def events(self, kind: str = "step") -> list[str]:
        """Return the events of a kind, as `event task@target`."""
        return [
            f"{each.event.value} {each.task}@{each.target}"
            for each in self.entries()
            if each.event.value.startswith(kind + ".")
        ]

    def read(self, name: str, target: str = "one") -> str | None:
        """Return what a file in a room says."""
        path = self.room(target) / name
        return path.read_text() if path.exists() else None

    def put(self, name: str, text: str = "", target: str = "one") -> None:
        """Make a file in a room say something."""
        (self.room(target) / name).write_text(text)

    def clear(self, name: str, target: str = "one") -> None:
        """Remove a file from a room."""
        (self.room(target) / name).unlink()

    def listing(self) -> dict[str, str]:
        """Return every file of the folder with its digest; folders, too."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_file()
            else "folder"
            for path in sorted(self.folder.rglob("*"))
        }


def end(process: "subprocess.Popen[str] | Started") -> None:
    """End a process of ours and all that it started, orphans, too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def until(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
