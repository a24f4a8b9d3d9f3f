"""Each start of the command that a run took, as its entries tell it."""

from collections.abc import Iterable
from dataclasses import dataclass

from handrail.ledger.entry import Entry, Event


@dataclass
class Attempt:
    """One start of the command."""

    number: int
    actor: str
    started_at: str
    reason: str = ""
    inventory: str = ""
    runbook_sha256: str = ""
    ended_at: str = ""  # empty where it was killed, or is at work
    outcome: str = ""
    stopped_by: str = ""

    def end(self, entry: Entry) -> None:
        """Take its last word into account."""
        self.ended_at = entry.at
        self.outcome = str(entry.body.get("outcome", ""))
        self.stopped_by = str(entry.body.get("stopped_by", ""))


def attempts_of(own: Iterable[Entry]) -> list[Attempt]:
    """Return the attempts of a run, oldest first.

    Args:
        own: Its entries, oldest first.
    """
    attempts: list[Attempt] = []
    for entry in own:
        if entry.event is Event.ATTEMPT_STARTED:
            attempts.append(_started(entry))
        elif entry.event is Event.ATTEMPT_ENDED and attempts:
            attempts[-1].end(entry)
    return attempts


def _started(entry: Entry) -> Attempt:
    return Attempt(
        number=entry.attempt,
        actor=entry.actor,
        started_at=entry.at,
        reason=entry.reason,
        inventory=str(entry.body.get("inventory", "")),
        runbook_sha256=str(entry.body.get("runbook_sha256", "")),
    )
