"""An Ansible-style idempotent runbook engine on pyinfra: what authors of steps and runbooks use.

The names are read from `handrail.engine` when they are first asked for, so that the ledger and the
`handrail` command start without pyinfra.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.engine import (
        FROM_RUN,
        FROM_TARGET,
        Commands,
        Finding,
        Record,
        Secret,
        Sql,
        adopt,
        approve,
        begin,
        call,
        check,
        fails,
        gate,
        hold,
        holds,
        holds_if,
        irreversible,
        living_on,
        output,
        person,
        progress,
        roll_back,
        say,
        step,
        unknown,
        uses,
        waits,
    )

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


def __getattr__(name: str) -> Any:  # Any: whatever the engine exports
    if name not in __all__:
        raise AttributeError(f"module `handrail` has no attribute `{name}`")
    return getattr(import_module("handrail.engine"), name)
