"""The runbook engine: contracts carried out by pyinfra and remembered by a ledger."""

from handrail.clients.secret import Secret
from handrail.engine import person
from handrail.engine.attempt.opening import begin
from handrail.engine.borrowed import adopt, uses
from handrail.engine.children import living_on
from handrail.engine.clause import check
from handrail.engine.contract import Commands, Sql, call, irreversible
from handrail.engine.finding import Finding, fails, holds, holds_if, unknown
from handrail.engine.hold import hold
from handrail.engine.output import output
from handrail.engine.person import approve
from handrail.engine.record import Record
from handrail.engine.signature import FROM_RUN, FROM_TARGET
from handrail.engine.steps import gate, step
from handrail.engine.telling import progress, say, waits
from handrail.engine.undo import roll_back

__all__ = [
    "FROM_RUN",
    "FROM_TARGET",
    "Commands",
    "Finding",
    "Record",
    "Secret",
    "Sql",
    "adopt",
    "approve",
    "begin",
    "call",
    "check",
    "fails",
    "gate",
    "hold",
    "holds",
    "holds_if",
    "irreversible",
    "living_on",
    "output",
    "person",
    "progress",
    "roll_back",
    "say",
    "step",
    "unknown",
    "uses",
    "waits",
]
