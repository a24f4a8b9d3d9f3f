"""The report of a run as one HTML file: no script, nothing fetched, fit for a phone and print."""

from collections.abc import Iterable, Iterator
from typing import Any

from handrail import pages
from handrail.ledger.report.model import Report, Said
from handrail.ledger.report.plots import plot
from handrail.ledger.report.task import Command, Told
from handrail.ledger.report.timeline import timeline
from handrail.ledger.views import plain

DRAWN = {"counts", "kept_out", "adjusted", "sample"}  # in tables and lines of their own
JSON = dict[str, Any]  # Any: what the template shows


def render(report: Report) -> str:
    """Return the page."""
    return pages.render(
        "run.html",
        title=f"{'Rollback' if report.undoes else 'Run'} {report.run}",
        colour=pages.colour,
        report=report,
        outcome=report.outcome.replace("_", " "),
        tiles=list(tiles(report)),
        overrides=rows_of(report.summary.overrides),
        drawn=timeline(report),
        drilled=in_all(report),
        phases=list(_phases(report)),
        plots=[plot(each) for each in report.series],
        people=rows_of(report.people),
        reasons=[
            (plain.moment(each["at"]), each["actor"], f"{task.task} on {task.target}",
             each["event"], each["text"])
            for task in report.tasks for each in task.reasons
        ],
        took=plain.duration,
        moment=plain.moment,
        trusted=report.verification["good"],
        verdict=verdict(report),
        remarks=report.verification["problems"] + report.verification["warnings"],
    )  # fmt: skip


def verdict(report: Report) -> str:
    """Return in a sentence whether the ledger is to be trusted."""
    problems = len(report.verification["problems"])
    if not problems:
        return "The chain of entries was recomputed and no problem was found."
    return f"{plain.count(problems, 'problem')} found; this report is not to be relied on."


def in_all(report: Report) -> str:
    """Return how long all tasks took together in the drill beside the night, and here."""
    tasks = report.drill.tasks if report.drill else []
    legs = (("forward", "forward"), ("back", "back"), ("again", "again"), ("here", "in this run"))
    return ", ".join(
        f"{plain.duration(sum(getattr(each, leg) or 0.0 for each in tasks))} {name}"
        for leg, name in legs
    )


def tiles(report: Report) -> Iterator[tuple[str, str, str]]:
    """Yield what is told first: its name, its value, and what belongs to it."""
    summary = report.summary
    planned = sum(each.expected_seconds or 0.0 for each in report.tasks)
    done = f"{summary.done} of {summary.total} tasks done"
    yield "Outcome", report.outcome.replace("_", " "), done
    yield (
        "Took",
        plain.duration(report.seconds) or "0 s",
        f"planned: {plain.rough(planned)} of work" if planned else "not planned: never measured",
    )
    stakes = "; ".join(f"{each.text}: {plain.duration(each.seconds)}" for each in summary.stakes)
    yield "Freeze", plain.duration(summary.freeze_seconds or None) or "none", stakes
    felt = "; ".join(summary.felt)
    yield "Users' outage", plain.duration(summary.outage_seconds or None) or "none", felt
    by = ", ".join(dict.fromkeys(each.by for each in summary.overrides))
    yield "Overridden", str(len(summary.overrides) or "nothing"), f"by {by}" if by else ""
    yield "By", ", ".join(report.operators), plain.count(len(report.attempts), "attempt")


def rows_of(said: Iterable[Said]) -> list[tuple[str, ...]]:
    """Return what people said as rows of a table."""
    return [(each.by, plain.moment(each.at), each.what, each.about, each.reason) for each in said]


def _phases(report: Report) -> Iterator[tuple[str, list[JSON]]]:
    """Yield the tasks up to each hold, under what is true there."""
    names = {each["label"]: each["name"] for each in report.holds}
    times = [each.seconds or 0.0 for each in report.tasks]
    longest = max([*times, *(each.expected_seconds or 0.0 for each in report.tasks)], default=0.0)
    for phase in dict.fromkeys(each.phase for each in report.tasks):
        heading = f"To {phase}: {names[phase]}" if phase else "To the end"
        yield (
            heading if report.holds else "Tasks of the plan",
            [_task(each, longest or 1.0) for each in report.tasks if each.phase == phase],
        )


def late(task: Told) -> str:
    """Return by how much a task was late, behind what it took; empty where it was not."""
    return f", late by {plain.rough(task.late_seconds)}" if task.late_seconds else ""


def _task(task: Told, longest: float) -> JSON:
    notes = [
        ("step", f"{task.step}, {plain.count(task.attempts, 'attempt')}"),
        ("begun", plain.moment(task.started_at)),
        ("owner", task.owner),
        ("planned", plain.duration(task.expected_seconds)),
        (
            "facts",
            plain.facts({name: told for name, told in task.facts.items() if name not in DRAWN}),
        ),
        ("why", task.why),
        ("before", plain.facts(task.before) if task.before is not None else ""),
        ("way back", task.way_back),
        *((f"reason, {each['actor']}", each["text"]) for each in task.reasons),
        *(("command", _command(each)) for each in task.commands),
    ]
    return {
        "task": task,
        "took": plain.duration(task.seconds) + late(task),
        "share": round(100 * (task.seconds or 0.0) / longest, 2),
        "planned": round(100 * (task.expected_seconds or 0.0) / longest, 2),
        "notes": [(name, told) for name, told in notes if told],
        "failures": [(each, _ended(each.exit_status)) for each in task.failures],
    }


def _command(command: Command) -> str:
    how = "" if command.good else f", {_ended(command.exit_status)}"
    return f"{command.command} ({plain.duration(command.seconds) or '0 s'}{how})"


def _ended(status: int | None) -> str:
    return "did not succeed" if status is None else f"ended with {status}"
