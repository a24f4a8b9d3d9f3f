"""A run as it goes on, as whoever watches sees it: a screen of a terminal, a line, a page."""

from collections.abc import Iterator
from typing import Any

from handrail.ledger.arming import armed_in
from handrail.ledger.task import TaskState
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import at_stake, back_now, owned, to_come
from handrail.ledger.views.evidence import TaskEvidence
from handrail.ledger.views.live import Live
from handrail.ledger.views.show import headline
from handrail.ledger.views.times import Running
from handrail.naming import phrase
from handrail.pages import colour, one_line


def as_text(found: Live, height: int = 0) -> Iterator[str]:
    """Yield it as lines for a terminal, the most urgent first.

    Args:
        found: The run.
        height: Lines of the screen; the tasks farthest from the work are left out. 0: all of them.
    """
    head = list(_head(found))
    yield from head
    tasks = found.evidence.tasks
    room = max(height - len(head) - 3, 5) if height else len(tasks)
    first = _first_shown(tasks, room)
    shown = tasks[first : first + room]
    yield ""
    if first:
        yield f"    … {plain.count(first, 'task')} before"
    yield from plain.columns([(*_place(found, each), _told(each)) for each in shown], indent=4)
    if later := len(tasks) - first - len(shown):
        yield f"    … {plain.count(later, 'task')} after"


def _place(found: Live, task: TaskEvidence) -> tuple[str, str, str]:
    return found.state(task), task.task, task.target


def _told(task: TaskEvidence) -> str:
    """Return the sentence of a task, who answers for it, its time, what was last said of it."""
    named = plain.owned(task.name or task.step, task.owner)
    took = phrase(", {}", plain.duration(task.seconds))
    return f"{named}{took}{phrase(': {}', reading(task))}"


def reading(task: TaskEvidence) -> str:
    """Return why a task stands as it does; of a gate, what it saw last."""
    if task.is_gate:
        figures = {name: told for name, told in task.facts.items() if name != "sample"}
        return task.why or plain.facts(figures)
    return "" if task.state is TaskState.UNCHANGED else task.why


def _head(found: Live) -> Iterator[str]:
    run = found.run
    yield f"{headline(found.evidence.environment, run)[:-1]}, {found.now:%H:%M:%S}Z."
    yield from (f"{at_stake(each)}." for each in found.stakes)
    yield from (f"Armed: {each.words}." for each in armed_in(run))
    if not run.is_over:
        yield owned(found.writer)
    word = "At work" if found.at_work else "Interrupted"
    yield from (f"{word}: {_at_work(each, found)}." for each in found.seen.running)
    yield from () if run.is_over else to_come(found.seen, found.now)
    if run.receipts() and not run.undoes:
        yield f"Way back: {back_now(found.clock.whole)}{found.clock.terms()}."


def _at_work(one: Running, found: Live) -> str:
    """Return what is at work, since when, how much longer, and by how much it is late."""
    if not found.at_work:
        return f"{one.call.task} on {one.call.target}, {one_line(one.call.name)}"
    left = f", about {plain.rough(one.left_seconds)} left" if one.left_seconds else ""
    late = f", late by {plain.rough(one.late_seconds)}" if one.late_seconds else ""
    spent = plain.duration(one.elapsed_seconds)
    call = one.call
    return f"{call.task} on {call.target}, {one_line(call.name)}, {spent}{left}{late}"


def _first_shown(tasks: list[TaskEvidence], room: int) -> int:
    """Return the first task to show, so that what is at work or comes next stands in the middle."""
    settled = [TaskState.CHANGED, TaskState.UNCHANGED, TaskState.SKIPPED, TaskState.ROLLED_BACK]
    at = next((n for n, each in enumerate(tasks) if each.state not in settled), len(tasks))
    return max(0, min(at - room // 2, len(tasks) - room))


def summary_line(found: Live) -> str:
    """Return it as one line: what changes when anything that matters does."""
    parts = [
        f"{found.run.done}/{len(found.run.tasks)}",
        str(found.run.outcome),
        ", ".join(f"{each.call.task} {each.call.target}" for each in found.running),
        *map(at_stake, found.stakes),
        *(f"armed: {each.words}" for each in armed_in(found.run)),
        "" if found.at_work or found.run.is_over else "nobody is at work",
    ]
    return "  ".join(filter(None, parts))


def page_values(found: Live) -> dict[str, Any]:  # Any: what the template shows
    """Return what the live page shows."""
    run, head = found.run, list(_head(found))[1 + len(found.stakes) :]
    parts = [line.rstrip(".").partition(": ") for line in head]
    return {
        "run": f"{run.kind} {run.id}",
        "environment": found.evidence.environment,
        "outcome": run.outcome.replace("_", " "),
        "done": run.done,
        "total": plain.count(len(run.tasks), "task"),
        "at": f"{found.now:%H:%M:%S}Z",
        "stakes": list(map(at_stake, found.stakes)),
        "outline": [(name, told) for name, _, told in parts],
        "colour": colour,
        "tasks": [_row(found, each) for each in found.evidence.tasks],
    }


def _row(found: Live, task: TaskEvidence) -> dict[str, Any]:  # Any: as above
    return {
        "task": task.task,
        "name": task.name or task.step,
        "owner": task.owner,
        "why": reading(task),
        "target": task.target,
        "state": found.state(task),
        "took": plain.duration(task.seconds),
        "now": task.state is TaskState.STARTED,
    }
