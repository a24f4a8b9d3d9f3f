"""The runbook engine: contracts carried out by pyinfra and remembered by a ledger."""

from operations.clients.secret import Secret
from operations.engine.contract import Commands, call, check, irreversible
from operations.engine.finding import Finding, fails, holds, holds_if, unknown
from operations.engine.opening import begin
from operations.engine.steps import gate, step
from operations.engine.telling import say
from operations.engine.undo import roll_back

__all__ = [
    "Commands",
    "Finding",
    "Secret",
    "begin",
    "call",
    "check",
    "fails",
    "gate",
    "holds",
    "holds_if",
    "irreversible",
    "roll_back",
    "say",
    "step",
    "unknown",
]
