"""What the campaigns of one command counted, by what was struck."""

from collections import Counter
from collections.abc import Iterable

COLUMNS = ("kills", "points", "orphans", "unknowns", "duplicates", "losses")
WIDTH = 20
_counted: Counter[tuple[str, str]] = Counter()


def count(what: str, **figures: int) -> None:
    """Add figures of one campaign.

    Args:
        what: What was struck: `engine`, `data`, `rehearsal`.
        figures: `kills` that landed; `points` of a write that a kill was tried at; `orphans` left
            at work; `unknowns`, where an operator was asked because nobody could know; effects
            that happened more often than was allowed (`duplicates`), or not at all (`losses`).
    """
    for name, number in figures.items():
        assert name in COLUMNS, name
        _counted[what, name] += number


def taken() -> dict[str, int]:
    """Return what was counted since the last time, as `engine kills`, and begin anew."""
    found = {f"{what} {name}": number for (what, name), number in _counted.items()}
    _counted.clear()
    return found


def table(counted: Iterable[dict[str, int]]) -> list[str]:
    """Return the figures of all campaigns as lines of a table."""
    totals: Counter[tuple[str, ...]] = Counter()
    for each in counted:
        for key, number in each.items():
            totals[tuple(key.rsplit(maxsplit=1))] += number
    rows = sorted({what for what, _ in totals})
    lines = [f"{'':<{WIDTH}}" + "".join(f"{name:>12}" for name in COLUMNS)]
    lines += [
        f"{what:<{WIDTH}}" + "".join(f"{totals[what, name]:>12}" for name in COLUMNS)
        for what in rows
    ]
    return lines if rows else []
