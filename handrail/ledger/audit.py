"""An independent look at a ledger: it shares no code with what wrote the entries.

It opens the ledger by itself, read-only, and recomputes every digest and link from the raw columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from handrail.ledger import rawfile
from handrail.ledger.archive.look import file_of, is_as_archived, lying_elsewhere, rows_of
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.links import COLUMNS, Links, Remark
from handrail.ledger.rawfile import RawFile
from handrail.ledger.recompute import digest, fields_of, parsed
from handrail.ledger.seal import Seal
from handrail.ledger.views.story import Story

LIMITS = (
    "A chain by itself cannot show that its newest entries were cut off, nor that somebody who can "
    "write the file wrote it anew from the start: keep the head elsewhere and compare it with "
    "`handrail verify --head SHA256`. Nor does it prove who wrote an entry, or that the clock "
    "was right."
)


@dataclass
class Audit:
    """What was found in a ledger file."""

    ledger: str
    environment: str
    entries: int = 0  # that were looked at
    newest: int = 0  # number of the last one
    runs: int = 0
    attempts: int = 0
    head: str = ""
    seals: int = 0  # that it was held against
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


class Raw(Protocol):
    """A ledger as it lies there, whatever state it is in; its columns as they are stored."""

    name: str
    version: int
    environments: list[str]

    def problems(self) -> Iterable[str]:
        """Yield what is wrong with the tables themselves."""

    def rows(self, names: Sequence[str], environment: str) -> Iterable[Sequence[Any]]:
        """Yield the entries in their order; of each the fields, the environment among them."""

    def archives(self) -> str:
        """Return what the newest entry about archives says; empty where nothing is archived."""

    def token(self) -> int:
        """Return the token of the lease; 0 where nobody ever took it."""

    def anchors(self) -> Iterable[tuple[int, str, str]]:
        """Yield number and digest of what the last attempt left, and the digest that is there."""

    def vault(self) -> Iterable[str]:
        """Yield why what it sealed cannot be opened."""


def audit(
    path: Path, published: str = "", seals: Sequence[Seal] = (), *, whole: bool = True
) -> Audit:
    """Look at everything a ledger file says, and the archives that its chain goes through.

    Args:
        path: The file.
        published: A head that was printed by an earlier audit and kept elsewhere; hex.
        seals: Seals of it whose signatures are good.
        whole: An archive that is not there is a problem; else it is only told.

    Raises:
        LedgerDamaged: it cannot be read at all.
    """
    return rawfile.look(
        path, lambda db: examine(RawFile(db, path), path.parent, published, seals, whole=whole)
    )


def examine(
    raw: Raw,
    folder: Path,
    published: str = "",
    seals: Sequence[Seal] = (),
    *,
    whole: bool = True,
) -> Audit:
    """Look at everything a ledger says.

    Args:
        raw: The ledger as it lies there.
        folder: Where its archives are looked for.
        published: A head that was printed by an earlier audit and kept elsewhere; hex.
        seals: Seals of it whose signatures are good.
        whole: An archive that is not there is a problem; else it is only told.
    """
    environment = next(iter(raw.environments), "")
    found = Audit(raw.name, environment)
    found.problems.extend(Remark(None, what) for what in _whole(raw))
    reader = _Reader(found, published, seals)
    for part in lying_elsewhere(raw.archives()):
        reader.take_part(part, folder, whole=whole)
    reader.take(raw.rows(COLUMNS, environment))
    links = reader.links
    found.warnings += links.warnings
    found.runs, found.attempts = reader.story.counts()
    found.newest, found.head = links.expected - 1, str(links.prev) if found.entries else ""
    found.problems.extend(Remark(None, what) for what in _marks(raw, links))
    if published:
        _compare(found, reader.place)
    found.seals = len(seals)
    for each in seals:
        against = each.against(environment, found.newest, reader.sealed[each.seq])
        found.problems.extend(Remark(None, what) for what in against)
    found.problems.sort(key=lambda remark: remark.seq or 0)
    return found


class _Reader:
    """Takes entry after entry, wherever they lie, and tells what is wrong with them."""

    def __init__(self, found: Audit, published: str, seals: Iterable[Seal] = ()) -> None:
        self.sealed = dict.fromkeys((each.seq for each in seals), "")  # the digest that is there
        self.found, self.published = found, published
        self.links, self.story = Links(), Story()
        self.place = 0  # where the published head stands

    def take(self, rows: Iterable[Sequence[Any]]) -> None:  # Any: stored columns
        """Go on through rows."""
        found, links, story = self.found, self.links, self.story
        for row in rows:
            fields = fields_of(row)
            computed, fields["body"] = _computed(fields, row[-2])
            if remarks := links.follow(row, computed):
                found.problems += remarks
            for what in story.take(fields):
                found.problems.append(Remark(fields["seq"], what))
            found.entries += 1
            if fields["seq"] in self.sealed:
                self.sealed[fields["seq"]] = computed
            if self.published and computed == self.published:
                self.place = fields["seq"]

    def take_part(self, part: dict[str, Any], folder: Path, *, whole: bool) -> None:  # Any: JSON
        """Go on through an archive, or pass over it where it is not there."""
        path, first, last = file_of(part, folder), part["first"], part["last"]
        if path is None:
            missed = self.found.problems if whole else self.found.warnings
            missed.append(
                Remark(
                    None,
                    f"entries {first} to {last} are archived in `{part['file']}`, which is not "
                    f"here, so nothing of them was checked; put it to `{folder}`, or leave such "
                    "files out with `--without-archives`",
                )
            )
        else:
            self.found.problems += [Remark(None, what) for what in self._read(part, path)]
        self.links.expected, self.links.prev = last + 1, part["head"]

    def _read(self, part: dict[str, Any], path: Path) -> Iterator[str]:  # Any: JSON
        if not is_as_archived(path, part):
            yield f"archive `{path}` is not the file that was made"
        try:
            self.take(rows_of(path, COLUMNS, self.found.environment))
        except LedgerDamaged as lost:
            yield f"{lost.what}: {lost.why}"
        if (self.links.expected - 1, self.links.prev) != (part["last"], part["head"]):
            yield f"archive `{path}` does not end where the ledger goes on"


def _computed(fields: dict[str, Any], text: Any) -> tuple[str, object]:  # Any: raw columns
    """Return the digest an entry must have, empty where its form is not known; and its body."""
    body: object = text
    try:
        body, written = parsed(fields["format"], text)
        return (digest(fields, text, body) if written else ""), body
    except (TypeError, ValueError, RecursionError):
        return "", body


def _whole(raw: Raw) -> Iterator[str]:
    yield from raw.problems()
    if len(raw.environments) != 1:
        yield f"it names {len(raw.environments)} environments; a ledger belongs to one"


def _marks(raw: Raw, links: Links) -> Iterator[str]:
    """Yield where lease, anchor and vault do not fit the entries."""
    last = raw.token()
    if links.highest > last:
        yield f"its lease was set back: token {last}, and an entry has {links.highest}"
    for seq, sha256, there in raw.anchors():
        if there != sha256:
            yield f"entry {seq} is not the one that the last attempt left there"
    yield from raw.vault()


def _compare(found: Audit, place: int) -> None:
    if place:
        since = found.newest - place
        found.published = f"the published head is entry {place}; {since} entries were added since"
        return
    found.published = "the published head is not in this ledger"
    what = "the published head is not in it: its newest entries were cut off, or it was rewritten"
    found.problems.append(Remark(None, what))
