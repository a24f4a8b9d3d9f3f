"""The same work by every engine: seconds, and what a step writes to disk."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg

from tests.bench.measure import Figures, Line, interleave, say, seconds
from tests.bench.others import OTHERS, Other
from tests.bench.project import PYINFRA, Case, Project, plain_environment

CASES = [
    Case(kind, targets, steps)
    for kind in ("by_shell", "by_call")
    for targets, steps in ((1, 50), (1, 200), (10, 50), (10, 200), (100, 50))
]
TRACED = Case("by_call", 1, 50)
LONGEST_SECONDS = 45.0  # what would take longer is told, not run
# Seconds for one step on one target, by which that is judged; the longer of shell and Python.
GUESSES = {"Ansible": 0.3, "Ansible with mitogen": 0.08, "DBOS": 0.02, "Luigi": 0.009}
WRITES = re.compile(r"(\w+)\(\d+<([^>]*)>.*?(?:= (\d+))?$")


class Side:
    """Every engine at every case that it gets through in time."""

    def __init__(self, place: Path, ledger: str, only: str) -> None:
        self.place, self.ledger = place, ledger
        self.cases = [case for case in CASES if only in str(case)]
        self.figures = Figures()
        self.left_out: list[str] = [why for other in OTHERS if (why := other.missing())]
        self.others = [other for other in OTHERS if not other.missing()]
        self.projects = {case: Project(place / f"side {case}".replace(" ", "-"), case)
                         for case in CASES}  # fmt: skip

    def methods(self, case: Case) -> dict[str, Callable[[], float]]:
        """Return what is measured of a case, by name."""
        project = self.projects[case]
        found = {
            f"pyinfra, {case}": partial(project.done, case.kind),
            f"ours, {case}": partial(project.done, "ours"),
            f"ours on PostgreSQL, {case}": partial(self._on_server, project),
        }
        for other in self.others:
            guess = GUESSES[other.name] * case.targets * case.steps
            if guess > LONGEST_SECONDS:
                self.left_out.append(f"{other.name}, {case}: about {guess:.0f} s a round")
            else:
                found[f"{other.name}, {case}"] = partial(self._other, other, project)
        return found

    def measure(self, rounds: int) -> None:
        """Run everything, so many rounds."""
        for case in self.cases:
            interleave(self.methods(case), rounds, self.figures)

    def _other(self, other: Other, project: Project) -> float:
        project.forget()
        other.prepare(project)
        began = time.monotonic()
        code = other.start(project).wait()
        took = time.monotonic() - began
        if code or project.made() < project.case.targets * project.case.steps:
            raise RuntimeError(f"{other.name} of {project.case} ended with {code}")
        return took

    def _on_server(self, project: Project) -> float:
        _drop(self.ledger)
        shutil.rmtree(project.folder / "state", ignore_errors=True)  # what it left beside a log
        return project.done("ours", LEDGER_URL=self.ledger)

    def lines(self) -> list[Line]:
        """Return a line for each engine and case, by bare pyinfra."""
        found = []
        for case in self.cases:
            base = f"pyinfra, {case}"
            for name in self.figures.by_name:
                engine, _, of = name.partition(", ")
                if of == str(case) and name != base:
                    ratios = tuple(self.figures.paired(name, base))
                    ours, bare = (seconds(self.figures.median(each)) for each in (name, base))
                    found.append(Line(f"{case}: {engine} by bare pyinfra", ours, bare, ratios))
        return [*found, *(Line(f"left out: {why}", "", "") for why in dict.fromkeys(self.left_out))]

    def traced(self) -> list[Line]:
        """Return what each engine syncs and writes to disk for a step, beside the work itself."""
        if TRACED not in self.cases:
            return []
        if shutil.which("strace") is None:
            return [Line("syncs and bytes a step", "", "", note="strace is not installed")]
        case, project = TRACED, self.projects[TRACED]
        commands = {"ours": ([str(PYINFRA), "-y", "inventory.py", "ours.py"], None)}
        commands |= {each.name: (each.command(), each) for each in self.others}
        found = []
        for name, (command, other) in commands.items():
            say(f"tracing {name}")
            project.forget()
            if other:
                other.prepare(project)
            log = self.place / "trace"
            environment = other.environment() if other else plain_environment()
            trace = ["strace", "-f", "-y", "-qq", "-o", str(log), "-e",
                     "trace=fsync,fdatasync,write,pwrite64,pwritev,pwritev2"]  # fmt: skip
            subprocess.run([*trace, *command], cwd=project.folder, env=environment, check=True,
                           stdin=subprocess.DEVNULL, capture_output=True)  # fmt: skip
            syncs, written = _counted(log)
            told = f"{syncs / case.steps:.2f} syncs, {written / case.steps:,.0f} bytes"
            found.append(Line(f"to disk for one of {case}, by {name}", told, ""))
        return found


def _counted(log: Path) -> tuple[int, int]:
    """Return the syncs of a trace, and the bytes it wrote to files but those of the work."""
    syncs = written = 0
    for line in log.read_text(errors="replace").splitlines():
        found = WRITES.search(line)
        if found is None:
            continue
        call, path, size = found.groups()
        if call.endswith("sync"):
            syncs += 1
        elif path.startswith("/") and not path.startswith(("/dev/", "/proc/")):
            written += int(size or 0)
    return syncs, written


def _drop(address: str) -> None:
    """Forget the ledger on a server."""
    with psycopg.connect(address, autocommit=True) as session:
        session.execute("DROP SCHEMA IF EXISTS handrail_bench CASCADE")
