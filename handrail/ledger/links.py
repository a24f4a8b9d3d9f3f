"""How one entry of a ledger follows the one before it: number, link, digest, form, token, time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handrail.ledger.recompute import FORMAT, NAMES

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_KINDS = {"attempt": int, "format": int, "seq": int, "token": int}  # all others are texts
COLUMNS = (*NAMES, "body", "sha256")
_TYPES = tuple(_KINDS.get(name, str) for name in COLUMNS)
REPLACED = "it does not follow the entry before it: one of the two was replaced"


@dataclass(frozen=True)
class Remark:
    """Something found; ``seq`` is None where it is about the file as a whole."""

    seq: int | None
    what: str


def _of_other_kinds(row: Sequence[Any]) -> Iterator[Remark]:  # Any: whatever SQLite holds
    """Yield a remark for each column whose value the ledger would not have written."""
    for name, value, kind in zip(COLUMNS, row, _TYPES, strict=True):
        if type(value) is not kind:
            yield Remark(row[9], f"`{name}` is not of the kind the ledger writes")


class Links:
    """The chain as far as it was followed."""

    def __init__(self) -> None:
        self.prev: object = "0" * 64
        self.expected = 1
        self.form = 1
        self.highest = 0  # token so far
        self.latest = ""
        self.warnings: list[Remark] = []

    def follow(self, row: Sequence[Any], computed: str) -> list[Remark]:
        """Hold number, link, digest and form of a row against the row before it."""
        (_, at, _, _, _, form, prev, _, _, seq, _, _, _, token, _, sha256) = row
        found: list[Remark] = []
        if tuple(map(type, row)) != _TYPES:
            found += _of_other_kinds(row)
        if seq != self.expected:
            found.append(Remark(seq, f"{self._gone(seq)} before it is missing"))
        if prev != self.prev:
            found.append(Remark(seq, REPLACED))
        if sha256 != computed or form != self.form or not computed:  # else it is as it was written
            found += self._of_body(seq, form, computed, sha256)
        if _MOMENT.fullmatch(str(at)):
            self._clock(seq, at)
        else:
            found.append(Remark(seq, f"its time `{at}` is not of the form the ledger writes"))
        self.prev, self.expected = sha256, seq + 1
        if isinstance(token, int) and token > self.highest:
            self.highest = token
        return found

    def _gone(self, seq: int) -> str:
        """Name the entries that lie between the one that was expected and this one."""
        one = f"entry {self.expected}"
        return one if seq == self.expected + 1 else f"entries {self.expected} to {seq - 1}"

    def _of_body(self, seq: int, form: int, computed: str, sha256: str) -> Iterator[Remark]:
        """Yield what is wrong with an entry's format, its body or its digest; go on in its form."""
        if form not in range(self.form, FORMAT + 1):
            yield Remark(seq, "its format is not known, or older than that of an entry before it")
            return
        self.form = form
        if not computed:
            yield Remark(seq, "its body is not JSON in the form the ledger writes")
        elif sha256 != computed:
            yield Remark(seq, "it was changed after it was written: its digest does not match")

    def _clock(self, seq: int, at: str) -> None:
        """Tell where time runs backwards; a clock that was set right does that, too."""
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            self.warnings.append(Remark(seq, f"its time `{at}` does not exist"))
            return
        if at < self.latest:
            back = (datetime.fromisoformat(self.latest) - moment) / timedelta(seconds=1)
            self.warnings.append(Remark(seq, f"time runs backwards here, by {back:.3f} s"))
        self.latest = at
