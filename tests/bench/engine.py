"""The engine beside bare pyinfra and other engines: steps, targets, start-up, kills."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.bench import history
from tests.bench.cluster import Cluster
from tests.bench.kills import killed
from tests.bench.measure import (
    Figures,
    Gate,
    Line,
    interleave,
    load_average,
    say,
    seconds,
    table,
)
from tests.bench.project import Case, Project, peak_mb, plain_environment, processor_seconds
from tests.bench.side import Side

ROUNDS = 5
PARTS = ("steps", "start", "side", "kills")
CASES = {
    Case("by_shell", 1, 200): 1.25,
    Case("by_call", 1, 200): 1.4,
    Case("by_shell", 10, 200): 1.3,
    Case("by_call", 50, 20): None,
    Case("by_shell", 100, 50): 1.5,
}
WIDE = Case("by_call", 200, 5)  # for its memory
HISTORIES = (100_000, 1_000_000)
PROCESSOR = ", processor"
IMPORT = (
    "import time, pyinfra_cli.main; t = time.perf_counter(); import handrail.engine; "
    "print(time.perf_counter() - t)"
)


class Engine:
    """What is measured, and where.

    Args:
        place: An empty folder.
        quick: One target and 100,000 entries only.
        parts: Of `PARTS`; steps on targets, and what a start costs.
        only: Cases whose name holds this.
    """

    def __init__(self, place: Path, *, quick: bool, parts: Sequence[str], only: str = "") -> None:
        self.place = place
        self.figures = Figures()
        self.cases = {
            case: bound
            for case, bound in CASES.items()
            if "steps" in parts and only in str(case) and (not quick or case.targets == 1)
        }
        self.starts = "start" in parts
        self.calls = Project(place / "calls", Case("by_call", 1, 200))
        self.projects = {case: Project(place / f"{case}".replace(" ", "-"), case)
                         for case in (*self.cases, WIDE)}  # fmt: skip
        self.wide = [WIDE] if "steps" in parts and not quick else []
        histories = HISTORIES[:1] if quick else HISTORIES
        self.histories = histories if self.starts else ()
        self.long = {count: self._with_history(count) for count in self.histories}
        self.empty = Project(place / "empty", Case("by_call", 1, 1))
        self.empty.fresh()

    def _with_history(self, count: int) -> Project:
        say(f"writing a history of {count:,} entries")
        project = Project(self.place / f"history-{count}", Case("by_call", 1, 1))
        project.fresh()
        project.ledger.parent.mkdir()
        history.write(project.ledger, "bench", count)
        return project

    def measure(self, rounds: int) -> None:
        """Run everything, so many rounds."""
        methods = {}
        for case in self.cases:
            project = self.projects[case]
            methods[f"bare, {case}"] = partial(project.done, case.kind)
            methods[f"ours, {case}"] = partial(project.done, "ours")
        for case in self.wide:
            methods[f"ours, {case}"] = partial(self.projects[case].done, "ours")
        if self.starts:
            methods |= self._starts()
        timed = {name: partial(self._timed, name, method) for name, method in methods.items()}
        interleave(timed, rounds, self.figures)

    def _timed(self, name: str, method: Callable[[], float]) -> float:
        """Note the processor time of all that a method starts, too: it does not wait for others."""
        before = processor_seconds()
        took = method()
        self.figures.add(f"{name}{PROCESSOR}", processor_seconds() - before)
        return took

    def _starts(self) -> dict[str, Callable[[], float]]:
        """Return what is measured of a start, by name."""
        methods: dict[str, Callable[[], float]] = {
            "bare, no-op": partial(self._again, self.calls, "again"),
            "ours, no-op": partial(self._again, self.calls, "ours"),
            "resumed": partial(self._resumed, self.calls),
            "bare, plan": partial(self.empty.run, "by_call", "--dry"),
            "bare, run": partial(self.empty.run, "by_call"),
            "verify": partial(self.long[HISTORIES[0]].command, "verify"),
            "import": self._import,
        }
        for count, project in self.long.items():
            methods[f"plan, {count:,}"] = partial(project.run, "ours", "--dry")
            methods[f"resume, {count:,}"] = partial(project.run, "ours")
            methods[f"status, {count:,}"] = partial(project.command, "status")
        return methods

    def _again(self, project: Project, runbook: str) -> float:
        if runbook == "ours" or project.made() != project.case.steps:
            project.done("ours")
        return project.run(runbook)

    def _resumed(self, project: Project) -> float:
        """Kill a run in its middle, and return the seconds to the first effect after it."""
        project.fresh()
        process = project.start("ours")
        while project.made() < project.case.steps / 2:
            time.sleep(0.005)
        process.kill()
        process.wait()
        before, began = project.made(), time.monotonic()
        again = project.start("ours", "--data", "settle=", "--data", "reason=a kill")
        while project.made() == before and again.poll() is None:
            time.sleep(0.005)
        took = time.monotonic() - began
        again.wait()
        return took

    def _import(self) -> float:
        for _ in range(2):  # the first one compiles what nobody has compiled yet
            told = subprocess.run(
                [sys.executable, "-c", IMPORT], env=plain_environment(), capture_output=True,
                text=True, check=True,
            )  # fmt: skip
        return float(told.stdout)

    def lines(self) -> list[Line]:
        """Return the lines of the table, with the gates that hold."""
        found = []
        for case, bound in self.cases.items():
            pair = (f"ours, {case}", f"bare, {case}")
            found.append(self._ratio(f"{case}, by bare pyinfra", *pair, bound))
            alone = [f"{name}{PROCESSOR}" for name in pair]
            found.append(self._ratio(f"{case}, processor time alone", *alone, None))
        if self.starts:
            found += self._lines_of_starts()
        if self.wide:
            found.append(Line("peak memory of 200 targets, by 300 MB", f"{peak_mb():.0f} MB",
                              "300 MB", (peak_mb() / 300,), Gate(1, at_least=False)))  # fmt: skip
        return found

    def _lines_of_starts(self) -> list[Line]:
        found = [
            self._ratio("200 proven steps again, by its no-op", "ours, no-op", "bare, no-op", 1.3),
            self._bound("from SIGKILL to the first resumed effect", "resumed", 1.2),
        ]
        for count in self.histories:
            for what, bare in (("plan", "plan"), ("resume", "run"), ("status", "plan")):
                quantity = f"{what} over pyinfra's own start, history of {count:,} entries"
                found.append(self._over(quantity, f"{what}, {count:,}", f"bare, {bare}", 0.3))
        found.append(self._bound("verify 100,000 entries, with the command's start", "verify", 1.5))
        found.append(self._bound("import of the engine", "import", 0.15))
        return found

    def _ratio(self, quantity: str, ours: str, bare: str, bound: float | None) -> Line:
        mine, theirs = (seconds(self.figures.median(name)) for name in (ours, bare))
        gate = None if bound is None else Gate(bound, at_least=False)
        return Line(quantity, mine, theirs, tuple(self.figures.paired(ours, bare)), gate)

    def _bound(self, quantity: str, ours: str, bound: float) -> Line:
        ratios = tuple(number / bound for number in self.figures.by_name[ours])
        mine = seconds(self.figures.median(ours))
        return Line(quantity, mine, seconds(bound), ratios, Gate(1, at_least=False))

    def _over(self, quantity: str, ours: str, bare: str, bound: float) -> Line:
        pairs = zip(self.figures.by_name[ours], self.figures.by_name[bare], strict=True)
        ratios = tuple((mine - theirs) / bound for mine, theirs in pairs)
        mine, theirs = (seconds(self.figures.median(name)) for name in (ours, bare))
        return Line(quantity, mine, f"{theirs} + {bound} s", ratios, Gate(1, at_least=False))


def measured(place: Path, given: argparse.Namespace, parts: Sequence[str]) -> list[Line]:
    """Measure the parts, one after the other, and return their lines."""
    rounds, only = given.rounds, given.only
    found: list[Line] = []
    if {"steps", "start"} & set(parts):
        engine = Engine(place, quick=given.quick, parts=parts, only=only)
        engine.measure(rounds)
        found += engine.lines()
    if "side" in parts:
        with Cluster(place / "server") as server:
            side = Side(place, server.create_database("bench"), only)
            side.measure(rounds)
            found += [*side.lines(), *side.traced()]
    if "kills" in parts:
        found += killed(place)
    return found


def main(options: list[str]) -> int:
    """Run the benchmark; exit 1 when a gate is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds")
    parser.add_argument("--quick", action="store_true", help="one target, 100,000 entries: a look")
    parser.add_argument("--part", action="append", choices=PARTS, help="leave the others out")
    parser.add_argument("--only", default="", help="cases whose name holds this: `1 x 200`")
    given = parser.parse_args(options)
    parts = given.part or PARTS
    before = load_average()
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as directory:
        found = measured(Path(directory), given, parts)
    sys.stdout.write(f"{table(found)}\n\n")
    sys.stdout.write(
        f"{given.rounds} interleaved rounds; load average before {before}, after {load_average()}\n"
    )
    missed = [line.quantity for line in found if not line.passed]
    for quantity in missed:
        sys.stdout.write(f"missed: {quantity}\n")
    return 1 if missed else 0
