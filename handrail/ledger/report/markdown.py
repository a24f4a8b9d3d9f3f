"""The report of a run as Markdown, for a ticket: what the page tells, short of what unfolds."""

import re
from collections.abc import Iterable, Iterator, Sequence

from handrail.ledger.audit import LIMITS
from handrail.ledger.report import tables
from handrail.ledger.report.html import in_all, tiles, verdict
from handrail.ledger.report.model import Report
from handrail.ledger.report.tables import Table
from handrail.pages import one_line

SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")


def render(report: Report) -> Iterator[str]:
    """Yield its lines."""
    kind = "Rollback" if report.undoes else "Run"
    yield f"# {kind} {text(report.run)} on {text(report.environment)}"
    yield ""
    yield text(report.summary.sentence)
    yield from table(("", "", ""), tiles(report))
    yield from _section("What was overridden", tables.people(report.summary.overrides))
    yield from _section("At stake", tables.stakes(report))
    yield from _section("Tasks", tables.tasks(report))
    yield from _failed(report)
    yield from _section("Rows before and after", tables.counts(report))
    yield from _section("Kept out", tables.aside(report.kept_out))
    yield from _section("Adjusted", tables.aside(report.adjusted))
    yield from _section("Approvals and confirmations", tables.people(report.people))
    yield from _section("What was void, and came again", tables.again(report))
    yield from _section("The drill beside the night", tables.drill(report))
    yield from ("", f"In all: {in_all(report)}.") if report.drill else ()
    yield from _section("What the plan asks for", tables.requirements(report))
    yield from _section("Attempts", tables.attempts(report))
    yield from _ran(report)
    yield from ("", "## Rollback", "", *map(text, report.way_back))
    yield from ("", "## Ledger", "", text(verdict(report)), "")
    yield f"Head, of entry {report.verification['newest']}: `{report.verification['head']}`"
    yield from ("", f"To look again: `{report.verify}`", "", text(LIMITS))


def _ran(report: Report) -> Iterator[str]:
    """Yield what each attempt ran, by its digests."""
    for each in report.attempts:
        told = (("runbook", each.runbook_sha256), ("calls and arguments", each.plan_sha256),
                ("data of the inventory", each.inventory_sha256))  # fmt: skip
        digests = ", ".join(f"{name} `{digest}`" for name, digest in told if digest)
        yield from ("", f"Attempt {each.number} ran, by SHA-256: {digests or 'not on record'}.")


def _failed(report: Report) -> Iterator[str]:
    told = [(task, failed) for task in report.tasks for failed in task.failures]
    yield from ("", "## What failed") if told else ()
    for task, failed in told:
        how = "" if failed.exit_status is None else f", which ended with {failed.exit_status}"
        what = f"{text(f'{task.task} on {task.target}')}: {text(failed.command)}{text(how)}"
        yield from ("", what, "")
        yield from (f"    {one_line(each)}" for each in failed.output.splitlines())


def _section(heading: str, told: Table) -> Iterator[str]:
    if told.rows:
        yield from ("", f"## {heading}")
        yield from table(*told)


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a table; nothing in a cell begins or ends one."""
    yield from ("", f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}")
    for row in rows:
        yield f"| {' | '.join(text(cell) for cell in row)} |"


def text(found: object) -> str:
    """Return words that Markdown shows as they are, on one line."""
    return SPECIAL.sub(r"\\\1", one_line("" if found is None else found))
