"""Figures of gates over their windows, as lines that a drawing of 100 by 30 holds."""

from dataclasses import dataclass
from datetime import datetime

from handrail.ledger.report.figures import Series
from handrail.ledger.views import plain

WIDE, HIGH = 100.0, 30.0
POINTS = 240  # of a line; more of them are drawn by the lowest and the highest of their stretch


@dataclass(frozen=True)
class Plot:
    """A figure as a line, with what it says in words.

    Args:
        task: The gate.
        target: Where.
        figure: Its name.
        points: ``x,y`` of each point of the line.
        words: From when to when, lowest, highest and last value.
    """

    task: str
    target: str
    figure: str
    points: str
    words: str


def plot(series: Series) -> Plot:
    """Draw one figure; the bottom is 0, or its lowest value where that is below."""
    moments = [datetime.fromisoformat(each).timestamp() for each in series.at]
    low, high = min(0.0, *series.values), max(series.values)
    span, height = (moments[-1] - moments[0]) or 1.0, (high - low) or 1.0
    points = [
        (WIDE * (moment - moments[0]) / span, HIGH - HIGH * (value - low) / height)
        for moment, value in zip(moments, series.values, strict=True)
    ]
    told = (f"lowest {_short(min(series.values))}, highest {_short(high)}, "
            f"last {_short(series.values[-1])}")  # fmt: skip
    return Plot(
        series.task,
        series.target,
        series.figure.replace("_", " "),
        " ".join(f"{x:.2f},{y:.2f}" for x, y in _thinned(points)),
        f"{plain.count(len(points), 'look')}, {plain.clock(series.at[0])} to "
        f"{plain.clock(series.at[-1])}: {told}",
    )


def _short(value: float) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return so many points that a screen shows, none that stands out left away."""
    if len(points) <= POINTS:
        return points
    size = 2 * len(points) // POINTS + 1
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        ends = {min(stretch, key=_height), max(stretch, key=_height)}
        kept += sorted(ends)
    return kept


def _height(point: tuple[float, float]) -> float:
    return point[1]
