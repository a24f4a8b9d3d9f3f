"""What the operator decided with ``--data``: drift, interrupted steps, and why."""

import getpass
from dataclasses import dataclass
from typing import Self

from handrail.engine.attempt.command import said
from handrail.ledger.errors import RunbookError

DRIFT = {"", "redo", "undo"}
SETTLEMENTS = {"retry", "adopt", "skip"}


@dataclass(frozen=True)
class Choices:
    """The overrides of one command, each as it was typed."""

    reason: str
    drift: str
    settlements: dict[str, str]  # by task, or task@target
    operator: str
    takeover: str = ""  # token of the lease to take from its owner, alive or not

    @classmethod
    def given(cls) -> Self:
        """Read them from the command line, else from the inventory.

        Raises:
            RunbookError: one is not among those there are.
        """
        drift = said("drift")
        if drift not in DRIFT:
            raise _unknown(f"`drift={drift}`", "`drift=redo`; in a rollback `drift=undo`")
        settlements = {}
        for each in filter(None, said("settle").split(",")):
            place, _, choice = each.rpartition(":")
            if not place or choice not in SETTLEMENTS:
                raise _unknown(f"`settle={each}`", "`settle=TASK:retry`, `:adopt` or `:skip`")
            settlements[place] = choice
        operator = said("operator") or getpass.getuser()
        reason, takeover = said("reason").strip(), said("takeover")
        if takeover and not reason:
            raise RunbookError(
                "the run did not start",
                "taking a lease from its owner needs a reason; it is kept in the ledger",
                f'add `--data takeover={takeover} --data reason="…"`',
            )
        return cls(reason, drift, settlements, operator, takeover)


def _unknown(typed: str, known: str) -> RunbookError:
    return RunbookError("the run did not start", f"{typed} is not a choice", f"write {known}")
