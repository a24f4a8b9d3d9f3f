"""The table of a step: what its record, its claims and the operator's word lead to."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from handrail.engine.decide.decision import Decision, Do
from handrail.engine.finding import Finding
from handrail.ledger.errors import RunbookError
from handrail.ledger.task import Standing

SETTLED = {Standing.CHANGED, Standing.UNCHANGED}


class Arguments(StrEnum):
    """How a call compares with what is on record of it."""

    SAME = "same"
    CHANGED = "changed"
    OTHER_SUBJECT = "other subject"  # what `captures` reads is another thing than it was


@dataclass(frozen=True)
class StepFacts:
    """What is known of one call of a step on one target, and what can be asked.

    Args:
        place: The task as `settle=` and `drift=` call it: with its target where it has several.
        standing: What the ledger says.
        attempt: The attempt that began it last.
        arguments: Its arguments against those on record.
        edits: Which of its arguments are others than on record, and how; for the operator.
        difference: In which way the subject is another; for the operator.
        idempotent: It may act again unasked.
        void: A step before it acted since its claim was last proven.
        consent: retry, adopt, skip or redo, where the operator said so of this very task.
        redone: A consent to redo it was spent before.
        claim: What `ensures` claims, for the middle of a sentence.
        orphan: Asks whether a command of a killed attempt is at work.
        ensures: Asks the claim.
        unmet: Asks its requirements; the refusal of the first that does not hold.
        untouched: Asks whether what it captures reads as it left it.
        elsewhere: The machine and the folder there, on which alone it keeps what shows that it was
            done; empty where there is no such folder, or it is here.
    """

    place: str
    standing: Standing
    attempt: int
    arguments: Arguments
    difference: str
    idempotent: bool
    void: bool
    consent: str
    redone: bool
    claim: str
    orphan: Callable[[], RunbookError | None]
    ensures: Callable[[], Finding]
    unmet: Callable[[], RunbookError | None]
    untouched: Callable[[], bool]
    edits: str = ""
    elsewhere: tuple[str, str] | tuple[()] = ()


def _orphan(facts: StepFacts) -> Decision | None:
    found = facts.orphan()
    return _refusal(found.why, found.fix) if found else None


def _stays_skipped(facts: StepFacts) -> Decision | None:
    if facts.standing is Standing.SKIPPED and facts.consent != "retry":
        return Decision(Do.LEAVE, "skipped", "an operator said so")
    return None


def _is_skipped(facts: StepFacts) -> Decision | None:
    if facts.standing is Standing.IN_DOUBT and facts.consent == "skip":
        return Decision(Do.SKIP, "would skip", "it was interrupted, and an operator says so")
    return None


def _doubt_of_another_subject(facts: StepFacts) -> Decision | None:
    if _is_doubtful(facts) and facts.arguments is Arguments.OTHER_SUBJECT:
        return _other_subject(facts)
    return None


def _is_adopted(facts: StepFacts) -> Decision | None:
    if _is_doubtful(facts) and facts.ensures().passed:
        why = facts.ensures().why or "its effect is there"
        return Decision(Do.ADOPT, "would adopt", f"it was interrupted; {why}")
    return None


def _doubt_cannot_be_told(facts: StepFacts) -> Decision | None:
    return _cannot_tell(facts) if _is_doubtful(facts) and not _is_told(facts) else None


def _is_vouched_for(facts: StepFacts) -> Decision | None:
    if facts.standing is Standing.IN_DOUBT and facts.consent == "adopt":
        why = f"it was interrupted, and an operator says that it is done; {facts.ensures().why}"
        return Decision(Do.VOUCH, "would adopt", why)
    return None


def _acts_in_doubt(facts: StepFacts) -> Decision | None:
    if _is_doubtful(facts) and (facts.idempotent or facts.consent == "retry"):
        return _act(facts, "would run again", f"it was interrupted; {_unproven(facts)}")
    return None


def _asks(facts: StepFacts) -> Decision | None:
    if not _is_doubtful(facts):
        return None
    named = f"{facts.place}#{facts.attempt}"
    return Decision(
        Do.ASK,
        "would ask",
        f"attempt {facts.attempt} began it and its end is not on record; {_unproven(facts)}; "
        "it is not declared idempotent, so it does not run twice unattended",
        f"look there, then the same command with `--data settle={named}:retry` (or `:adopt`, "
        '`:skip`) and `--data reason="…"`; or roll the run back',
        f"it was interrupted, and is not idempotent; {_unproven(facts)}",
    )


def _unproven_is_looked_at(facts: StepFacts) -> Decision | None:
    if facts.standing is not Standing.UNPROVEN or not _is_told(facts):
        return None
    if facts.ensures().passed:
        return Decision(Do.CONFIRM, "unchanged", "adopted, and proven now")
    return Decision(Do.LEAVE, "unproven", f"an operator vouched for it; {_unproven(facts)}")


def _settled_cannot_be_told(facts: StepFacts) -> Decision | None:
    settled = facts.standing in SETTLED | {Standing.UNPROVEN}
    return _cannot_tell(facts) if settled and not _is_told(facts) else None


def _holds_still(facts: StepFacts) -> Decision | None:
    if facts.standing not in SETTLED or not facts.ensures().passed:
        return None
    why = facts.ensures().why
    if facts.arguments is not Arguments.SAME:
        edited = f"its arguments changed{facts.edits}; what it claims holds"
        return Decision(Do.CONFIRM, "unchanged", edited)
    return Decision(Do.CONFIRM if facts.void else Do.LEAVE, "unchanged", why)


def _void_is_done_again(facts: StepFacts) -> Decision | None:
    again = facts.void and facts.idempotent
    if _is_settled_as_called(facts) and again and facts.untouched():
        return _act(facts, "would run again", f"a step before it acted since; {_unproven(facts)}")
    return None


def _is_redone(facts: StepFacts) -> Decision | None:
    if _is_settled_as_called(facts) and facts.consent == "redo":
        return _act(facts, "would run again", f"drift: {_unproven(facts)}")
    return None


def _kept_elsewhere(facts: StepFacts, machine: str, folder: str) -> Decision:
    return _refusal(
        f"it was done in this run on `{machine}`, and the folder that shows it, `{folder}`, is not "
        f"on this machine: {_unproven(facts)}",
        f"bring it here: `rsync -a {machine}:{folder}/ {folder}/` (it may lie under another path "
        "there), or give both machines one `directory`; then the same command again",
    )


def _has_drifted(facts: StepFacts) -> Decision | None:
    if not _is_settled_as_called(facts):
        return None
    if facts.elsewhere:
        return _kept_elsewhere(facts, *facts.elsewhere)
    named = f"{facts.place}#{facts.attempt}" if facts.redone else facts.place
    since = "; a step before it acted since" if facts.void else ""
    return Decision(
        Do.DRIFT,
        "would refuse",
        f"it was done in this run and no longer holds: {_unproven(facts)}{since}",
        "find out who changed it; then the same command with "
        f'`--data drift={named}:redo --data reason="…"`',
        f"drift: {_unproven(facts)}{since}",
    )


def _edited_is_done_again(facts: StepFacts) -> Decision | None:
    if facts.standing in SETTLED and facts.arguments is Arguments.CHANGED:
        return _act(
            facts, "would run again", f"its arguments changed{facts.edits}; {_unproven(facts)}"
        )
    return None


def _settled_is_of_another_subject(facts: StepFacts) -> Decision | None:
    return _other_subject(facts) if facts.standing in SETTLED else None


def _holds_already(facts: StepFacts) -> Decision | None:
    return Decision(Do.NOTE, "unchanged", facts.ensures().why) if facts.ensures().passed else None


def _must_not_act(facts: StepFacts) -> Decision | None:
    if not _is_told(facts):
        return _cannot_tell(facts)
    unmet = facts.unmet()
    return _unmet(unmet) if unmet else None


def _acts(facts: StepFacts) -> Decision | None:
    if facts.standing is Standing.ROLLED_BACK:
        return Decision(Do.ACT, "would run again", f"it was rolled back; {_unproven(facts)}")
    return Decision(Do.ACT, "would run", _unproven(facts))


ROWS: tuple[Callable[[StepFacts], Decision | None], ...] = (
    _orphan,
    _stays_skipped,
    _is_skipped,
    _doubt_of_another_subject,
    _is_adopted,
    _doubt_cannot_be_told,
    _is_vouched_for,
    _acts_in_doubt,
    _asks,
    _unproven_is_looked_at,
    _settled_cannot_be_told,
    _holds_still,
    _void_is_done_again,
    _is_redone,
    _has_drifted,
    _edited_is_done_again,
    _settled_is_of_another_subject,
    _holds_already,
    _must_not_act,
    _acts,
)


def _is_doubtful(facts: StepFacts) -> bool:
    """Tell whether it is in doubt; what was skipped and is to be tried after all is, too."""
    tried = facts.standing is Standing.SKIPPED and facts.consent == "retry"
    return tried or facts.standing is Standing.IN_DOUBT


def _is_settled_as_called(facts: StepFacts) -> bool:
    return facts.standing in SETTLED and facts.arguments is Arguments.SAME


def _is_told(facts: StepFacts) -> bool:
    return facts.ensures().told


def _unproven(facts: StepFacts) -> str:
    return facts.ensures().why or f"not yet so: {facts.claim}"


def _act(facts: StepFacts, word: str, why: str) -> Decision:
    unmet = facts.unmet()
    return _unmet(unmet) if unmet else Decision(Do.ACT, word, why)


def _unmet(found: RunbookError) -> Decision:
    return Decision(Do.REFUSE, "would refuse", found.why, found.fix, may_change=True, unmet=True)


def _cannot_tell(facts: StepFacts) -> Decision:
    why = f"whether {facts.claim} cannot be told: {facts.ensures().why}"
    fix = facts.ensures().fix or "make it visible, then the same command again"
    return Decision(Do.REFUSE, "would refuse", why, fix, f"not told yet: {why}", may_change=True)


def _refusal(why: str, fix: str) -> Decision:
    return Decision(Do.REFUSE, "would refuse", why, fix)


def _other_subject(facts: StepFacts) -> Decision:
    task = facts.place.partition("@")[0]
    return _refusal(
        f"task `{task}` changed something else already in this run: {facts.difference}; "
        "what was there before is on record for the former only",
        "roll it back first; or give this call a task id of its own "
        f'(`task="{task}b"`, say): the former stays on record and a rollback puts it back; '
        "then the same command again",
    )
