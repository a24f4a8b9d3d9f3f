"""Moving old entries out of a ledger and back; each move is an entry of its chain."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from handrail.ledger.archive import file
from handrail.ledger.archive.choice import movable
from handrail.ledger.archive.part import Part, end_of, parts
from handrail.ledger.chain import Head, untrusted
from handrail.ledger.entry import ARCHIVE, Event
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.seam import Fact, Ledger


def archive(ledger: Ledger, folder: Path, into: Path, before: datetime, actor: str) -> Part | None:
    """Move what is old into a file; None where there is nothing to move.

    Args:
        ledger: The ledger.
        folder: The folder that holds it; the file is named from there.
        into: The folder that gets the file.
        before: Runs that ended later stay; aware.
        actor: Who asks for it.

    Raises:
        RunbookError: the ledger is not to be trusted, or somebody writes; nothing was moved.
    """
    last, runs = movable(ledger, before)
    start = end_of(ledger)
    if last <= start.seq:
        return None
    path = into / f"{ledger.environment}-{start.seq + 1}-{last}.jsonl.gz"
    path.unlink(missing_ok=True)  # of a command that was killed before it moved anything
    sha256 = file.write(path, ledger.between(start.seq + 1, last))
    head = _followed(path, start)
    part = Part(
        _named(path.resolve(), folder.resolve()),
        start.seq + 1,
        last,
        start.sha256,
        head.sha256,
        sha256,
        runs,
    )
    said = _said(Event.LEDGER_ARCHIVED, [*parts(ledger), part], actor)
    ledger.move_out(head, said)
    return part


def bring_back(ledger: Ledger, folder: Path, run: str, actor: str) -> list[Part]:
    """Take archived entries back: all, or as far as one run needs; return what came back.

    Raises:
        LedgerDamaged: a file is not there, or is not what was archived; what came before it stays.
    """
    found = parts(ledger)
    wanted = [place for place, each in enumerate(found) if run in each.runs] if run else [0]
    back: list[Part] = []
    while wanted and len(found) > wanted[0]:
        part = found.pop()
        path = _checked(part, folder)
        ledger.move_in(file.read(path), _said(Event.LEDGER_RESTORED, found, actor))
        back.append(part)
    return back


def _checked(part: Part, folder: Path) -> Path:
    """Return the file of a part, held against what the chain says of it."""
    path = part.path(folder)
    if not path.exists():
        raise LedgerDamaged(
            f"entries {part.first} to {part.last} were not brought back",
            f"they lie in `{part.file}`, which is not there",
            f"put that file to `{folder}`, then the same command again",
        )
    if _followed(path, Head(part.first - 1, part.prev)) != Head(part.last, part.head):
        raise untrusted(path, "it is not what was archived")
    return path


def _followed(path: Path, start: Head) -> Head:
    """Follow the chain through a file, each digest computed anew, and return where it ends."""
    head = start
    for entry in file.read(path):
        if entry.seq != head.seq + 1 or entry.prev != head.sha256:
            raise untrusted(path, f"entry {entry.seq} does not follow the entry before it")
        if entry.digest() != entry.sha256:
            raise untrusted(path, f"entry {entry.seq} was changed after it was written")
        head = Head(entry.seq, entry.sha256)
    return head


def _named(path: Path, folder: Path) -> str:
    """Return how the ledger names a file: from its own folder, or whole where it lies elsewhere."""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _said(event: Event, found: Sequence[Part], actor: str) -> Fact:
    body = {"parts": [each.as_json() for each in found]}
    return Fact(event, ARCHIVE, 0, actor, body=body)
