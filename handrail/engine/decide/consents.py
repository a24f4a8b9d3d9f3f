"""Consents of which nothing can come: of a wrong form, for nothing there, for what has moved on."""

from collections.abc import Iterator
from dataclasses import replace

from handrail.engine.attempt.consent import Consent
from handrail.engine.decide.known import BeforeFacts, unknown
from handrail.ledger.errors import InDoubt, PreconditionUnmet, RunbookError, WrongCommand
from handrail.ledger.run import Run
from handrail.ledger.task import Standing
from handrail.naming import ticked


def wrong_consents(facts: BeforeFacts) -> Iterator[RunbookError]:
    """Yield what is wrong with each consent of the command."""
    for consent in facts.choices.consents:
        yield from _wrong_consent(facts, consent)


def _wrong_consent(facts: BeforeFacts, consent: Consent) -> Iterator[RunbookError]:
    named = f"`{consent.text()}`"
    targets = facts.targets_of(consent.task)
    if not targets:
        tasks = list(dict.fromkeys(task for task, _ in facts.known()))
        yield unknown(f"{named} names no task of this run", consent.task, tasks)
    elif consent.target not in ("", *targets):
        yield unknown(f"{named} names no target of task `{consent.task}`", consent.target, targets)
    else:
        yield from _unfit_consent(facts, consent, targets)


def _unfit_consent(
    facts: BeforeFacts, consent: Consent, targets: list[str]
) -> Iterator[RunbookError]:
    """A consent is for this kind of run, has a reason, and is about one task on one target."""
    named = f"`{consent.text()}`"
    if not _is_for(consent, facts.run):
        where = f"a {'rollback' if facts.run.undoes else 'run forward'}"
        yield WrongCommand(
            "nothing was started", f"{named} is not a choice in {where}", "leave it out"
        )
    elif not facts.choices.reason:
        yield PreconditionUnmet(
            "nothing was started", f"{named}: an override needs a reason", 'add `--data reason="…"`'
        )
    elif facts.key_of(consent) is None:
        forms = ticked(_form(consent, target, facts) for target in targets)
        yield WrongCommand(
            "nothing was started",
            f"{named} is for one target, and task `{consent.task}` has {len(targets)}",
            f"say for which: {forms}",
        )
    elif not facts.is_spent(consent):
        yield from _stale_consent(facts, consent)


def _is_for(consent: Consent, run: Run) -> bool:
    """Tell whether a choice is one of this kind of run: some are of a rollback, some of none."""
    back = bool(run.undoes)
    return {"redo": False, "undo": True, "irreversible": True}.get(consent.choice, back) == back


def _stale_consent(facts: BeforeFacts, consent: Consent) -> Iterator[RunbookError]:
    """A consent answers what the operator has seen; if that has moved on, it is not taken."""
    if consent.kind == "accept":
        return
    task = facts.task_of(consent)
    standing, begun = (task.standing, task.begun) if task else (Standing.NONE, 0)
    named, now = f"`{consent.text()}`", _stands(standing, begun)
    if not _answers(facts, consent, standing):
        yield InDoubt(
            "nothing was started",
            f"{named} answers what is no longer so: {now}",
            "look again, and run the command without it",
        )
    elif consent.attempt not in (begun, None):
        form = _form(consent, consent.target, facts)
        yield InDoubt(
            "nothing was started",
            f"{named} answers attempt {consent.attempt}: {now}",
            f"look again; then `--data {form}`",
        )
    elif consent.kind == "settle" and consent.attempt is None:
        form = _form(consent, consent.target, facts)
        yield WrongCommand(
            "nothing was started",
            f"{named} does not name the attempt that it answers: {now}",
            f"look there; then `--data {form}`",
        )


def _answers(facts: BeforeFacts, consent: Consent, standing: Standing) -> bool:
    """Tell whether what a consent is about is still so: a doubt, or that something is done."""
    if consent.kind == "settle":
        skipped = standing is Standing.SKIPPED and consent.choice == "retry"
        return skipped or standing is Standing.IN_DOUBT
    return bool(facts.run.undoes) or standing in {Standing.CHANGED, Standing.UNCHANGED}


def _form(consent: Consent, target: str, facts: BeforeFacts) -> str:
    """Return how a consent would be typed for a target, for the attempt that stands now."""
    targets = facts.targets_of(consent.task)
    on = target or targets[0]
    task = facts.run.tasks.get((consent.task, on))
    full = replace(consent, attempt=(task.begun if task else 0) or None)
    return full.text(on if len(targets) > 1 else "")


def _stands(standing: Standing, attempt: int) -> str:
    if standing is Standing.IN_DOUBT:
        return f"the task is in doubt since attempt {attempt}"
    return "nothing is on record of it" if standing is Standing.NONE else f"the task is {standing}"
