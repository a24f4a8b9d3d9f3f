"""One call of a step on one target: its contract, its arguments, what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pyinfra.context import host

from handrail.clients.errors import ClientError
from handrail.clients.secret import is_reference
from handrail.engine import arguments as values
from handrail.engine import snapshot
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.clause import Clause, chosen, parameters, takes_names
from handrail.engine.contract import Contract
from handrail.engine.facts import facts_answer
from handrail.engine.inventory import data_of
from handrail.engine.names import current_arguments, former_arguments, former_names
from handrail.engine.nested import rebuilt
from handrail.engine.output import resolved
from handrail.engine.secrecy import know
from handrail.engine.signature import SUPPLIED
from handrail.ledger.entry import Event
from handrail.ledger.errors import PreconditionUnmet
from handrail.ledger.task import Receipt, Task


@dataclass
class Act:
    """One call of a step on this target, its arguments both plain and live."""

    attempt: Attempt
    contract: Contract
    task: Task
    plain: dict[str, Any]  # Any: JSON
    live: dict[str, Any]  # Any: what the annotations name
    digest: str
    former: tuple[str, ...] = ()  # the digest under each name that it had before
    found: str = ""  # digest of what `captures` read just before it acts

    @classmethod
    def recorded(cls, attempt: Attempt, contract: Contract, receipt: Receipt) -> Self:
        """Read the arguments of a receipt; what the step was made from need not be there any more.

        What the step takes today and did not take then is the target's data of that name.

        Raises:
            PreconditionUnmet: one has not the form its type needs.
        """
        known = current_arguments(contract.name, receipt.arguments)
        plain, _ = values.complete(contract, known, data_of(host), host.name)
        live = _live(attempt, contract, receipt.task, plain)
        return cls(attempt, contract, attempt.task(receipt.task), plain, live, receipt.digest)

    @classmethod
    def of(cls, attempt: Attempt, contract: Contract, task: str, plain: dict[str, Any]) -> Self:
        """Read the arguments.

        Raises:
            PreconditionUnmet: one does not have the form its type needs; a secret cannot be read.
            NotToldYet: one is what an earlier task records, and that has not run yet.
        """
        plain = resolved(plain, attempt.run, host.name)
        live = _live(attempt, contract, task, plain)
        try:
            digest, *former = [
                values.digest(name, arguments, live, attempt.vault)
                for arguments in (plain, *former_arguments(contract.name, plain))
                for name in (contract.name, *former_names(contract.name))
            ]
        except ClientError as error:
            raise refusal(contract, f"{error.what}: {error.why}", error.fix) from None
        return cls(attempt, contract, attempt.task(task), plain, live, digest, tuple(former))

    @property
    def is_as_recorded(self) -> bool:
        """Tell whether its arguments are those that the ledger knows of it."""
        return self.task.digest in (self.digest, *self.former)

    def record(self, event: Event, *, reason: str = "", **body: Any) -> None:  # Any: JSON
        """Write to the ledger about this step on this target.

        A refusal leaves out the digest: the act that is on record stays the one that was done.
        """
        declared = self.task.declared
        if event is not Event.STEP_REFUSED:
            body["digest"] = self.digest
        self.attempt.append(
            event, task=declared.task, step=self.contract.name, reason=reason, body=body
        )

    def other_subject(self) -> str:
        """Return in which way the snapshot on record is of another thing; empty where it is not.

        The first snapshot is kept over every edit of a runbook, so what it was taken of must not
        change: a rollback would put it back in the wrong place. Where `captures` takes a dictionary
        as names, other values under the same names are the same thing.
        """
        receipt, captures = self.task.receipt, self.contract.captures
        if receipt is None or captures is None:
            return ""
        known = current_arguments(self.contract.name, receipt.arguments)
        was, now = _subject(captures, known), _subject(captures, self.plain)
        changed = [name for name in was if _named(was[name]) != _named(now[name])]
        return "; ".join(f"`{name}` was `{was[name]}`, is `{now[name]}`" for name in changed)

    def captured(self, captures: Clause) -> Any:  # Any: a snapshot
        """Return what is there now, as the step's `captures` reads it.

        Raises:
            PreconditionUnmet: it cannot be read.
        """
        try:
            with facts_answer():
                return captures(**chosen(captures, self.live))
        except ClientError as error:
            what = f"what is there cannot be read: {error.what}: {error.why}"
            raise refusal(self.contract, what, error.fix) from None

    def trace(self) -> str:
        """Return a digest of what `captures` reads now; empty where the step captures nothing.

        Raises:
            PreconditionUnmet: it cannot be read.
        """
        captures = self.contract.captures
        return snapshot.trace(self.captured(captures), self.attempt.vault) if captures else ""


def _live(
    attempt: Attempt,
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> dict[str, Any]:  # Any: what the annotations name
    know(plain)
    try:
        return values.revive(contract, plain, task, attempt.run.undoes or attempt.run.id)
    except ClientError as error:
        raise refusal(contract, f"{error.what}: {error.why}", error.fix) from None


def refusal(contract: Contract, why: str, fix: str) -> PreconditionUnmet:
    """Return the refusal of a step that did not start."""
    return PreconditionUnmet(f"{contract.name} did not start on {host.name}", why, fix)


def _subject(captures: Clause, arguments: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return what a clause takes of a call's arguments; of what it takes as names, the names."""
    found = {name: arguments.get(name) for name in parameters(captures) if name not in SUPPLIED}
    names = [name for name in found if takes_names(captures, name)]
    return found | {name: sorted(found[name] or ()) for name in names}


def _named(value: Any) -> Any:  # Any: JSON
    """Return an argument with secret references levelled: a key may move to another place."""
    return rebuilt(value, lambda leaf: "a secret" if is_reference(leaf) else leaf)
