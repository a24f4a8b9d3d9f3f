"""What the operator decided with ``--data``: consents, where to hold, and why."""

import getpass
from dataclasses import dataclass
from typing import Self

from handrail.engine.attempt.command import every, said, typed_data
from handrail.engine.attempt.consent import FORMS, Consent
from handrail.ledger.errors import RunbookError, WrongCommand
from handrail.naming import ticked

OVERRIDES = ("proof", "budget", "interlock", "plan")
# What may be said beforehand of a call that does not go through; the first two need no reason.
NO = {"", "0", "false"}
ON_FAILURE = ("look", "leave", "again", "adopt", "skip", "rollback")


@dataclass(frozen=True)
class Choices:
    """The overrides of one command."""

    reason: str
    operator: str
    consents: tuple[Consent, ...]
    to: str  # a task or a label: where to hold, or how far to go back
    without: tuple[str, ...]  # targets that are left out, by name
    takeover: str = ""  # token of the lease to take from its owner, alive or not
    drill: str = ""  # the drill that this command is a leg of
    overrides: tuple[str, ...] = ()  # what is not to forbid the start, although it would
    sql: str = ""  # the file that a plan's SQL goes to
    plan: str = ""  # the file of a saved plan that this command goes by
    freeze: str = ""  # the file that a plan is saved to
    diff: bool = False  # a plan shows in full what would change
    calls: bool = False  # it shows each call in a line of its own, however many there are
    on_failure: str = ""  # what is done where a call does not go through and nobody can be asked

    @classmethod
    def given(cls) -> Self:
        """Read them from the command line, else from the inventory.

        Raises:
            WrongCommand: one is not of the form that there is.
            RunbookError: a lease is to be taken from its owner, and nobody says why.
        """
        typed = dict(typed_data())
        reason, takeover = said("reason").strip(), said("takeover")
        if takeover and not reason:
            raise _unreasoned(
                "taking a lease from its owner",
                f'add `--data takeover={takeover} --data reason="…"`',
            )
        consents = [each for kind in FORMS for each in Consent.read_all(kind, every(kind))]
        return cls(
            reason=reason,
            operator=said("operator") or getpass.getuser(),
            consents=tuple(consents),
            to=said("to").strip(),
            without=tuple(filter(None, _listed("without"))),
            takeover=takeover,
            drill=said("drill"),
            overrides=_overrides(reason),
            sql=said("sql"),
            plan=typed.get("plan", ""),
            freeze=typed.get("freeze", ""),
            on_failure=_on_failure(reason),
            diff=said("diff").lower() not in NO,
            calls=said("calls").lower() not in NO,
        )


def _on_failure(reason: str) -> str:
    """Return what is done where a call does not go through.

    Raises:
        WrongCommand: it is none of what can be done.
        RunbookError: nobody says why.
    """
    given = said("on_failure").strip()
    if not _is_choice(given):
        why = f"`on_failure={given}` is not a choice"
        raise WrongCommand(
            "the run did not start", why, f"write one of {ticked(ON_FAILURE)}, `rollback:HOLD`"
        )
    if given.partition(":")[0] in ON_FAILURE[2:] and not reason:
        raise _unreasoned(f"`on_failure={given}`: an override")
    return given


def _is_choice(given: str) -> bool:
    """Tell whether it is nothing, one of what can be done, or a rollback to a hold."""
    word, _, label = given.partition(":")
    return not given or (word in ON_FAILURE and (not label or word == "rollback"))


def _listed(name: str) -> list[str]:
    """Return each of the names that a key lists, with commas between."""
    return [each.strip() for text in every(name) for each in text.split(",")]


def _unreasoned(what: str, fix: str = 'add `--data reason="…"`') -> RunbookError:
    why = f"{what} needs a reason; it is kept in the ledger"
    return RunbookError("the run did not start", why, fix)


def _overrides(reason: str) -> tuple[str, ...]:
    """Return what is overridden.

    Raises:
        WrongCommand: there is nothing of that name to override.
        RunbookError: nobody says why.
    """
    given = tuple(dict.fromkeys(_listed("override")))
    for name in given:
        if name not in OVERRIDES:
            why = f"`override={name}`: there is nothing of that name to override"
            raise WrongCommand("the run did not start", why, f"what can be: {ticked(OVERRIDES)}")
    if given and not reason:
        raise _unreasoned(f"`override={','.join(given)}`: an override")
    return given
