"""What a load kept out and what it changed, as numbers for the ledger: no row and no value."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handrail.transfer.read.kept_out import FILES

GROUPS, KEYS = 400, 10  # kept in the ledger; the files have all

Row = Mapping[str, Any]  # Any: JSON


def left_aside(place: Path) -> dict[str, list[dict[str, Any]]]:  # Any: JSON
    """Return both lists by table and reason: how many rows, and the keys of the first.

    Args:
        place: The folder of a run; a file that is not there tells nothing.
    """
    names = ("kept_out", "adjusted")
    return {name: _grouped(place / file) for name, file in zip(names, FILES, strict=True)}


def _grouped(file: Path) -> list[dict[str, Any]]:  # Any: JSON
    found: dict[tuple[str, str], dict[str, Any]] = {}  # Any: JSON
    for row in _rows(file):
        table, reason = str(row["table_name"]), _reason(row)
        group = found.setdefault(
            (table, reason), {"table": table, "reason": reason, "rows": 0, "keys": []}
        )
        group["rows"] += 1
        if len(group["keys"]) < KEYS:
            group["keys"].append(str(row["key"]))
    return sorted(found.values(), key=lambda each: -each["rows"])[:GROUPS]


def _rows(file: Path) -> Iterator[Row]:
    if file.exists():
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _reason(row: Row) -> str:
    """Return why a row was kept out, or what became of which column."""
    if "reason" in row:
        return str(row["reason"])
    return f"`{row['column_name']}`: {row['action']}, {str(row['fault']).replace('_', ' ')}"
