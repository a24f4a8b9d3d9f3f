"""Project folders of the engine's benchmark: the same work, by pyinfra alone and by ours."""

import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PYINFRA = Path(sys.executable).with_name("pyinfra")
HANDRAIL = Path(sys.executable).with_name("handrail")
STEPS = '''
from pathlib import Path

from handrail.engine import Commands, call, check, irreversible, step


@check(fix="touch it")
def is_there(path: str) -> bool:
    """The file is there."""
    return Path(path).exists()


def make(path: str) -> None:
    Path(path).touch()


gone = irreversible("a benchmark", instead="nothing is needed")


@step(ensures=is_there, rollback=gone)
def by_call(path: str) -> Commands:
    """Make a file from Python."""
    yield call(make, path)


@step(ensures=is_there, rollback=gone)
def by_shell(path: str) -> Commands:
    """Make a file by a shell line."""
    yield f"touch {path}"
'''
OURS = """
from pyinfra import host
from benchsteps import {step}
from handrail.engine import begin

begin()
for number in range({steps}):
    {step}(path=f"{{host.data.room}}/{{number}}", task=f"{{number}}", name="Make a file")
"""
ALONE = """
import pyinfra_cli.main
from pyinfra.api import connectors
from pyinfra.connectors.local import LocalConnector


class Control(LocalConnector):
    @staticmethod
    def make_names_data(name=None):
        yield name, {}, [name]


class Entry:
    name = "control"

    def load(self):
        return Control


def its_own(group):
    ours = ("handrail", "rehearsal")
    return [each for each in known(group=group) if not each.value.startswith(ours)] + [Entry()]


known, connectors.entry_points = connectors.entry_points, its_own
pyinfra_cli.main.main()
"""  # pyinfra loads every connector there is; alone it does not load ours, and all that hangs on it
BARE = {
    "by_call": """
from pathlib import Path
from pyinfra import host
from pyinfra.operations import python

def make(path):
    Path(path).touch()

for number in range({steps}):
    python.call(name="Make a file", function=make, path=f"{{host.data.room}}/{{number}}")
""",
    "by_shell": """
from pyinfra import host
from pyinfra.operations import server

for number in range({steps}):
    server.shell(name="Make a file", commands=[f"touch {{host.data.room}}/{{number}}"])
""",
    "again": """
from pyinfra import host
from pyinfra.operations import files

for number in range({steps}):
    files.file(name="Make a file", path=f"{{host.data.room}}/{{number}}")
""",
}


@dataclass(frozen=True)
class Case:
    """So many steps of a kind on so many targets."""

    kind: str
    targets: int
    steps: int

    def __str__(self) -> str:
        """Name it as the table does."""
        kinds = {"by_call": "calls", "by_shell": "shell steps"}
        return f"{self.targets} x {self.steps} {kinds[self.kind]}"


class Project:
    """A folder in which a case runs."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.folder, self.case = folder, case
        self.ledger = folder / "memory" / "bench.sqlite"
        folder.mkdir(parents=True)
        (folder / "benchsteps.py").write_text(STEPS)
        (folder / "alone.py").write_text(ALONE)
        (folder / "ours.py").write_text(OURS.format(step=case.kind, steps=case.steps))
        for name, text in BARE.items():
            (folder / f"{name}.py").write_text(text.format(steps=case.steps))
        rooms = {f"t{n}": str(folder / "rooms" / f"t{n}") for n in range(case.targets)}
        hosts = [(f"@control/{name}", {"room": room}) for name, room in rooms.items()]
        (folder / "inventory.py").write_text(f"hosts = {hosts!r}\n")
        (folder / "group_data").mkdir()
        data = 'environment = "bench"\nledger = "memory/bench.sqlite"\n'
        (folder / "group_data" / "all.py").write_text(data)
        self.rooms = [Path(room) for room in rooms.values()]

    def fresh(self) -> None:
        """Forget what was done."""
        for folder in (self.folder / "rooms", self.folder / "memory"):
            shutil.rmtree(folder, ignore_errors=True)
        for room in self.rooms:
            room.mkdir(parents=True)

    def forget(self) -> None:
        """Begin anew: no files, no ledger, no other engine's memory."""
        self.fresh()
        for left in self.folder.glob("dbos.sqlite*"):
            left.unlink()

    def made(self) -> int:
        """Return how many files there are."""
        return sum(len(list(room.iterdir())) for room in self.rooms if room.exists())

    def start(self, runbook: str, *options: str, **env: str) -> subprocess.Popen[bytes]:
        """Start pyinfra, in a session of its own."""
        yes = [] if "--dry" in options else ["-y"]
        pyinfra = [PYINFRA] if runbook == "ours" else [sys.executable, "alone.py"]
        command = [*pyinfra, *yes, "inventory.py", f"{runbook}.py", *options]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=plain_environment() | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, runbook: str, *options: str, **env: str) -> float:
        """Return the seconds that pyinfra takes; it has to succeed."""
        began = time.monotonic()
        code = self.start(runbook, *options, **env).wait()
        took = time.monotonic() - began
        if code:
            raise RuntimeError(f"{runbook} of {self.case} ended with {code} in {self.folder}")
        return took

    def done(self, runbook: str, **env: str) -> float:
        """Return the seconds that a run from the beginning takes; every file has to be there."""
        self.fresh()
        took = self.run(runbook, **env)
        if self.made() != self.case.targets * self.case.steps:
            raise RuntimeError(f"{runbook} of {self.case} left {self.made()} files")
        return took

    def command(self, *arguments: str) -> float:
        """Return the seconds that the `handrail` command takes, whatever it finds."""
        began = time.monotonic()
        subprocess.run(
            [HANDRAIL, *arguments, "--ledger", self.ledger], env=plain_environment(),
            capture_output=True, check=False,
        )  # fmt: skip
        return time.monotonic() - began


def plain_environment() -> dict[str, str]:
    """Return the variables that every command gets."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}


def processor_seconds() -> float:
    """Return the processor time that finished children had, and theirs, system included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """Return the most memory that any finished child had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
