"""Figures of interleaved rounds: paired ratios, gates, and one table of them."""

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SILENCE_SECONDS = 8.0


def say(text: str) -> None:
    """Tell what is going on."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say that something still runs whenever it has been silent for a while."""
    ended = threading.Event()
    began = time.monotonic()

    def remind() -> None:
        while not ended.wait(SILENCE_SECONDS):
            say(f"    {what}: {time.monotonic() - began:.0f} s so far")

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        ended.set()
        reminder.join()


@dataclass
class Figures:
    """What was measured, by name: one number a round."""

    by_name: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, number: float) -> None:
        """Note one measurement."""
        self.by_name.setdefault(name, []).append(number)

    def have(self, *names: str) -> bool:
        """Say whether all of these were measured."""
        return all(self.by_name.get(name) for name in names)

    def median(self, name: str) -> float:
        """Return the middle of one measurement."""
        return statistics.median(self.by_name[name])

    def paired(self, above: str, below: str) -> list[float]:
        """Divide round by round, so that what slows a whole round down falls out."""
        return [
            top / bottom
            for top, bottom in zip(self.by_name[above], self.by_name[below], strict=True)
        ]


@dataclass(frozen=True)
class Gate:
    """A bound: the median has to be at least, or at most, this."""

    bound: float
    at_least: bool

    def holds(self, number: float) -> bool:
        """Say whether a number passes."""
        return number >= self.bound if self.at_least else number <= self.bound

    def __str__(self) -> str:
        """Write it as the table shows it."""
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    quantity: str
    ours: str
    anchor: str
    ratios: tuple[float, ...] = ()
    gate: Gate | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Say whether no gate is missed here."""
        if self.gate is None:
            return True
        return bool(self.ratios) and self.gate.holds(statistics.median(self.ratios))

    def cells(self) -> list[str]:
        """Return the cells as text."""
        ratio = self.note
        if self.ratios:
            middle, low, high = statistics.median(self.ratios), min(self.ratios), max(self.ratios)
            ratio = f"{middle:.2f} ({low:.2f}-{high:.2f})"
        verdict = "" if self.gate is None else "pass" if self.passed else "FAIL"
        return [self.quantity, self.ours, self.anchor, ratio, str(self.gate or ""), verdict]


HEAD = ["quantity", "ours", "anchor", "ratio, median (min-max)", "gate", "verdict"]


def table(lines: list[Line]) -> str:
    """Return the lines as one markdown table."""
    rows = [HEAD, ["---"] * len(HEAD), *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def load_average() -> str:
    """Return the load averages of this moment."""
    return " ".join(f"{number:.1f}" for number in os.getloadavg())


def seconds(number: float) -> str:
    """Write seconds so that small ones are told apart."""
    return f"{number:.3g} s" if number < 1 else f"{number:.2f} s"


def interleave(methods: dict[str, Callable[[], float]], rounds: int, figures: Figures) -> None:
    """Run every method once a round, beginning each round at another of them."""
    names = list(methods)
    for number in range(rounds):
        shift = number * 5 % len(names)
        for name in names[shift:] + names[:shift]:
            with told(name):
                figures.add(name, methods[name]())
            say(f"round {number + 1}/{rounds}  {name:28} {seconds(figures.by_name[name][-1])}")
