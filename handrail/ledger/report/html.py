"""The report of a run as one HTML file: no script, nothing fetched, fit for a phone and print."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from handrail import pages
from handrail.ledger.report.model import Report, Said
from handrail.ledger.report.plots import plot
from handrail.ledger.report.task import Command, Told
from handrail.ledger.report.timeline import timeline
from handrail.ledger.views import plain
from handrail.naming import phrase

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
    done = f"{summary.done} of {summary.total} tasks done"
    yield "Outcome", report.outcome.replace("_", " "), done
    yield "Took", plain.duration(report.seconds), _planned(report.tasks)
    stakes = "; ".join(f"{each.text}: {plain.duration(each.seconds)}" for each in summary.stakes)
    yield "Freeze", plain.lasted(summary.freeze_seconds, "none"), stakes
    yield "Users' outage", plain.lasted(summary.outage_seconds, "none"), "; ".join(summary.felt)
    by = ", ".join(dict.fromkeys(each.by for each in summary.overrides))
    yield "Overridden", str(len(summary.overrides) or "nothing"), phrase("by {}", by)
    yield "By", ", ".join(report.operators), plain.count(len(report.attempts), "attempt")


def _planned(tasks: Iterable[Told]) -> str:
    """Return how much work was planned."""
    planned = sum(each.expected_seconds or 0.0 for each in tasks)
    return f"planned: {plain.rough(planned)} of work" if planned else "not planned: never measured"


def rows_of(said: Iterable[Said]) -> list[tuple[str, ...]]:
    """Return what people said as rows of a table."""
    return [(each.by, plain.moment(each.at), each.what, each.about, each.reason) for each in said]


def _phases(report: Report) -> Iterator[tuple[str, list[JSON]]]:
    """Yield the tasks up to each hold, under what is true there."""
    phases: dict[str, list[Told]] = {}
    for each in report.tasks:
        phases.setdefault(each.phase, []).append(each)
    longest = _longest(report.tasks)
    for phase, tasks in phases.items():
        yield _heading(report, phase), [_task(each, longest) for each in tasks]


def _heading(report: Report, phase: str) -> str:
    """Return what is true at the end of a phase."""
    if not report.holds:
        return "Tasks of the plan"
    names = {each["label"]: each["name"] for each in report.holds}
    return f"To {phase}: {names[phase]}" if phase else "To the end"


def _longest(tasks: Iterable[Told]) -> float:
    """Return the seconds that the longest bar stands for: of what a task took, or was to take."""
    times = chain.from_iterable((each.seconds, each.expected_seconds) for each in tasks)
    return max(filter(None, times), default=1.0)


def late(task: Told) -> str:
    """Return by how much a task was late, behind what it took; empty where it was not."""
    return phrase(", late by {}", task.late_seconds and plain.rough(task.late_seconds))


def _task(task: Told, longest: float) -> JSON:
    return {
        "task": task,
        "took": plain.duration(task.seconds) + late(task),
        "share": _share(task.seconds, longest),
        "planned": _share(task.expected_seconds, longest),
        "notes": [(name, told) for name, told in _notes(task) if told],
        "failures": [(each, _ended(each.exit_status)) for each in task.failures],
    }


def _share(seconds: float | None, longest: float) -> float:
    """Return how wide a bar is, in percent."""
    return round(100 * (seconds or 0.0) / longest, 2)


def _notes(task: Told) -> Iterator[tuple[str, str]]:
    """Yield what unfolds of a task, by name; a text may be empty."""
    facts = {name: told for name, told in task.facts.items() if name not in DRAWN}
    yield "step", f"{task.step}, {plain.count(task.attempts, 'attempt')}"
    yield "begun", plain.moment(task.started_at)
    yield "owner", task.owner
    yield "planned", plain.duration(task.expected_seconds)
    yield "facts", plain.facts(facts)
    yield "why", task.why
    yield "before", "" if task.before is None else plain.facts(task.before)
    yield "way back", task.way_back
    yield from ((f"reason, {each['actor']}", each["text"]) for each in task.reasons)
    yield from (("command", _command(each)) for each in task.commands)


def _command(command: Command) -> str:
    how = "" if command.good else f", {_ended(command.exit_status)}"
    return f"{command.command} ({plain.duration(command.seconds)}{how})"


def _ended(status: int | None) -> str:
    return "did not succeed" if status is None else f"ended with {status}"
