"""What the `handrail` command prints about runs and ledgers, for people and for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handrail.ledger.arming import armed_in
from handrail.ledger.entry import WAITED
from handrail.ledger.lease import AtWork
from handrail.ledger.run import Run
from handrail.ledger.runs import Runs
from handrail.ledger.task import Task, TaskState
from handrail.ledger.views import plain
from handrail.ledger.views.ahead import ahead, at_stake, owned
from handrail.ledger.views.attempts import Attempt
from handrail.ledger.views.evidence import Evidence, Reason, TaskEvidence
from handrail.ledger.views.stakes import Stake, stakes_now
from handrail.ledger.views.times import Measured
from handrail.naming import phrase
from handrail.pages import one_line

JSON = dict[str, Any]  # Any: JSON

STATUS = ("TASK", "STEP", "TARGET", "STATE", "ATTEMPTS", "STARTED", "TOOK", "WAITED", "NAME")
_GATE_STATES = {
    TaskState.STARTED: "open",
    TaskState.UNCHANGED: "passed",
    TaskState.REFUSED: "closed",
}


def runs_as_json(environment: str, runs: Mapping[str, Run]) -> JSON:
    """Return every run of a ledger, oldest first."""
    return {
        "environment": environment,
        "runs": [
            {
                "run": run.id,
                "runbook": run.runbook,
                "outcome": run.outcome,
                "opened_at": run.opened_at,
                "operator": run.actor,
                "done": run.done,
                "total": len(run.tasks),
                "undoes": run.undoes or None,
                "undone_by": _undone_by(run, runs),
            }
            for run in runs.values()
        ],
    }


def runs_as_text(environment: str, runs: Mapping[str, Run]) -> list[str]:
    """Return every run of a ledger, oldest first."""
    if not runs:
        return [f"No run was recorded on {environment} yet."]
    rows: list[tuple[object, ...]] = [
        ("RUN", "RUNBOOK", "OUTCOME", "OPENED", "STEPS", "UNDOES", "UNDONE BY")
    ]
    for run in runs.values():
        steps = f"{run.done}/{len(run.tasks)}"
        opened = plain.moment(run.opened_at)
        undone = ", ".join(_undone_by(run, runs))
        rows.append((run.id, run.runbook, run.outcome, opened, steps, run.undoes, undone))
    return plain.columns(rows)


def status_as_json(environment: str, run: Run) -> JSON:
    """Return where a run stands; this shape is promised to programs."""
    waiting = run.next_task()
    return {
        "environment": environment,
        "run": run.id,
        "runbook": run.runbook,
        "outcome": run.outcome,
        "tasks": [
            {
                "task": task.declared.task,
                "step": task.declared.step,
                "target": task.declared.target,
                "name": task.declared.name,
                "state": task.state,
                "attempts": len(task.attempts),
                "started_at": task.started_at,
                "seconds": task.seconds,
            }
            for task in run.tasks.values()
        ],
        "next": _named(waiting) if waiting and not run.rolled_back else None,
    }


def status_as_text(
    runs: Runs, evidence: Evidence, known: Measured, writer: AtWork | None, now: datetime
) -> list[str]:
    """Return where a run stands, and what is to come; of a gate, all that it took was waiting.

    Args:
        runs: The runs of its ledger.
        evidence: The run.
        known: How long its tasks took before.
        writer: Who holds the ledger's lease, if anybody does.
        now: Aware.
    """
    run, at_work = evidence.run, writer is not None and writer.alive
    rows = [STATUS, *(_status(task, at_work=at_work) for task in evidence.tasks)]
    lines = [headline(evidence.environment, run), "", *plain.columns(rows, indent=4)]
    lines += [f"{at_stake(each)}." for each in stakes_now(runs, run)]
    lines += [f"Armed: {each.words}." for each in armed_in(run)]
    waiting = run.next_task()
    if waiting is None or run.rolled_back:
        return [*lines, "", *evidence.spent.as_text()]
    lines += ["", *_next(waiting), owned(writer)]
    return lines + [one_line(line) for line in ahead(run, known, now, at_work=at_work)]


def _status(task: TaskEvidence, *, at_work: bool) -> tuple[object, ...]:
    """Return a task as a row of the status."""
    waited = task.seconds if task.is_gate else task.facts.get(WAITED)
    times = (plain.moment(task.started_at), *map(plain.duration, (task.seconds, waited)))
    running = at_work and task.state is TaskState.STARTED and not task.is_gate
    state = "running" if running else state_of(task)
    return (task.task, task.step, task.target, state, task.attempts or "", *times, task.name)


def _next(waiting: Task) -> list[str]:
    """Return which task comes next, and why it waits where it does."""
    call = waiting.declared
    why = phrase("    why: {}", one_line(waiting.why))
    return [f"Next: {call.step} ({call.task}) on {call.target}.", *filter(None, [why])]


def headline(environment: str, run: Run) -> str:
    """Return one sentence: which run, where it stands, how far it came."""
    kind = f"Rollback {run.id} (of {run.undoes})" if run.undoes else f"Run {run.id}"
    return f"{kind} on {environment}: {run.outcome.replace('_', ' ')}, {tally(run)}."


def tally(run: Run) -> str:
    """Return how many tasks are done, or were put back."""
    if run.rolled_back:
        back = sum(task.state is TaskState.ROLLED_BACK for task in run.tasks.values())
        return f"{back} of {plain.count(len(run.tasks), 'task')} put back"
    return f"{run.done} of {plain.count(len(run.tasks), 'task')} done"


def run_as_json(evidence: Evidence) -> JSON:
    """Return everything about a run; sealed values by the start of their names."""
    run = evidence.run
    return {
        "environment": evidence.environment,
        "run": run.id,
        "runbook": run.runbook,
        "outcome": run.outcome,
        "opened_at": run.opened_at,
        "operators": evidence.operators,
        "undoes": run.undoes or None,
        "undone_by": [each.run.id for each in evidence.rollbacks],
        "attempts": list(map(vars, evidence.attempts)),
        "takeovers": list(map(vars, evidence.takeovers)),
        "time": evidence.spent.as_json(),
        "armed": [each.as_json() for each in armed_in(run)],
        "tasks": list(map(_task_as_json, evidence.tasks)),
    }


def _task_as_json(task: TaskEvidence) -> JSON:
    return {
        "task": task.task,
        "step": task.step,
        "target": task.target,
        "name": task.name,
        "owner": task.owner,
        "kind": "gate" if task.is_gate else "step",
        "state": task.state,
        "in_doubt": task.in_doubt,
        "why": task.why,
        "attempts": task.attempts,
        "started_at": task.started_at,
        "settled_at": task.settled_at,
        "seconds": task.seconds,
        "facts": plain.abridged(dict(task.facts)),
        "arguments": plain.abridged(dict(task.arguments)),
        "acted": task.acted,
        "before": plain.abridged(task.before),
        "reasons": list(map(vars, task.reasons)),
        "failures": list(map(vars, task.failures)),
    }


def run_as_text(evidence: Evidence) -> list[str]:
    """Return everything about a run; sealed values by the start of their names."""
    run = evidence.run
    told = [*map(_attempt, evidence.attempts), *map(_reason, evidence.takeovers)]
    told += map(_stake, evidence.stakes)
    lines = [headline(evidence.environment, run), *(f"    {one_line(each)}" for each in told)]
    for task in evidence.tasks:
        lines += ["", f"{task.task}  {task.step} on {task.target}: {state_of(task)}"]
        lines += [f"    {name:<9} {text}" for name, text in details_of(task) if text]
        lines += [f"    {line}" for line in failures_of(task)]
    return [*lines, "", *evidence.spent.as_text()]


def _attempt(attempt: Attempt) -> str:
    """Return who was at work, from when to when, and what stopped it."""
    end = plain.moment(attempt.ended_at) or "no end on record"
    told = f"attempt {attempt.number} by {attempt.actor}: {plain.moment(attempt.started_at)}"
    stopped = phrase(", stopped at {}", attempt.stopped_by)
    return f"{told} to {end}{stopped}{phrase('; reason: {}', attempt.reason)}"


def _stake(stake: Stake) -> str:
    """Return what was at stake, from when to when."""
    ended = f"to {plain.moment(stake.ended)}" if stake.ended else "on, still"
    return f"at stake: {stake.target}: {stake.text}, {plain.moment(stake.since)} {ended}"


def failures_of(task: TaskEvidence) -> list[str]:
    """Return what the task's failed commands left behind: which and how, then their last words."""
    lines = []
    for failed in task.failures:
        lines.append(f"{'failed':<9} {one_line(failed.words)}")
        lines += [f"{'':<9} | {one_line(each)}" for each in failed.output.splitlines()]
    return lines


def state_of(task: TaskEvidence) -> str:
    """Return a task's state in words, with a doubt where there is one."""
    state = task.state.replace("_", " ")
    if task.is_gate:
        state = _GATE_STATES.get(task.state, state)
    return f"{state}, in doubt" if task.in_doubt else state


def details_of(task: TaskEvidence) -> list[tuple[str, str]]:
    """Return what there is to say about a task, by name; a text may be empty."""
    times = plain.moment(task.started_at)
    took = plain.duration(task.seconds)
    details = [
        ("name", one_line(task.name)),
        ("owner", one_line(task.owner)),
        ("why", one_line(task.why)),
        ("attempts", str(task.attempts or "")),
        ("started", f"{times}, took {took}" if took else times),
        ("facts", plain.facts(task.facts)),
        ("before", plain.value(task.before) if task.acted else ""),
    ]
    return details + [("reason", _reason(reason)) for reason in task.reasons]


def _reason(reason: Reason) -> str:
    words = f"{reason.event} by {reason.actor}, {plain.moment(reason.at)}: {reason.text}"
    return one_line(words)


def _undone_by(run: Run, runs: Mapping[str, Run]) -> list[str]:
    return [each.id for each in runs.values() if each.undoes == run.id]


def _named(task: Task) -> JSON:
    call = task.declared
    return {"task": call.task, "step": call.step, "target": call.target}
