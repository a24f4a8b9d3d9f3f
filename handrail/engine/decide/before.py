"""What is decided before any step of an attempt: doubts outlive edits, and nothing is guessed."""

from collections.abc import Callable, Iterator

from handrail.engine.attempt.consent import Consent
from handrail.engine.decide.consents import wrong_consents
from handrail.engine.decide.known import BeforeFacts, Key, place, unknown
from handrail.ledger.errors import InDoubt, PreconditionUnmet, RunbookError, WrongCommand
from handrail.ledger.task import Task


def refusals(facts: BeforeFacts) -> Iterator[RunbookError]:
    """Yield what forbids to start, the first first: a command that is wrong, then a doubt."""
    for row in ROWS:
        yield from row(facts)


def _idle_tasks(facts: BeforeFacts) -> Iterator[RunbookError]:
    if facts.choices.without:
        return  # a task may be for a target that is left out
    for task, where in facts.calls.idle():
        yield RunbookError(
            f"runbook `{facts.calls.runbook}` was not started",
            f"task `{task}` ({where}) runs on no target of `{facts.environment}`",
            "correct its `on=`, or put a target of that name or group into the inventory",
        )


def _unknown_places(facts: BeforeFacts) -> Iterator[RunbookError]:
    """`to=` and `until=` name what there is."""
    places = [*facts.calls.places, *facts.calls.holds]
    to = "" if facts.run.undoes else facts.choices.to
    if to not in ["", *places]:
        yield unknown(f"`to={to}` names no task and no hold of this runbook", to, places)
    yield from _unknown_hold(facts)
    yield from _unknown_untils(facts)


def _unknown_untils(facts: BeforeFacts) -> Iterator[RunbookError]:
    """A gate is history once a task is done; a stake ends with a task, a hold, or the run."""
    tasks = list(facts.calls.places)
    places = [*tasks, *facts.calls.holds]
    for gate, until in facts.calls.untils.items():
        if until not in tasks:
            yield unknown(f"gate `{gate}` says `until={until}`, which is not a task", until, tasks)
    for step, (_, until) in facts.calls.stakes.items():
        if until not in ["", *places]:
            why = f"step `{step}` says `until={until}`, which is neither a task nor a hold"
            yield unknown(why, until, places)


def _unknown_hold(facts: BeforeFacts) -> Iterator[RunbookError]:
    """`on_failure=rollback:HOLD` names a hold that there is; a rollback is not rolled back."""
    said, holds = facts.choices.on_failure, list(facts.calls.holds)
    word, _, label = said.partition(":")
    if word == "rollback" and facts.run.undoes:
        why, fix = f"`on_failure={said}`: this is a rollback itself", "leave it out, or say `again`"
        yield WrongCommand("nothing was started", why, fix)
    elif label and label not in holds:
        yield unknown(f"`on_failure={said}` names no hold of this runbook", label, holds)


def _wrong_left_out(facts: BeforeFacts) -> Iterator[RunbookError]:
    """A target is left out by its name, and with a reason."""
    known = facts.targets | facts.recorded
    for name in facts.choices.without:
        if name not in known:
            yield unknown(f"`without={name}` names no target", name, known)
        elif not facts.choices.reason:
            yield PreconditionUnmet(
                "nothing was started",
                f"`without={name}`: an override needs a reason",
                'add `--data reason="…"`',
            )


def _lost_targets(facts: BeforeFacts) -> Iterator[RunbookError]:
    """A target that is gone takes nothing with it that is on record."""
    if facts.run.undoes:
        return
    for (task, target), each in facts.run.tasks.items():
        if each.receipt is not None and facts.is_missed(target):
            yield PreconditionUnmet(
                "nothing was started",
                f"`{target}` is not in this inventory, and task `{task}` "
                f"{'is in doubt there' if each.in_doubt else 'changed it'}",
                "run it with the inventory that has it; or leave it out by name: "
                f'`--data without={target} --data reason="…"`',
            )


def _lost_doubts(facts: BeforeFacts) -> Iterator[RunbookError]:
    """A doubt outlives edits: while one is open, its call renamed or removed, nothing starts."""
    if facts.run.undoes:
        return
    for key, task in facts.run.tasks.items():
        if _is_lost(facts, key, task):
            yield from _unsettled(facts, key, task)


def _unsettled(facts: BeforeFacts, key: Key, task: Task) -> Iterator[RunbookError]:
    """Yield why the doubt of a call that is gone stays open: unsettled, or not like this."""
    said = [each for each in facts.choices.consents if facts.key_of(each) == key]
    if not any(each.kind == "settle" for each in said):
        yield _lost_doubt(facts, key, task)
        return
    for consent in said:
        yield from _unanswered(facts, key, task, consent)


def _is_lost(facts: BeforeFacts, key: Key, task: Task) -> bool:
    """Tell whether a task is in doubt whose call is gone, on a target that is not left out."""
    gone = key not in facts.calls.declared and key[1] not in facts.choices.without
    return task.in_doubt and gone


def _unanswered(
    facts: BeforeFacts, key: Key, task: Task, consent: Consent
) -> Iterator[RunbookError]:
    """Yield why a consent does not answer the doubt of a call that is gone."""
    if consent.choice == "retry":
        yield _lost_doubt(facts, key, task)
    elif consent.choice == "moved" and consent.to not in renamed_to(facts, key):
        yield PreconditionUnmet(
            "nothing was started",
            f"`{consent.text()}`: no call of `{task.declared.step}` with the same arguments stands "
            f"under `{consent.to}` on `{key[1]}`",
            "name the call that has the same step, target and arguments",
        )


def _lost_doubt(facts: BeforeFacts, key: Key, task: Task) -> RunbookError:
    begun = task.attempt
    form = f"settle={place(facts.known(), key)}#{begun}"
    moved = "".join(f"`--data {form}:moved:{new}`, " for new in renamed_to(facts, key))
    return InDoubt(
        f"runbook `{facts.calls.runbook}` was not started",
        f"attempt {begun} began task `{key[0]}` ({task.declared.step}) on {key[1]}, its end is not "
        "on record, and the runbook no longer declares it",
        f"put the call back; or {moved}`--data {form}:adopt` or `:skip`, "
        'with `--data reason="…"`; or roll the run back',
    )


def renamed_to(facts: BeforeFacts, key: Key) -> list[str]:
    """Return the new calls of the same step with the same arguments on the same target."""
    receipt = facts.run.tasks[key].receipt
    if receipt is None:
        return []
    today = facts.arguments_today(receipt.step, receipt.arguments)
    return [
        call.task
        for new, call in facts.calls.declared.items()
        if call.target == receipt.target
        and not _has_begun(facts, new)
        and facts.same_step(receipt.step, call.step)
        and dict(facts.calls.arguments[new]) == today
    ]


def _has_begun(facts: BeforeFacts, key: Key) -> bool:
    return key in facts.run.tasks and bool(facts.run.tasks[key].attempts)


def _other_steps(facts: BeforeFacts) -> Iterator[RunbookError]:
    """A task id keeps its step, under this name or under the step's new one."""
    for key, call in facts.calls.declared.items():
        receipt = facts.run.tasks[key].receipt if key in facts.run.tasks else None
        if receipt is not None and not facts.same_step(receipt.step, call.step):
            yield PreconditionUnmet(
                f"runbook `{facts.calls.runbook}` was not started",
                f"task `{key[0]}` changed something else already in this run: the step was "
                f"`{receipt.step}`, is `{call.step}`; what was there before is on record for the "
                "former only",
                f'give this call a task id of its own (`task="{key[0]}b"`, say): the former stays '
                "on record and a rollback puts it back; then the same command again",
            )


def _not_confirmed(facts: BeforeFacts) -> Iterator[RunbookError]:
    """What was armed and not confirmed in time goes back before anything goes on."""
    found = None if facts.run.undoes else facts.overdue()
    if found is not None:
        yield found


def _not_drilled(facts: BeforeFacts) -> Iterator[RunbookError]:
    """Where an environment is guarded, nothing goes forward that was not drilled as it is."""
    found = None if facts.run.undoes else facts.unproven()
    if found is not None:
        yield found


ROWS: tuple[Callable[[BeforeFacts], Iterator[RunbookError]], ...] = (
    _idle_tasks,
    _unknown_places,
    wrong_consents,
    _wrong_left_out,
    _lost_targets,
    _lost_doubts,
    _other_steps,
    _not_confirmed,
    _not_drilled,
)
