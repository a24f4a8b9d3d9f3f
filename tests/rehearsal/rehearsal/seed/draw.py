"""Deterministic choices: the same table, column and row always draw the same value."""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")

ALIVE_FILES = 40
DEAD_FILES = 10
FIRST_MOMENT = datetime(2023, 6, 1)  # noqa: DTZ001  legacy timestamps are naive, that is the point
SPAN_SECONDS = 2 * 365 * 24 * 3600
# Which kind of reference a file column holds: mostly living files, a few dead, a few relative.
FILE_KINDS = ("alive", "alive", "alive", "alive", "alive", "dead", "relative", "none")


class Draw:
    """Draw the values of one table of the seed.

    Args:
        table: Name of the table; each has its own stream, so one can change without the others.
        count: How many rows the table will get.
        filehost: Base URL of the host of uploaded files, without a trailing slash.
    """

    def __init__(self, table: str, count: int, filehost: str) -> None:
        self.random = Random(f"rotc-legacy:{table}")
        self.count = count
        self.filehost = filehost

    def odd(self, column: str, row: int, forms: Sequence[T], usual: T, *, share: float = 0.03) -> T:
        """Return each odd form in at least one row, and in ``share`` of the rest; else ``usual``.

        Where a column's odd forms begin depends on its name, so they do not pile up in one row.
        """
        slot = (row + zlib.crc32(column.encode())) % self.count
        if slot < len(forms):
            return forms[slot]
        return self.choice(forms) if self.random.random() < share else usual

    def choice(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[int(self.random.random() * len(values))]

    def chance(self, share: float) -> bool:
        """Return true in that share of the draws."""
        return self.random.random() < share

    def number(self, low: int, high: int) -> int:
        """Return a whole number between both ends, both included."""
        return low + int(self.random.random() * (high - low + 1))

    def moment(self) -> str:
        """Return a naive timestamp, with microseconds in every second draw."""
        moment = FIRST_MOMENT + timedelta(seconds=self.number(0, SPAN_SECONDS))
        if self.chance(0.5):
            moment += timedelta(microseconds=self.number(1, 999_999))
        return moment.isoformat(sep=" ")

    def day(self) -> str:
        """Return a date in ISO form."""
        return (FIRST_MOMENT + timedelta(days=self.number(0, 730))).date().isoformat()

    def file_reference(self, column: str, row: int) -> str | None:
        """Return where an uploaded file is said to be: alive, dead, relative, or nowhere."""
        kind = self.odd(column, row, ("alive", "dead", "relative", "none"), self.choice(FILE_KINDS))
        if kind == "none":
            return None
        if kind == "relative":
            return f"/uploads/{column}-{row}.png"
        files = ALIVE_FILES if kind == "alive" else DEAD_FILES
        return f"{self.filehost}/files/{kind}/{self.number(1, files)}.jpg"

    def file_list(self, row: int) -> str | None:
        """Return a JSON list of file references as text, the way `activities.images` holds it."""
        references = [self.file_reference(f"images{n}", row) for n in range(self.number(0, 3))]
        found = [reference for reference in references if reference]
        return json.dumps(found) if found else None
