"""An independent look at a ledger file: it shares no code with what wrote the entries.

It opens the file by itself, read-only, and recomputes every digest and link from the raw columns.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from handrail.ledger import rawfile, sqlite
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.recompute import FORMAT, NAMES, digest, parsed
from handrail.ledger.schema import SCHEMAS, columns
from handrail.ledger.secrets import Vault
from handrail.ledger.views.story import Story

LIMITS = (
    "A chain by itself cannot show that its newest entries were cut off, nor that somebody who can "
    "write the file wrote it anew from the start: keep the head elsewhere and compare it with "
    "`handrail verify --head SHA256`. Nor does it prove who wrote an entry, or that the clock "
    "was right."
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_KINDS = {"attempt": int, "format": int, "seq": int, "token": int}  # all others are texts
_COLUMNS = (*NAMES, "body", "sha256")
_TYPES = tuple(_KINDS.get(name, str) for name in _COLUMNS)


@dataclass(frozen=True)
class Remark:
    """Something found; ``seq`` is None where it is about the file as a whole."""

    seq: int | None
    what: str


@dataclass
class Audit:
    """What was found in a ledger file."""

    ledger: str
    environment: str
    entries: int = 0
    runs: int = 0
    attempts: int = 0
    head: str = ""
    published: str = ""  # how a head published earlier relates to this file
    problems: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Tell whether nothing speaks against the ledger."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return the audit as plain data."""
        return {"good": self.good} | asdict(self) | {"cannot_detect": LIMITS}


def audit(path: Path, published: str = "") -> Audit:
    """Look at everything a ledger file says.

    Args:
        path: The file.
        published: A head that was printed by an earlier audit and kept elsewhere; hex.

    Raises:
        LedgerDamaged: it cannot be read at all.
    """
    return rawfile.look(path, lambda db: _examine(db, path, published))


def _examine(db: sqlite3.Connection, path: Path, published: str) -> Audit:
    version = sqlite.version_of(db)
    about = db.execute("SELECT environment FROM about").fetchall()
    environment = str(about[0][0]) if about else ""
    found = Audit(str(path), environment)
    found.problems.extend(Remark(None, what) for what in _file_problems(db, version, len(about)))
    links, story, place = _Links(), Story(), 0
    for row in _rows(db, version, environment):
        fields = dict(zip(NAMES, row, strict=False))
        computed, fields["body"] = _computed(fields, row[-2])
        found.problems.extend(links.follow(row, computed))
        for what in story.take(fields):
            found.problems.append(Remark(fields["seq"], what))
        found.entries += 1
        if published and computed == published:
            place = found.entries
    found.warnings = links.warnings
    found.runs, found.attempts = story.counts()
    found.head = str(links.prev) if found.entries else ""
    found.problems.extend(Remark(None, what) for what in _marks(db, version, path, links))
    if published:
        _compare(found, place)
    found.problems.sort(key=lambda remark: remark.seq or 0)
    return found


def _rows(
    db: sqlite3.Connection, version: int, environment: str
) -> Iterator[tuple[Any, ...]]:  # Any: raw columns
    """Return the entries in their order, the environment among their columns."""
    at = _COLUMNS.index("environment")
    before, after = columns(_COLUMNS[:at], version), columns(_COLUMNS[at + 1 :], version)
    return db.execute(f"SELECT {before}, ?, {after} FROM entries ORDER BY seq", (environment,))


def _computed(fields: dict[str, Any], text: Any) -> tuple[str, object]:  # Any: raw columns
    """Return the digest an entry must have, empty where its form is not known; and its body."""
    body: object = text
    try:
        body, written = parsed(fields["format"], text)
        return (digest(fields, text, body) if written else ""), body
    except (TypeError, ValueError, RecursionError):
        return "", body


class _Links:
    """The chain as far as it was followed."""

    def __init__(self) -> None:
        self.prev: object = "0" * 64
        self.expected = 1
        self.form = 1
        self.highest = 0  # token so far
        self.latest = ""
        self.warnings: list[Remark] = []

    def follow(self, row: Sequence[Any], computed: str) -> Iterator[Remark]:
        """Hold number, link, digest and form of a row against the row before it."""
        if tuple(map(type, row)) != _TYPES:
            for name, value, kind in zip(_COLUMNS, row, _TYPES, strict=True):
                if type(value) is not kind:
                    yield Remark(row[9], f"`{name}` is not of the kind the ledger writes")
        (_, at, _, _, _, form, prev, _, _, seq, _, _, _, token, _, sha256) = row
        if seq != self.expected:
            one = f"entry {self.expected}"
            gone = one if seq == self.expected + 1 else f"entries {self.expected} to {seq - 1}"
            yield Remark(seq, f"{gone} before it is missing")
        if prev != self.prev:
            yield Remark(seq, "it does not follow the entry before it: one of the two was replaced")
        if form not in range(self.form, FORMAT + 1):
            yield Remark(seq, "its format is not known, or older than that of an entry before it")
        elif not computed:
            yield Remark(seq, "its body is not JSON in the form the ledger writes")
        elif sha256 != computed:
            yield Remark(seq, "it was changed after it was written: its digest does not match")
        if _MOMENT.fullmatch(str(at)):
            self._clock(seq, at)
        else:
            yield Remark(seq, f"its time `{at}` is not of the form the ledger writes")
        self.prev, self.expected = sha256, seq + 1
        self.form = form if form in range(self.form, FORMAT + 1) else self.form
        self.highest = max(self.highest, token) if isinstance(token, int) else self.highest

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


def _file_problems(db: sqlite3.Connection, version: int, environments: int) -> Iterator[str]:
    for (line,) in db.execute("PRAGMA integrity_check(10)").fetchall():
        if line != "ok":
            yield f"the file is damaged: {line}"
    if version not in SCHEMAS:
        yield f"its format is {version}, this program knows up to {max(SCHEMAS)}"
    if rawfile.tables(db) != rawfile.expected_tables(version):
        yield "its tables or the triggers that keep it append-only were altered"
    if environments != 1:
        yield f"it names {environments} environments; a ledger belongs to one"


def _marks(db: sqlite3.Connection, version: int, path: Path, links: _Links) -> Iterator[str]:
    """Yield where lease, anchor and vault do not fit the entries."""
    lease = db.execute(f"SELECT {columns(('token',), version)} FROM lease").fetchone()
    last = lease[0] if lease else 0
    if links.highest > last:
        yield f"its lease was set back: token {last}, and an entry has {links.highest}"
    if version < FORMAT:
        return
    for seq, sha256 in db.execute("SELECT seq, sha256 FROM anchor").fetchall():
        query = "SELECT sha256 FROM entries WHERE seq = ?"
        if db.execute(query, (seq,)).fetchone() != (sha256,):
            yield f"entry {seq} is not the one that the last attempt left there"
    for (known,) in db.execute("SELECT fingerprint FROM vault").fetchall():
        try:
            Vault.beside(path, planning=True, known=known).fingerprint()
        except LedgerDamaged as lost:
            yield f"{lost.what}: {lost.why}"


def _compare(found: Audit, place: int) -> None:
    if place:
        since = found.entries - place
        found.published = f"the published head is entry {place}; {since} entries were added since"
        return
    found.published = "the published head is not in this ledger"
    what = "the published head is not in it: its newest entries were cut off, or it was rewritten"
    found.problems.append(Remark(None, what))
