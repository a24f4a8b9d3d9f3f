"""The report of a run as Markdown, for a ticket: what the page tells, short of what unfolds."""

import re
from collections.abc import Iterable, Iterator, Sequence

from handrail.ledger.audit import LIMITS
from handrail.ledger.report.html import late, rows_of, tiles, verdict
from handrail.ledger.report.model import Report
from handrail.ledger.views import plain
from handrail.pages import one_line

SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")


def render(report: Report) -> Iterator[str]:
    """Yield its lines."""
    kind = "Rollback" if report.undoes else "Run"
    yield f"# {kind} {text(report.run)} on {text(report.environment)}"
    yield ""
    yield text(report.summary.sentence)
    yield from table(("", "", ""), tiles(report))
    yield from _section("What was overridden", PEOPLE, rows_of(report.summary.overrides))
    yield from _section("At stake", ("What", "Since", "Until", "For"), [
        (f"{each.target}: {each.text}", plain.moment(each.since),
         plain.moment(each.ended) or "now", plain.duration(each.seconds))
        for each in report.summary.stakes
    ])  # fmt: skip
    yield from _section("Tasks", ("Task", "Target", "Name", "State", "Took", "Planned"), [
        (each.task, each.target, each.name, each.words,
         plain.duration(each.seconds) + late(each), plain.duration(each.expected_seconds))
        for each in report.tasks
    ])  # fmt: skip
    yield from _failed(report)
    yield from _section("Rows before and after", COUNTS, [
        (each.table, each.before, each.kept_out, each.after, "equal" if each.equal else "differ")
        for each in report.counts
    ])  # fmt: skip
    for heading, lists in (("Kept out", report.kept_out), ("Adjusted", report.adjusted)):
        rows = [(each.table, each.reason, each.rows) for each in lists]
        yield from _section(heading, ("Table", "Reason", "Rows"), rows)
    yield from _section("Approvals and confirmations", PEOPLE, rows_of(report.people))
    yield from _section("What was void, and came again", ("When", "Task", "What", "Because"), [
        (plain.moment(each.at), f"{each.task} on {each.target}", each.what,
         ", ".join(each.because))
        for each in report.again
    ])  # fmt: skip
    yield from _section("What the plan asks for", ("Requirement", "Tasks", "So far"), [
        (f"{each.id} {each.text}", ", ".join(each.tasks),
         "proven" if each.proven else "not proven")
        for each in report.requirements
    ])  # fmt: skip
    yield from _section("Attempts", ("Attempt", "Who", "Machine", "From", "To", "Commit"), [
        (each.number, each.actor, each.machine, plain.moment(each.started_at),
         plain.moment(each.ended_at) or "no end on record", each.commit)
        for each in report.attempts
    ])  # fmt: skip
    for each in report.attempts:
        told = (("runbook", each.runbook_sha256), ("calls and arguments", each.plan_sha256),
                ("data of the inventory", each.inventory_sha256))  # fmt: skip
        digests = ", ".join(f"{name} `{digest}`" for name, digest in told if digest)
        yield from ("", f"Attempt {each.number} ran, by SHA-256: {digests or 'not on record'}.")
    yield from ("", "## Rollback", "", *map(text, report.way_back))
    yield from ("", "## Ledger", "", text(verdict(report)), "")
    yield f"Head, of entry {report.verification['newest']}: `{report.verification['head']}`"
    yield from ("", f"To look again: `{report.verify}`", "", text(LIMITS))


PEOPLE = ("Who", "When", "What", "About", "Reason")
COUNTS = ("Table", "Before", "Kept out", "After", "Rows")


def _failed(report: Report) -> Iterator[str]:
    told = [(task, failed) for task in report.tasks for failed in task.failures]
    yield from ("", "## What failed") if told else ()
    for task, failed in told:
        how = "" if failed.exit_status is None else f", which ended with {failed.exit_status}"
        yield ""
        yield f"{text(f'{task.task} on {task.target}')}: {text(failed.command)}{text(how)}"
        yield ""
        yield from (f"    {one_line(each)}" for each in failed.output.splitlines())


def _section(heading: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    found = list(rows)
    if found:
        yield from ("", f"## {heading}")
        yield from table(names, found)


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a table; nothing in a cell begins or ends one."""
    yield from ("", f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}")
    for row in rows:
        yield f"| {' | '.join(text(cell) for cell in row)} |"


def text(found: object) -> str:
    """Return words that Markdown shows as they are, on one line."""
    return SPECIAL.sub(r"\\\1", one_line("" if found is None else found))
