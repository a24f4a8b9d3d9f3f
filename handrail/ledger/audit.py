"""An independent look at a ledger file: it shares no code with what wrote the entries.

It opens the file by itself, read-only, and recomputes every digest and link from the raw columns.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from handrail.ledger import sqlite
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.views.story import Story

LIMITS = (
    "A chain by itself cannot show that its newest entries were cut off, nor that somebody who can "
    "write the file wrote it anew from the start: keep the head elsewhere and compare it with "
    "`handrail verify --head SHA256`. Nor does it prove who wrote an entry, or that the clock "
    "was right."
)
_NUMBERS = ("seq", "attempt", "fence")
_TEXTS = ("run", "at", "event", "task", "step", "target", "actor", "reason", "body", "prev")
_COLUMNS = (*_NUMBERS, *_TEXTS, "sha256")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

Row = Mapping[str, Any]  # Any: SQLite's column values, as they stand in the file


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
    environment, rows, about_the_file = _read(path)
    found = Audit(str(path), environment, entries=len(rows))
    found.problems.extend(Remark(None, what) for what in about_the_file)
    digests = [_digest(row) for row in rows]
    for problem in _chain(rows, digests):
        found.problems.append(problem)
    found.warnings.extend(_clock(rows))
    story = Story()
    for row in rows:
        found.problems.extend(Remark(row["seq"], what) for what in story.take(row))
    found.runs, found.attempts = story.counts()
    found.head = str(rows[-1]["sha256"]) if rows else ""
    if published:
        _compare(found, digests, published)
    found.problems.sort(key=lambda remark: remark.seq or 0)
    return found


def _chain(rows: list[Row], digests: list[str]) -> Iterator[Remark]:
    """Hold number, link, digest and form of each row against the row before it."""
    prev, expected = "0" * 64, 1
    for row, digest in zip(rows, digests, strict=True):
        seq = row["seq"]
        if seq != expected:
            gone = (
                f"entry {expected}" if seq == expected + 1 else f"entries {expected} to {seq - 1}"
            )
            yield Remark(seq, f"{gone} before it is missing")
        for name in _COLUMNS:
            if not isinstance(row[name], int if name in _NUMBERS else str):
                yield Remark(seq, f"`{name}` is not of the kind the ledger writes")
        if row["prev"] != prev:
            yield Remark(seq, "it does not follow the entry before it: one of the two was replaced")
        if not digest:
            yield Remark(seq, "its body is not JSON in the form the ledger writes")
        elif row["sha256"] != digest:
            yield Remark(seq, "it was changed after it was written: its digest does not match")
        if not _MOMENT.fullmatch(str(row["at"])):
            yield Remark(seq, f"its time `{row['at']}` is not of the form the ledger writes")
        prev, expected = row["sha256"], seq + 1


def _digest(row: Row) -> str:
    """Return the SHA-256 an entry must have; empty where its body is not in canonical form."""
    try:
        body = json.loads(row["body"])
        if not isinstance(body, dict) or _canonical(body) != row["body"]:
            return ""
        fields = {name: row[name] for name in (*_NUMBERS, *_TEXTS)} | {"body": body}
        return hashlib.sha256(_canonical(fields).encode(errors="surrogatepass")).hexdigest()
    except (TypeError, ValueError, RecursionError):
        return ""


def _canonical(value: object) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _clock(rows: list[Row]) -> Iterator[Remark]:
    """Tell where time runs backwards; a clock that was set right does that, too."""
    latest: datetime | None = None
    for row in rows:
        if not _MOMENT.fullmatch(str(row["at"])):
            continue
        try:
            at = datetime.fromisoformat(row["at"])
        except ValueError:
            yield Remark(row["seq"], f"its time `{row['at']}` does not exist")
            continue
        if latest is not None and at < latest:
            back_seconds = (latest - at) / timedelta(seconds=1)
            yield Remark(row["seq"], f"time runs backwards here, by {back_seconds:.3f} s")
        latest = at


def _compare(found: Audit, digests: list[str], published: str) -> None:
    if published in digests:
        place = digests.index(published) + 1
        since = found.entries - place
        found.published = f"the published head is entry {place}; {since} entries were added since"
        return
    found.published = "the published head is not in this ledger"
    what = "the published head is not in it: its newest entries were cut off, or it was rewritten"
    found.problems.append(Remark(None, what))


def _read(path: Path) -> tuple[str, list[Row], list[str]]:
    """Return the environment, every row as it stands, and what is wrong with the file itself."""
    if not path.is_file():
        raise LedgerDamaged(
            f"ledger `{path}` was not opened",
            "there is no such file" if not path.exists() else "it is not a file",
            "correct `--ledger`",
        )
    try:
        return _at_rest(path) or _beside_a_writer(path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise sqlite.refusal(path, error, write=False) from None


def _at_rest(path: Path) -> tuple[str, list[Row], list[str]] | None:
    """Read a file that nobody writes to: no lock, nothing left behind, any medium will do."""
    before = _stamp(path)
    if before is None:
        return None
    try:
        with closing(_connect(f"{path.absolute().as_uri()}?immutable=1")) as db:
            found = _contents(db)
    except (sqlite3.Error, UnicodeDecodeError):
        if _stamp(path) == before:
            raise
        return None
    return found if _stamp(path) == before else None


def _beside_a_writer(path: Path) -> tuple[str, list[Row], list[str]]:
    """Read a file whose newest entries are in its write-ahead log; one view of all of it."""
    with closing(_connect(f"{path.absolute().as_uri()}?mode=ro")) as db:
        return _contents(db)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes with every write; None while a write-ahead log is in use."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size > 0:
        return None
    return path.stat().st_mtime_ns, path.stat().st_size


def _connect(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    db.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    return db


def _contents(db: sqlite3.Connection) -> tuple[str, list[Row], list[str]]:
    problems = []
    db.execute("BEGIN")  # one view of everything, whatever a writer does meanwhile
    for (line,) in db.execute("PRAGMA integrity_check(10)").fetchall():
        if line != "ok":
            problems.append(f"the file is damaged: {line}")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version != sqlite.FORMAT:
        problems.append(f"its format is {version}, this program knows {sqlite.FORMAT}")
    if _tables(db) != _expected_tables():
        problems.append("its tables or the triggers that keep it append-only were altered")
    about = db.execute("SELECT environment FROM about").fetchall()
    if len(about) != 1:
        problems.append(f"it names {len(about)} environments; a ledger belongs to one")
    query = f"SELECT {', '.join(_COLUMNS)} FROM entries ORDER BY seq"
    rows: list[Row] = [
        dict(zip(_COLUMNS, row, strict=True)) for row in db.execute(query).fetchall()
    ]
    lease = db.execute("SELECT max(fence) FROM lease").fetchone()[0]
    highest = max((row["fence"] for row in rows if isinstance(row["fence"], int)), default=0)
    if highest > (lease or 0):
        problems.append(f"its lease was set back: fence {lease}, and an entry has {highest}")
    return (str(about[0][0]) if about else "", rows, problems)


def _tables(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    query = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"
    return [(str(kind), str(name), str(sql)) for kind, name, sql in db.execute(query).fetchall()]


def _expected_tables() -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(sqlite.SCHEMA)
        return _tables(db)
