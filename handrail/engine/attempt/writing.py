"""How an attempt becomes the one writer of its environment's ledger, and opens there."""

import gc
from typing import TYPE_CHECKING

from handrail.engine.attempt.heartbeat import keep_beating
from handrail.engine.attempt.lost import settle_lost_doubts
from handrail.engine.attempt.started import started
from handrail.ledger.entry import BESIDE, Event
from handrail.ledger.errors import LedgerUnwritable, RunbookError, RunLocked
from handrail.ledger.lease import BEATS, Lease, Owner
from handrail.ledger.seam import Ledger, NoLedger
from handrail.ledger.writer import Writer

if TYPE_CHECKING:
    from handrail.engine.attempt.attempt import Attempt


def become_the_writer(attempt: "Attempt") -> None:
    """Take the lease, open the attempt in the ledger and keep the lease until the end.

    Raises:
        RunbookError: another process is at work or was since the plan was made, or the ledger does
            not take entries.
    """
    gc.freeze()  # every call was read, and stays to the end
    ledger = _ledger(attempt)
    lease = _lease(attempt, ledger)
    attempt.writer = Writer(ledger, lease)
    try:
        if not attempt.vault.known:
            ledger.bind_vault(attempt.vault.fingerprint())
        _refuse_moved(attempt, ledger)
        _open(attempt, lease.took_over)
    except RunbookError:
        attempt.writer.release()
        attempt.writer = None
        raise
    keep_beating(attempt.writer.beat, lease.seconds / BEATS)


def _ledger(attempt: "Attempt") -> Ledger:
    """Return the ledger, made where there is none, with its vault."""
    ledger = attempt.inventory.kept.open(attempt.environment, create=True)
    if isinstance(ledger, NoLedger):  # narrows the type; create=True makes the file
        raise LedgerUnwritable("the ledger was not made", "it is not there", "see `df -h`")
    attempt.ledger = ledger
    attempt.vault = attempt.inventory.kept.vault(ledger)
    return ledger


def _lease(attempt: "Attempt", ledger: Ledger) -> Lease:
    owner = Owner.this_process(attempt.choices.operator)
    return ledger.take_lease(owner, attempt.inventory.lease_seconds, attempt.choices.takeover)


def _refuse_moved(attempt: "Attempt", ledger: Ledger) -> None:
    """Raise where a run wrote since the plan was made; what people say beside one moves nothing."""
    if any(entry.event not in BESIDE for entry in ledger.since(attempt.seen.seq)):
        raise RunLocked(
            f"runbook `{attempt.runbook}` did not start",
            "another command was at work on this environment since this one made its plan",
            "the same command again; it resumes from what the ledger holds",
        )


def _open(attempt: "Attempt", took_over: str) -> None:
    """Say in the ledger that the run goes on, or that it begins."""
    known, reason = attempt.runs.get(attempt.run.id), attempt.choices.reason
    attempt.run = known or attempt.run
    attempt.number = attempt.run.attempts + 1
    if took_over:
        attempt.append(Event.LOCK_TAKEN_OVER, reason=took_over)
    if known is None:
        attempt.append(Event.RUN_OPENED, reason=reason, body=_opened(attempt))
    attempt.append(Event.ATTEMPT_STARTED, reason=reason, body=started(attempt))
    settle_lost_doubts(attempt)


def _opened(attempt: "Attempt") -> dict[str, object]:
    """Return what the entry of a new run says."""
    drill = attempt.choices.drill
    opened = {"runbook": attempt.runbook} | dict(attempt.body)
    return opened | {"drill": drill} if drill else opened
