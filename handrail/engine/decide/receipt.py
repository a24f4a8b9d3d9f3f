"""The table of a receipt in a rollback: whether it is undone, and what forbids that."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from handrail.engine.decide.decision import Decision, Do
from handrail.engine.finding import Finding
from handrail.ledger.errors import RunbookError


class Reads(StrEnum):
    """How what a step captures reads now, against its receipt."""

    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Reading:
    """What a look at the captured subject said; `why` and `fix` where it cannot be read."""

    reads: Reads
    why: str = ""
    fix: str = ""


@dataclass(frozen=True)
class ReceiptFacts:
    """What is known of one receipt in a rollback, and what can be asked.

    Args:
        place: The task as `drift=` and `accept=` call it.
        begun: A rollback of it began and has no end on record. Rollback clauses may be repeated:
            a law holds every step to it.
        covered_by: The step whose way back takes this one back, too; empty where there is none.
        irreversible: Why there is no way back, and what to do instead; empty where there is one.
        accepted: An operator accepted, with a reason, that it stays.
        doubtful: The act was in doubt, or an operator skipped it: its effect may be there or not.
        cancels: It says how to cancel what it asked of somebody else and may still arrive.
        after: What it left is on record; of what was adopted it is not.
        blind: What it left reads as what was there before: `captures` does not see its effect.
        keeps_since: Its rollback keeps what others wrote there since.
        consent: undo, where the operator said so of this very task.
        gone: What of its snapshot is gone for good, as sentences; empty where nothing is.
        orphan: Asks whether a command of a killed attempt is at work.
        reading: Asks what stands there.
        ensures: Asks the claim of the step.
    """

    place: str
    begun: bool
    covered_by: str
    irreversible: str
    accepted: bool
    doubtful: bool
    cancels: bool
    after: bool
    blind: bool
    keeps_since: bool
    consent: str
    gone: str
    orphan: Callable[[], RunbookError | None]
    reading: Callable[[], Reading]
    ensures: Callable[[], Finding]

    @property
    def has_own_way(self) -> bool:
        """Tell whether it is put back by itself: it can be, and no other way back does it."""
        return not (self.covered_by or self.irreversible)

    def reads(self, wanted: Reads) -> bool:
        """Ask whether what stands there reads as it did then."""
        return self.reading().reads is wanted


def _cannot_look(facts: ReceiptFacts) -> Decision | None:
    if found := facts.orphan():
        return Decision(Do.REFUSE, "would refuse", found.why, found.fix)
    if facts.has_own_way and facts.reads(Reads.UNREADABLE):
        reading = facts.reading()
        return Decision(Do.REFUSE, "would refuse", reading.why, reading.fix, may_change=True)
    return None


def _was_begun(facts: ReceiptFacts) -> Decision | None:
    if not (facts.begun and facts.has_own_way):
        return None
    if facts.reads(Reads.BEFORE) and not facts.blind:
        done = Decision(Do.AS_BEFORE, "as before", "its rollback was interrupted, and is done")
        return _may_still_arrive(facts) or done
    return Decision(Do.UNDO, "would undo", "its rollback was interrupted")


def _is_covered(facts: ReceiptFacts) -> Decision | None:
    if facts.covered_by:
        return Decision(Do.COVERED, "goes back with", f"{facts.covered_by} takes it back, too")
    return None


def _is_irreversible(facts: ReceiptFacts) -> Decision | None:
    if not facts.irreversible:
        return None
    hint = "" if facts.accepted else f"; accept it with `--data accept={facts.place}:irreversible`"
    return Decision(
        Do.KEEP, "irreversible", f"{facts.irreversible}{hint}", cancels=_is_on_its_way(facts)
    )


def _claim_decides(facts: ReceiptFacts) -> Decision | None:
    if facts.doubtful or (facts.after and not facts.blind):
        return None
    found = facts.ensures()
    if not found.told:
        why = f"it cannot be told what stands there now: {found.why}"
        return Decision(Do.REFUSE, "would refuse", why, found.fix, may_change=True)
    if found.passed:
        return Decision(Do.UNDO, "would undo")
    if facts.reads(Reads.BEFORE):
        return Decision(Do.AS_BEFORE, "as before", found.why)
    return _drift(facts, found.why)


def _is_on_its_way(facts: ReceiptFacts) -> bool:
    return facts.doubtful and facts.cancels


def _may_still_arrive(facts: ReceiptFacts) -> Decision | None:
    if not (_is_on_its_way(facts) and facts.reads(Reads.BEFORE)):
        return None
    why = "it was interrupted, and what it asked for may still arrive"
    return Decision(Do.AS_BEFORE, "would cancel", why, cancels=True)


def _is_as_before(facts: ReceiptFacts) -> Decision | None:
    return Decision(Do.AS_BEFORE, "as before") if facts.reads(Reads.BEFORE) else None


def _is_undone(facts: ReceiptFacts) -> Decision | None:
    if facts.doubtful:
        return Decision(Do.UNDO, "would undo", "it was interrupted")
    return Decision(Do.UNDO, "would undo") if facts.reads(Reads.AFTER) else None


def _has_drifted(facts: ReceiptFacts) -> Decision | None:
    found = facts.ensures()
    if facts.keeps_since and found.passed:
        return Decision(Do.UNDO, "would undo", "what was written there since is kept aside")
    seen = "its claim still holds, and what it captures reads otherwise" if found.passed else ""
    return _drift(facts, seen or found.why)


ROWS: tuple[Callable[[ReceiptFacts], Decision | None], ...] = (
    _cannot_look,
    _was_begun,
    _is_covered,
    _is_irreversible,
    _claim_decides,
    _may_still_arrive,
    _is_as_before,
    _is_undone,
    _has_drifted,
)


def _drift(facts: ReceiptFacts, why: str) -> Decision:
    why = "; ".join(filter(None, [facts.gone, why]))
    if facts.consent == "undo":
        return Decision(Do.UNDO, "would undo", f"drift: {why}")
    return Decision(
        Do.DRIFT,
        "would refuse",
        f"what it left there was changed since: {why}",
        "find out who changed it; then the same command with "
        f'`--data drift={facts.place}:undo --data reason="…"`',
        may_change=True,
    )
