"""A guarded environment: it takes no plan forward that was not drilled elsewhere as it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

from pyinfra.context import host, inventory

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.command import (
    inventory_file,
    is_confirmed,
    is_dry,
    named_environment,
    runbook_file,
    to_paste,
)
from handrail.engine.contract import load
from handrail.engine.inventory import data_of
from handrail.engine.likeness import code_of, moved, shape_of
from handrail.engine.needs import is_amount
from handrail.engine.proofs import Places, carried_proofs, found_proofs
from handrail.engine.signers import Signers, signers_of
from handrail.ledger.entry import now
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.ledger.kept import Kept
from handrail.ledger.location import project_of
from handrail.ledger.proof import Proof
from handrail.naming import ticked

DAYS = 30.0
SHOWN = 5  # of what moved


@dataclass(frozen=True)
class Guard:
    """What an inventory says of how it is guarded.

    Args:
        guarded: Nothing goes forward here that was not drilled.
        places: Where proofs are looked for; None where nothing was read of an inventory.
        days: How old a proof may be.
        signers: Who may sign a proof that comes as a file: by name, public SSH keys.
    """

    guarded: bool = False
    places: Places | None = None
    days: float = DAYS
    signers: Signers = field(default_factory=dict)

    @classmethod
    def here(cls, kept: Kept) -> Self:
        """Read what the inventory says.

        Args:
            kept: This environment's ledger; where no places are named, its neighbours are asked.

        Raises:
            WrongCommand: a value is not of its kind.
        """
        project = project_of(Path(inventory_file()).absolute().parent)
        given, days = host.data.get("proofs"), host.data.get("proof_days", DAYS)
        signers, guarded = host.data.get("signers"), host.data.get("guarded", False)
        if not is_amount(days):
            raise _wrong("proof_days", days, "a number of days above 0")
        if not isinstance(guarded, bool):
            raise _wrong("guarded", guarded, "True or False")
        places = Places(_named(given), project, kept)
        return cls(guarded, places, float(days), signers_of("signers", signers))

    def proofs(self, runbook: str) -> Iterator[Proof | str]:
        """Yield the proofs of a runbook, and why some place has none."""
        return found_proofs(self.places, runbook, self.signers) if self.places else iter(())

    def carried(self, runbook: str) -> Iterator[Proof]:
        """Yield the proofs of a runbook that came as signed files."""
        return _proofs_in(carried_proofs(self.places, runbook, self.signers) if self.places else ())

    def ledgers(self) -> Iterator[Kept]:
        """Yield the ledgers that proofs are looked for in."""
        found = self.places.ledgers() if self.places else iter(())
        return (each for each in found if not isinstance(each, str))

    def said(self, choices: Choices) -> dict[str, Any]:  # Any: JSON
        """Return what the ledger keeps of the plan, where that matters: in a drill, and here."""
        if not choices.drill and not self.guarded:
            return {}
        return {"plan": {"code": code_of(Path(runbook_file())), "shape": _shape()}}

    def refusal(self, environment: str, calls: Calls, choices: Choices) -> RunbookError | None:
        """Return why the runbook must not start here, or None where it may."""
        steps = {call.step for call in calls.declared.values()}
        if not self.guarded or all(map(_is_gate, steps)):
            return None
        if _is_unlooked_at():
            return RunbookError(
                "the run did not start",
                f"`{environment}` is guarded, and with `-y` nobody is asked which one is meant",
                f"add `--data environment={environment}`, after a look with `--dry`",
            )
        return None if "proof" in choices.overrides else self._undrilled(calls.runbook)

    def _undrilled(self, name: str) -> RunbookError | None:
        """Return the refusal of a runbook that no proof holds for; None where one does."""
        whys = self._doubts(name)
        if not whys:
            return None
        runbook = runbook_file()
        override = to_paste(runbook, override="proof", reason="…")
        return RunbookError(
            "the run did not start",
            f"this environment is guarded, and no drill proves `{runbook}` as it is: {whys[0]}",
            f"drill it: `handrail drill inventory/staging.py {runbook}`; or go on without, on "
            f"record: `{override}`",
        )

    def _doubts(self, runbook: str) -> list[str]:
        """Return why no proof holds, the newest proof's first; empty where one does."""
        found = list(self.proofs(runbook))
        proofs = sorted(_proofs_in(found), key=attrgetter("ended_at"), reverse=True)
        doubts = list(map(self._doubt, proofs))
        if "" in doubts:
            return []
        whys = [each for each in found if isinstance(each, str)]
        return doubts + whys or [f"no drill of `{runbook}` is on record"]

    def _doubt(self, proof: Proof) -> str:
        """Return why a proof does not hold for what would run here; nothing where it does."""
        drilled = f"the drill of {proof.ended_at[:10]} on {proof.environment}"
        age = now() - datetime.fromisoformat(proof.ended_at)
        if age > timedelta(days=self.days):
            return f"{drilled} is {age.days} days old, at most {self.days:g} are allowed"
        if files := _names(proof.code, code_of(Path(runbook_file()))):
            return f"changed since {drilled}: {files}"
        if data := _names(proof.shape, _shape()):
            return f"the inventory's data has another shape than in {drilled}: {data}"
        return ""


def _proofs_in(found: Iterable[Proof | str]) -> Iterator[Proof]:
    return (each for each in found if isinstance(each, Proof))


def _is_unlooked_at() -> bool:
    """Tell whether it begins with nobody asked, and nobody named the environment."""
    return is_confirmed() and not is_dry() and not named_environment()


def _names(was: Mapping[str, Any], now_is: Mapping[str, Any]) -> str:  # Any: nested
    found = list(moved(was, now_is))
    rest = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ticked(found[:SHOWN]) + rest


@cache
def _is_gate(step: str) -> bool:
    return load(step).is_gate


def _shape() -> dict[str, Any]:  # Any: nested
    return shape_of((each.name, data_of(each)) for each in inventory)


def _named(given: object) -> tuple[str, ...] | None:
    """Return the places that `proofs` names: one alone, or a list; None where it names none.

    Raises:
        WrongCommand: it is neither.
    """
    match given:
        case None:
            return None
        case str():
            return (given,)
        case list() | tuple() if all(isinstance(each, str) for each in given):
            return tuple(given)
    raise _wrong("proofs", given, "a list of files, folders and ledgers")


def _wrong(key: str, value: object, wanted: str) -> WrongCommand:
    why = f"`{key}` is `{value}`, not {wanted}"
    return WrongCommand("the run did not start", why, f"correct `{key}` in the inventory")
