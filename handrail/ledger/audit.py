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

import orjson
import rfc8785

from handrail.ledger import sqlite
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.schema import SCHEMAS, columns
from handrail.ledger.views.story import Story

LIMITS = (
    "A chain by itself cannot show that its newest entries were cut off, nor that somebody who can "
    "write the file wrote it anew from the start: keep the head elsewhere and compare it with "
    "`handrail verify --head SHA256`. Nor does it prove who wrote an entry, or that the clock "
    "was right."
)
_NUMBERS = ("seq", "format", "attempt", "token")
_TEXTS = ("run", "at", "event", "task", "step", "target", "actor", "reason", "body", "prev")
_COLUMNS = (*_NUMBERS, *_TEXTS, "sha256")
FORMAT = 2  # of an entry, the newest known here
# What the quick check of a body cannot judge: floats, long numbers, keys beyond the first plane.
_SLOW = re.compile(r"[:\[,]-?\d+[.eE]|\d{16}|[^\x00-\uffff]")
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
    digests = [_digest(row, environment) for row in rows]
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
    prev, expected, form = "0" * 64, 1, 1
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
        if row["format"] not in range(form, FORMAT + 1):
            yield Remark(seq, "its format is not known, or older than that of an entry before it")
        elif not digest:
            yield Remark(seq, "its body is not JSON in the form the ledger writes")
        elif row["sha256"] != digest:
            yield Remark(seq, "it was changed after it was written: its digest does not match")
        if not _MOMENT.fullmatch(str(row["at"])):
            yield Remark(seq, f"its time `{row['at']}` is not of the form the ledger writes")
        prev, expected = row["sha256"], seq + 1
        form = row["format"] if row["format"] in range(form, FORMAT + 1) else form


def _digest(row: Row, environment: str) -> str:
    """Return the SHA-256 an entry must have; empty where its body is not in canonical form."""
    try:
        if row["format"] == 1:
            return _first_digest(row)
        if row["format"] != FORMAT or not _is_canonical(row["body"]):
            return ""
        fields = {name: row[name] for name in (*_NUMBERS, *_TEXTS) if name != "body"}
        # Names, numbers and texts alone: sorted and escaped by any writer as RFC 8785 says.
        text = orjson.dumps(fields | {"environment": environment}, option=orjson.OPT_SORT_KEYS)
        place = text.index(b',"environment":')  # the next name after `body`
        body = b',"body":' + row["body"].encode()
        return hashlib.sha256(text[:place] + body + text[place:]).hexdigest()
    except (TypeError, ValueError, RecursionError):
        return ""


def _is_canonical(text: str) -> bool:
    """Tell whether a body is an object in the form of RFC 8785."""
    if _SLOW.search(text):
        body = json.loads(text, parse_int=lambda digits: _number(int(digits)))
        return isinstance(body, dict) and rfc8785.dumps(body) == text.encode()
    body = orjson.loads(text)
    return (
        isinstance(body, dict) and orjson.dumps(body, option=orjson.OPT_SORT_KEYS) == text.encode()
    )


def _number(digits: int) -> int | float:
    return digits if abs(digits) < 2**53 else float(digits)  # RFC 8785 writes large floats so


def _first_digest(row: Row) -> str:
    body = json.loads(row["body"])
    if not isinstance(body, dict) or _first_form(body) != row["body"]:
        return ""
    fields = {name: row[name] for name in (*_NUMBERS, *_TEXTS)} | {"body": body}
    del fields["format"]
    fields["fence"] = fields.pop("token")
    return hashlib.sha256(_first_form(fields).encode(errors="surrogatepass")).hexdigest()


def _first_form(value: object) -> str:
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
    version = sqlite.version_of(db)
    if version not in SCHEMAS:
        problems.append(f"its format is {version}, this program knows up to {max(SCHEMAS)}")
    if _tables(db) != _expected_tables(version):
        problems.append("its tables or the triggers that keep it append-only were altered")
    about = db.execute("SELECT environment FROM about").fetchall()
    if len(about) != 1:
        problems.append(f"it names {len(about)} environments; a ledger belongs to one")
    query = f"SELECT {columns(_COLUMNS, version)} FROM entries ORDER BY seq"
    rows: list[Row] = [
        dict(zip(_COLUMNS, row, strict=True)) for row in db.execute(query).fetchall()
    ]
    lease = db.execute(f"SELECT {columns(('token',), version)} FROM lease").fetchone()
    last = lease[0] if lease else 0
    highest = max((row["token"] for row in rows if isinstance(row["token"], int)), default=0)
    if highest > last:
        problems.append(f"its lease was set back: token {last}, and an entry has {highest}")
    return (str(about[0][0]) if about else "", rows, problems)


def _tables(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    query = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"
    return [(str(kind), str(name), str(sql)) for kind, name, sql in db.execute(query).fetchall()]


def _expected_tables(version: int) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMAS.get(version, ""))
        return _tables(db)
