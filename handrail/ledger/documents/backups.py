"""The backup document: where backups lie, their digests, how to restore, how long that took."""

from collections.abc import Iterator
from typing import Any

from handrail.ledger.documents.source import head_of, source
from handrail.ledger.report.markdown import text
from handrail.ledger.report.model import Report
from handrail.ledger.report.task import Told
from handrail.ledger.views import plain
from handrail.naming import phrase

MANIFEST = "SHA-256 of its manifest, which has that of each file"
NEEDED = {"place", "restore"}  # facts by which a task says that it made a backup


def render(report: Report) -> Iterator[str]:
    """Yield the lines of the document."""
    yield f"# Backups of {text(report.run)} on {text(report.environment)}"
    found = [task for task in report.tasks if task.facts.keys() >= NEEDED]
    if not found:
        yield from ("", "No backup is on record.")
    for task in found:
        yield from _backup(task)
    yield from source(report.environment, head_of(report))


def _backup(task: Told) -> Iterator[str]:
    facts = task.facts
    yield from ("", f"## {text(task.name)} ({task.task} on {text(task.target)})", "")
    yield f"- lies in `{facts['place']}`"
    yield from (f"- {name}: {told}" for name, told in _figures(facts))
    yield from ("", "To restore it beside what is there:", "")
    yield from (f"    {line}" for line in str(facts["restore"]).splitlines())


def _figures(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:  # Any: JSON
    seconds = facts.get("restore_seconds")
    proven = phrase("restored in {}, every table compared", seconds and plain.duration(seconds))
    told = (
        ("database", phrase("`{}`", facts.get("database"))),
        ("taken", plain.moment(facts.get("taken_at"))),
        ("took", plain.duration(facts.get("dump_seconds"))),
        ("rows", _counted(facts.get("rows"))),
        ("size", phrase("{} bytes", _counted(facts.get("size_bytes")))),
        (MANIFEST, phrase("`{}`", facts.get("sha256"))),
        ("of the freeze", str(facts.get("mark") or "none: the database was in use")),
        ("proven", proven or "not by a restore"),
        ("a way back to it takes", plain.duration(facts.get("way_back_seconds"))),
    )
    yield from ((name, words) for name, words in told if words)


def _counted(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
