"""The report of a run as one HTML file: no script, nothing fetched, fit for print."""

from typing import Any

from handrail import pages
from handrail.ledger.audit import Audit
from handrail.ledger.views import plain, report, show
from handrail.ledger.views.evidence import Evidence, TaskEvidence


def render(evidence: Evidence, audit: Audit) -> str:
    """Return the page."""
    run = evidence.run
    longest = max((task.seconds or 0 for task in evidence.tasks), default=0)
    return pages.render(
        "run.html",
        title=f"{'Rollback' if run.undoes else 'Run'} {run.id}",
        colour=pages.colour,
        outcome=run.outcome.replace("_", " "),
        environment=evidence.environment,
        tally=show.tally(run),
        outline=report.outline(evidence),
        reasons=report.reasons(evidence),
        tasks=[_task(task, longest) for task in evidence.tasks],
        gates=[_gate(task) for task in evidence.tasks if task.is_gate],
        attempts=report.attempts(evidence),
        rollback=report.rollback(evidence),
        undone=report.undone(evidence),
        **_trust(audit),
    )


def _task(task: TaskEvidence, longest: float) -> dict[str, Any]:  # Any: what the template shows
    notes = [("owner", task.owner), ("facts", plain.facts(task.facts)), ("why", task.why)]
    if task.before is not None:
        notes.append(("before", plain.facts(task.before)))
    notes += [(f"reason, {each.actor}", each.text) for each in task.reasons]
    return {
        "id": task.task,
        "name": task.name or task.step,
        "step": task.step,
        "target": task.target,
        "state": show.state_of(task),
        "took": plain.duration(task.seconds),
        "share": round(100 * (task.seconds or 0) / longest) if longest else 0,
        "started": f", begun {plain.moment(task.started_at)}" if task.started_at else "",
        "attempts": f", {plain.count(task.attempts, 'attempt')}" if task.attempts else "",
        "failures": [(failed.words, failed.output) for failed in task.failures],
        "notes": [(name, told) for name, told in notes if told],
    }


def _gate(task: TaskEvidence) -> tuple[str, ...]:
    found = plain.facts(task.facts) or task.why
    return task.task, task.step, task.target, show.state_of(task), found


def _trust(audit: Audit) -> dict[str, Any]:  # Any: what the template shows
    verdict, head, limits = report.trust(audit)
    where, _, digest = head.rpartition(": ")
    return {
        "trusted": audit.good,
        "verdict": verdict,
        "remarks": show.remarks(audit.problems) + show.remarks(audit.warnings),
        "head_of": where,
        "head": digest,
        "limits": limits,
    }
