"""How far a load is, for the console: rows of all, and of the table at hand."""

import json
from collections import Counter
from pathlib import Path

from handrail.engine import progress
from handrail.transfer.read.journal import Moved

MILLION, THOUSAND = 1_000_000, 10_000  # from here on a number is said in these


class RowsMoved:
    """Takes each chunk of a load into account.

    Args:
        preflight: The file of the load's preflight, which knows how many rows there are.
    """

    def __init__(self, preflight: Path) -> None:
        self._preflight = preflight
        self._total: dict[str, int] = {}
        self._moved: Counter[str] = Counter()

    def tell(self, moved: Moved) -> None:
        """Tell how far it is, now that one more chunk is there."""
        table = moved.chunk.table
        self._moved[table] += moved.expected.sums.rows
        self._total = self._total or totals(self._preflight)
        whole, there = sum(self._total.values()), self._moved[table]
        of = f" of {said(self._total[table])}" if table in self._total else ""
        progress(self._moved.total(), whole, f"{table} {said(there)}{of}")


def totals(preflight: Path) -> dict[str, int]:
    """Return how many rows of each table will be moved; empty where no preflight is on file."""
    try:
        found = json.loads(preflight.read_text(encoding="utf-8"))["preflight"]["tables"]
    except FileNotFoundError:
        return {}
    return {each["table"]: each["moved"] for each in found}


def said(rows: int) -> str:
    """Return a number of rows as people say it: `812`, `54 k`, `1.2 M`."""
    if rows >= MILLION:
        return f"{rows / MILLION:.1f} M"
    return f"{rows // 1000} k" if rows >= THOUSAND else str(rows)
