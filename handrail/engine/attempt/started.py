"""What the ledger says of an attempt that starts."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handrail.engine.attempt.command import inventory_file, runbook_file
from handrail.engine.attempt.origin import origin
from handrail.ledger.people import os_user

if TYPE_CHECKING:
    from handrail.engine.attempt.attempt import Attempt


def started(attempt: "Attempt") -> dict[str, Any]:  # Any: JSON
    """Return the body of the entry; what there is nothing to say of is left out."""
    calls, choices = attempt.calls, attempt.choices
    declared = [[each.task, each.step, each.target, each.name] for each in calls.in_order()]
    body = {
        "runbook_sha256": hashlib.sha256(Path(runbook_file()).read_bytes()).hexdigest(),
        "inventory": inventory_file(),
        "plan_sha256": calls.digest(),
        "saved_plan": digest_of(choices.plan),
        "os_user": os_user(),
        "owners": calls.owners,
        "asks": calls.asked(),
        "expected": calls.expected(),
        **origin(),
        **calls.requirements.said(each.task for each in calls.in_order()),
        "holds": [[each.label, each.name, each.after] for each in calls.holds.values()],
        "to": choices.to,
        "without": list(choices.without),
        "overrides": list(choices.overrides),
        **attempt.guard.said(choices),
        "drilled": _drilled(attempt),
        **attempt.budget.said(),
    }
    return {"declared": declared} | {key: value for key, value in body.items() if value}


def _drilled(attempt: "Attempt") -> dict[str, Any]:  # Any: JSON
    """Return the newest drill whose proof came as a file: what it measured is not here otherwise.

    What code and data it was of was held against this plan, and is not kept.
    """
    found = attempt.guard.carried(attempt.runbook) if not attempt.run.undoes else ()
    newest = max(found, key=lambda proof: proof.ended_at, default=None)
    return replace(newest, code={}, shape={}).as_json() if newest else {}


def digest_of(path: str) -> str:
    """Return what identifies a saved plan in the ledger, hex; empty where none is named."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""
