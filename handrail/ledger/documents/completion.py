"""The completion document: what was done and removed, what proves it, what is left to do."""

from collections.abc import Iterator, Sequence

from handrail.ledger.documents.source import head_of, source
from handrail.ledger.report import tables
from handrail.ledger.report.markdown import table, text
from handrail.ledger.report.model import Report
from handrail.ledger.report.tables import Table
from handrail.ledger.run import Outcome
from handrail.ledger.task import TaskState
from handrail.ledger.views import plain

DONE = {TaskState.CHANGED}
SETTLED = DONE | {TaskState.UNCHANGED, TaskState.PENDING}  # of what was not begun it tells the ids


def render(reports: Sequence[Report], looked: str = "") -> Iterator[str]:
    """Yield the lines of the document.

    Args:
        reports: The runs that belong to it, oldest first; the newest is asked for its ledger.
        looked: What an independent look at the ledger found, where there was one.
    """
    newest = reports[-1]
    yield f"# Completion on {text(newest.environment)}"
    yield from table(("Run", "Outcome", "From", "Took", "Freeze", "By"), [
        (each.run, _outcome(each), plain.moment(each.opened_at), plain.duration(each.seconds),
         plain.lasted(each.summary.freeze_seconds, "none"), ", ".join(each.operators))
        for each in reports
    ])  # fmt: skip
    for report in reports:
        yield from _one(report)
    yield from source(newest.environment, head_of(newest))
    yield from ("", text(looked)) if looked else ()


def _outcome(report: Report) -> str:
    """Return how a run stands; the one that publishes this is at work."""
    return "under way" if report.outcome == Outcome.OPEN else report.outcome.replace("_", " ")


def _one(report: Report) -> Iterator[str]:
    """Yield what one run did, what proves it, and what of it is left."""
    yield from ("", f"## {text(report.run)}")
    changed = _changed(report)
    yield from ("", "What it changed:")
    yield from table(*changed) if changed.rows else ("", "nothing.")
    told = (
        ("What it removed", _removed(report)),
        ("Rows before and after", tables.counts(report)),
        ("Rows kept out", tables.aside(report.kept_out)),
        ("Values adjusted", tables.aside(report.adjusted)),
        ("What was asked for", tables.requirements(report)),
        ("Decided by people", tables.people([*report.summary.overrides, *report.people])),
        ("Where the evidence is", _evidence(report)),
        ("Not done", _not_done(report)),
    )
    for heading, found in told:
        if found.rows:
            yield from ("", f"{heading}:")
            yield from table(*found)
    yield from _later(report)


def _changed(report: Report) -> Table:
    return Table(("Task", "Target", "What", "Way back"), [
        (each.task, each.target, each.name, each.way_back or "none")
        for each in report.tasks if each.state in DONE
    ])  # fmt: skip


def _removed(report: Report) -> Table:
    return Table(("Task", "Target", "What"), [
        (each.task, each.target, removed)
        for each in report.tasks if each.state in DONE
        for removed in each.facts.get("removed", ())
    ])  # fmt: skip


def _evidence(report: Report) -> Table:
    return Table(("Task", "Place"), [
        (each.task, each.facts[name])
        for each in report.tasks for name in ("place", "report") if name in each.facts
    ])  # fmt: skip


def _not_done(report: Report) -> Table:
    return Table(("Task", "Target", "What", "State"), [
        (each.task, each.target, each.name, each.words)
        for each in report.tasks if each.state not in SETTLED
    ])  # fmt: skip


def _later(report: Report) -> Iterator[str]:
    """Yield which tasks were not begun, where there are any."""
    found = dict.fromkeys(each.task for each in report.tasks if each.state == TaskState.PENDING)
    if found:
        yield from ("", f"Not begun when this was made: {text(', '.join(found))}.")
