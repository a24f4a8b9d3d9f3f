"""The completion document: what was done and removed, what proves it, what is left to do."""

from collections.abc import Iterator, Sequence

from handrail.ledger.report.html import rows_of, verdict
from handrail.ledger.report.markdown import COUNTS, PEOPLE, table, text
from handrail.ledger.report.model import Report
from handrail.ledger.task import TaskState
from handrail.ledger.views import plain

DONE = {TaskState.CHANGED}


def render(reports: Sequence[Report]) -> Iterator[str]:
    """Yield the lines of the document.

    Args:
        reports: The runs that belong to it, oldest first; the newest is asked for its ledger.
    """
    newest = reports[-1]
    yield f"# Completion on {text(newest.environment)}"
    yield from table(("Run", "Outcome", "From", "Took", "Freeze", "By"), [
        (each.run, each.outcome.replace("_", " "), plain.moment(each.opened_at),
         plain.duration(each.seconds),
         plain.duration(each.summary.freeze_seconds or None) or "none", ", ".join(each.operators))
        for each in reports
    ])  # fmt: skip
    for report in reports:
        yield from _one(report)
    yield from ("", "## Source", "", text(verdict(newest)), "")
    yield f"Ledger {text(newest.verification['ledger'])}, head `{newest.verification['head']}`."


def _one(report: Report) -> Iterator[str]:
    """Yield what one run did, what proves it, and what of it is left."""
    yield from ("", f"## {text(report.run)}")
    changed = [(each.task, each.target, each.name) for each in report.tasks if each.state in DONE]
    yield from ("", "What it changed:")
    yield from table(("Task", "Target", "What"), changed) if changed else ("", "nothing.")
    told: list[tuple[str, Sequence[str], Sequence[Sequence[object]]]] = [
        ("Rows before and after", COUNTS, [
            (each.table, each.before, each.kept_out, each.after,
             "equal" if each.equal else "differ")
            for each in report.counts
        ]),
        ("Rows kept out", ("Table", "Reason", "Rows"),
         [(each.table, each.reason, each.rows) for each in report.kept_out]),
        ("Values adjusted", ("Table", "Reason", "Rows"),
         [(each.table, each.reason, each.rows) for each in report.adjusted]),
        ("What was asked for", ("Requirement", "Tasks", "So far"), [
            (f"{each.id} {each.text}", ", ".join(each.tasks),
             "proven" if each.proven else "not proven")
            for each in report.requirements
        ]),
        ("Decided by people", PEOPLE, rows_of([*report.summary.overrides, *report.people])),
        ("Where the evidence is", ("Task", "Place"), [
            (each.task, each.facts[name])
            for each in report.tasks for name in ("place", "report") if name in each.facts
        ]),
        ("Not done", ("Task", "Target", "What", "State"), [
            (each.task, each.target, each.name, each.words)
            for each in report.tasks if each.state not in DONE | {TaskState.UNCHANGED}
        ]),
    ]  # fmt: skip
    for heading, names, rows in told:
        if rows:
            yield from ("", f"{heading}:")
            yield from table(names, rows)
