"""The tables of a report, for every document that tells of a run in words."""

from collections.abc import Iterable
from typing import NamedTuple

from handrail.ledger.report.figures import Aside
from handrail.ledger.report.html import late, rows_of
from handrail.ledger.report.model import Report, Said
from handrail.ledger.views import plain


class Table(NamedTuple):
    """What columns are called, and the rows below."""

    names: tuple[str, ...]
    rows: list[tuple[object, ...]]


def people(said: Iterable[Said]) -> Table:
    """Return what people decided or vouched for."""
    return Table(("Who", "When", "What", "About", "Reason"), [*rows_of(said)])


def stakes(report: Report) -> Table:
    """Return what was at stake, and for how long."""
    return Table(("What", "Since", "Until", "For"), [
        (f"{each.target}: {each.text}", plain.moment(each.since),
         plain.moment(each.ended) or "now", plain.duration(each.seconds))
        for each in report.summary.stakes
    ])  # fmt: skip


def tasks(report: Report) -> Table:
    """Return each task, how it stands, how long it took."""
    return Table(("Task", "Target", "Name", "State", "Took", "Planned"), [
        (each.task, each.target, plain.owned(each.name, each.owner), each.words,
         plain.duration(each.seconds) + late(each), plain.duration(each.expected_seconds))
        for each in report.tasks
    ])  # fmt: skip


def counts(report: Report) -> Table:
    """Return the rows of each table of the database, before and after."""
    return Table(("Table", "Before", "Kept out", "After", "Rows"), [
        (each.table, each.before, each.kept_out, each.after, "equal" if each.equal else "differ")
        for each in report.counts
    ])  # fmt: skip


def aside(found: Iterable[Aside]) -> Table:
    """Return rows that were kept out, or values that were adjusted, with why."""
    return Table(("Table", "Reason", "Rows"), [(each.table, each.reason, each.rows)
                                               for each in found])  # fmt: skip


def again(report: Report) -> Table:
    """Return what was void, and came again."""
    return Table(("When", "Task", "What", "Because"), [
        (plain.moment(each.at), f"{each.task} on {each.target}", each.what,
         ", ".join(each.because))
        for each in report.again
    ])  # fmt: skip


def drill(report: Report) -> Table:
    """Return how long each task took in the drill beside the night, and here."""
    return Table(("Task", "Target", "Forward", "Back", "Again", "Here"), [
        (each.task, each.target,
         *map(plain.duration, (each.forward, each.back, each.again, each.here)))
        for each in (report.drill.tasks if report.drill else ())
    ])  # fmt: skip


def requirements(report: Report) -> Table:
    """Return what the plan asks for, and what of it is proven."""
    return Table(("Requirement", "Tasks", "So far"), [
        (f"{each.id} {each.text}", ", ".join(each.tasks),
         "proven" if each.proven else "not proven")
        for each in report.requirements
    ])  # fmt: skip


def attempts(report: Report) -> Table:
    """Return each start of the command: who, where, from when to when."""
    return Table(("Attempt", "Who", "Machine", "From", "To", "Commit"), [
        (each.number, each.actor, each.machine, plain.moment(each.started_at),
         plain.moment(each.ended_at) or "no end on record", each.commit)
        for each in report.attempts
    ])  # fmt: skip
