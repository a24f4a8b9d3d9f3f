"""A plan as data for programs."""

from dataclasses import asdict
from typing import Any

from handrail.engine.outline.felt import Felt
from handrail.engine.outline.line import Line
from handrail.engine.outline.outline import Outline, Phase
from handrail.ledger.views.times import Estimate

JSON = dict[str, Any]  # Any: JSON


def as_json(found: Outline) -> JSON:
    """Return a plan; times are in seconds, and null where nobody measured them."""
    attempt = found.attempt
    return {
        "environment": attempt.environment,
        "run": attempt.run.id,
        "runbook": attempt.run.runbook,
        "undoes": attempt.run.undoes or None,
        "phases": [_phase(phase) for phase in found.phases],
        "counts": dict(found.counts),
        "stops": found.stops or attempt.refusal is not None,
        "refusal": _refusal(found),
        "stakes": [_felt(each) for each in found.stakes],
        "expected": _estimate(found.expected),
        "way_back": _estimate(found.way_back),
        "way_back_then": _estimate(found.way_back_then),
        "measured_on": list(found.sources),
        "no_longer_declared": list(found.lost),
        "beside": attempt.beside or None,
    }


def _phase(phase: Phase) -> JSON:
    return {
        "holds": [{"label": hold.label, "name": hold.name} for hold in phase.holds],
        "expected": _estimate(phase.expected),
        "calls": [_line(line) for line in phase.lines],
    }


def _line(line: Line) -> JSON:
    return {
        "task": line.call.task,
        "step": line.call.step,
        "targets": [call.target for call in line.calls],
        "name": line.call.name,
        "owner": line.owner or None,
        "would": line.decision.do,
        "word": line.decision.word,
        "why": line.decision.why,
        "whys": line.whys,
        "next": line.decision.fix or None,
        "stops": line.decision.stops,
        "promise": line.promise,
        "expected": asdict(line.expected) if line.expected else None,
        "rollback": line.rollback or None,
        "irreversible": line.kept or None,
        "loses": line.loses or None,
        "confirm_minutes": line.confirm_minutes or None,
        "previews": line.previews,
        "no_preview": line.unseen,
        "from_the_inventory": line.bindings,
    }


def _felt(felt: Felt) -> JSON:
    return {
        "stake": felt.text,
        "from": felt.task,
        "target": felt.target,
        "until": felt.until or None,
        "since": felt.since or None,
        "lasts": _estimate(felt.lasts),
        "left_on": felt.left_on,
        "back_to": felt.back_to or None,
    }


def _refusal(found: Outline) -> JSON | None:
    refusal = found.attempt.refusal
    return {"why": refusal.why, "next": refusal.fix} if refusal else None


def _estimate(estimate: Estimate) -> JSON:
    return {
        "seconds": round(estimate.seconds, 3) if estimate.known else None,
        "p95_seconds": round(estimate.p95_seconds, 3) if estimate.known else None,
        "tasks": estimate.tasks,
        "unmeasured": estimate.unmeasured,
    }
