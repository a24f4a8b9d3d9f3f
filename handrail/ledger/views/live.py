"""A run as it stands at this moment: who is at work on what, what is at stake, when what comes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handrail.ledger.arming import armed_in
from handrail.ledger.lease import AtWork
from handrail.ledger.run import Run
from handrail.ledger.runs import Runs
from handrail.ledger.task import TaskState
from handrail.ledger.views.clock import Clock, clock_of
from handrail.ledger.views.evidence import Evidence, TaskEvidence
from handrail.ledger.views.show import state_of
from handrail.ledger.views.stakes import Stake, stakes_now
from handrail.ledger.views.times import Estimate, Measured, Outlook, Running, outlook

JSON = dict[str, Any]  # Any: JSON


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
        return self.writer is not None and self.writer.alive and not self.run.is_over

    @property
    def running(self) -> list[Running]:
        """Return what is at work; what was interrupted is not."""
        return self.seen.running if self.at_work else []

    def state(self, task: TaskEvidence) -> str:
        """Return where a task stands; what an owner who lives is doing is not in doubt."""
        if self.at_work and task.state is TaskState.STARTED:
            return "open" if task.is_gate else "running"
        return state_of(task)


def live(
    runs: Runs, evidence: Evidence, known: Measured, writer: AtWork | None, now: datetime
) -> Live:
    """Return a run as it stands.

    Args:
        runs: The runs of its ledger.
        evidence: The run, as gathered.
        known: How long its tasks took before.
        writer: Who holds the ledger's lease.
        now: Aware.
    """
    run = evidence.run
    seen, clock = outlook(run, known, now), clock_of(run, known)
    return Live(evidence, seen, clock, stakes_now(runs, run), writer, now)


def as_json(found: Live) -> JSON:
    """Return it for programs; the shape that `handrail watch --json` and the live page have."""
    run, writer = found.run, found.writer
    tasks = found.evidence.tasks
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
        "stakes": list(map(vars, found.stakes)),
        "armed": [each.as_json() for each in armed_in(run)],
        "running": list(map(_running, found.running)),
        "hold": _hold(found),
        "end": _estimate(found.seen.to_end, found.now),
        "way_back": _way_back(found),
        "gates": [_gate(found, each) for each in tasks if each.is_gate],
        "tasks": [_task(found, each) for each in tasks],
    }


def _running(one: Running) -> JSON:
    return {
        "task": one.call.task,
        "target": one.call.target,
        "name": one.call.name,
        "elapsed_seconds": round(one.elapsed_seconds, 1),
        "expected_seconds": one.expected.seconds if one.expected else None,
        "left_seconds": one.left_seconds,
        "late_seconds": round(one.late_seconds, 1),
    }


def _gate(found: Live, gate: TaskEvidence) -> JSON:
    return {
        "task": gate.task,
        "target": gate.target,
        "name": gate.name,
        "state": found.state(gate),
        "why": gate.why,
        "facts": dict(gate.facts),
    }


def _task(found: Live, task: TaskEvidence) -> JSON:
    return {
        "task": task.task,
        "target": task.target,
        "step": task.step,
        "name": task.name,
        "owner": task.owner,
        "state": found.state(task),
        "why": task.why,
        "started_at": task.started_at,
        "seconds": task.seconds,
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
        "seconds": _seconds(estimate),
        "unmeasured": estimate.unmeasured,
        "at": then.isoformat() if estimate.known else None,
    }


def _seconds(estimate: Estimate) -> float | None:
    return round(estimate.seconds, 1) if estimate.known else None


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
        "seconds": _seconds(clock.whole),
        "p95_seconds": round(clock.whole.p95_seconds, 1) if clock.whole.known else None,
        "unmeasured": clock.whole.unmeasured,
        "allowed_seconds": clock.budget_seconds,
        "fits": clock.fits,
        "latest_start": latest.isoformat() if latest else None,
        "holds": [
            {"label": hold.label, "seconds": _seconds(each)} for hold, each in clock.to_holds
        ],
    }
