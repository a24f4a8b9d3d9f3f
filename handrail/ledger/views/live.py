"""A run as it stands at this moment: who is at work on what, what is at stake, when what comes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handrail.ledger.arming import armed_in
from handrail.ledger.lease import AtWork
from handrail.ledger.run import Outcome, Run
from handrail.ledger.task import TaskState
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import about, at_stake
from handrail.ledger.views.clock import Clock, clock_of
from handrail.ledger.views.evidence import Evidence, TaskEvidence
from handrail.ledger.views.show import headline, state_of
from handrail.ledger.views.stakes import Stake, stakes_on
from handrail.ledger.views.times import Estimate, Measured, Outlook, Running, outlook
from handrail.pages import colour, one_line

JSON = dict[str, Any]  # Any: JSON
OVER = {Outcome.PROVEN, Outcome.FINISHED, Outcome.ROLLED_BACK}


@dataclass(frozen=True)
class Live:
    """A run as it stands at a moment.

    Args:
        evidence: The run.
        seen: What is still to come of it.
        clock: What a way back takes.
        stakes: What is at stake.
        writer: Who holds the ledger's lease; None where nobody does.
        now: The moment, aware.
    """

    evidence: Evidence
    seen: Outlook
    clock: Clock
    stakes: list[Stake]
    writer: AtWork | None
    now: datetime

    @property
    def run(self) -> Run:
        """Return the run."""
        return self.evidence.run

    @property
    def at_work(self) -> bool:
        """Tell whether a process may be carrying it out."""
        return self.writer is not None and self.writer.alive and self.run.outcome not in OVER

    def state(self, task: TaskEvidence) -> str:
        """Return where a task stands; what an owner who lives is doing is not in doubt."""
        if self.at_work and task.state is TaskState.STARTED:
            return "open" if task.is_gate else "running"
        return state_of(task)


def live(evidence: Evidence, known: Measured, writer: AtWork | None, now: datetime) -> Live:
    """Return a run as it stands.

    Args:
        evidence: The run, as gathered.
        known: How long its tasks took before.
        writer: Who holds the ledger's lease.
        now: Aware.
    """
    run = evidence.run
    seen, clock = outlook(run, known, now), clock_of(run, known)
    return Live(evidence, seen, clock, stakes_on(run), writer, now)


def as_json(found: Live) -> JSON:
    """Return it for programs; the shape that `handrail watch --json` and the live page have."""
    run, writer = found.run, found.writer
    return {
        "at": found.now.isoformat(),
        "environment": found.evidence.environment,
        "run": run.id,
        "runbook": run.runbook,
        "outcome": run.outcome,
        "undoes": run.undoes or None,
        "at_work": found.at_work,
        "owner": _owner(writer) if writer else None,
        "done": run.done,
        "total": len(run.tasks),
        "stakes": [vars(each) for each in found.stakes],
        "armed": [each.as_json() for each in armed_in(run)],
        "running": [
            {
                "task": each.call.task,
                "target": each.call.target,
                "name": each.call.name,
                "elapsed_seconds": round(each.elapsed_seconds, 1),
                "expected_seconds": each.expected.seconds if each.expected else None,
                "left_seconds": each.left_seconds,
                "late_seconds": round(each.late_seconds, 1),
            }
            for each in found.seen.running
        ],
        "hold": _hold(found),
        "end": _estimate(found.seen.to_end, found.now),
        "way_back": _way_back(found),
        "gates": [
            {
                "task": each.task,
                "target": each.target,
                "name": each.name,
                "state": found.state(each),
                "why": each.why,
                "facts": dict(each.facts),
            }
            for each in found.evidence.tasks
            if each.is_gate
        ],
        "tasks": [
            {
                "task": each.task,
                "target": each.target,
                "step": each.step,
                "name": each.name,
                "owner": each.owner,
                "state": found.state(each),
                "why": each.why,
                "started_at": each.started_at,
                "seconds": each.seconds,
            }
            for each in found.evidence.tasks
        ],
    }


def _owner(writer: AtWork) -> JSON:
    owner = writer.lease.owner
    return {
        "actor": owner.actor,
        "host": owner.machine.split("/")[0],
        "pid": owner.pid,
        "alive": writer.alive,
        "silent_seconds": round(writer.silence.total_seconds(), 1),
    }


def _estimate(estimate: Estimate, now: datetime) -> JSON:
    then = now + timedelta(seconds=estimate.seconds)
    return {
        "seconds": round(estimate.seconds, 1) if estimate.known else None,
        "unmeasured": estimate.unmeasured,
        "at": then.isoformat() if estimate.known else None,
    }


def _hold(found: Live) -> JSON | None:
    hold = found.seen.hold
    if hold is None:
        return None
    told = _estimate(found.seen.to_hold, found.now)
    return {"label": hold.label, "name": hold.name, **told}


def _way_back(found: Live) -> JSON:
    clock = found.clock
    latest = clock.latest_start
    return {
        "seconds": round(clock.whole.seconds, 1) if clock.whole.known else None,
        "p95_seconds": round(clock.whole.p95_seconds, 1) if clock.whole.known else None,
        "unmeasured": clock.whole.unmeasured,
        "allowed_seconds": clock.budget_seconds,
        "fits": clock.fits,
        "latest_start": latest.isoformat() if latest else None,
        "holds": [
            {"label": hold.label, "seconds": round(each.seconds, 1) if each.known else None}
            for hold, each in clock.to_holds
        ],
    }


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
    for each in shown:
        took = plain.duration(each.seconds)
        quiet = each.state is TaskState.UNCHANGED or not each.why
        why = "" if quiet else f": {one_line(each.why)}"
        place = f"{found.state(each):<12} {each.task:<8} {each.target:<12}"
        by = f" ({one_line(each.owner)})" if each.owner else ""
        yield f"    {place} {one_line(each.name)}{by}{why}  {took}".rstrip()
    if later := len(tasks) - first - len(shown):
        yield f"    … {plain.count(later, 'task')} after"


def _head(found: Live) -> Iterator[str]:
    run = found.run
    yield f"{headline(found.evidence.environment, run)[:-1]}, {found.now:%H:%M:%S}Z."
    yield from (f"{at_stake(each)}." for each in found.stakes)
    yield from (f"Armed: {each.words}." for each in armed_in(run))
    if found.writer is not None and run.outcome not in OVER:
        yield f"Owner: {found.writer.words}."
    elif run.outcome not in OVER:
        yield "Owner: nobody is at work on it."
    yield from (f"At work: {_at_work(each)}." for each in found.seen.running)
    if run.outcome not in OVER:
        if found.seen.hold is not None:
            yield f"Next hold: {found.seen.hold.label}, {about(found.seen.to_hold)}."
        yield f"End: {about(found.seen.to_end)}."
    if run.receipts() and not run.undoes:
        yield f"Way back: {about(found.clock.whole)}, now{found.clock.terms()}."


def _at_work(one: Running) -> str:
    """Return what is at work, since when, how much longer, and by how much it is late."""
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
    running = ", ".join(f"{each.call.task} {each.call.target}" for each in found.seen.running)
    parts = [f"{found.run.done}/{len(found.run.tasks)}", str(found.run.outcome)]
    parts += [running] if running else []
    parts += [at_stake(each) for each in found.stakes]
    parts += [f"armed: {each.words}" for each in armed_in(found.run)]
    parts += [] if found.at_work or found.run.outcome in OVER else ["nobody is at work"]
    return "  ".join(parts)


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
        "stakes": [at_stake(each) for each in found.stakes],
        "outline": [(name, told) for name, _, told in parts],
        "colour": colour,
        "tasks": [
            {
                "task": each.task,
                "name": each.name or each.step,
                "owner": each.owner,
                "why": each.why if each.state is not TaskState.UNCHANGED else "",
                "target": each.target,
                "state": found.state(each),
                "took": plain.duration(each.seconds),
                "now": each.state is TaskState.STARTED,
            }
            for each in found.evidence.tasks
        ],
    }
