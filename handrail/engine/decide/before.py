"""What is decided before any step of an attempt: doubts outlive edits, and nothing is guessed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.consent import Consent
from handrail.engine.nearest import nearest
from handrail.ledger.errors import InDoubt, PreconditionUnmet, RunbookError, WrongCommand
from handrail.ledger.run import Run
from handrail.ledger.task import Record, Task

Key = tuple[str, str]  # task, target


@dataclass(frozen=True)
class BeforeFacts:
    """What is known when every call of the runbook was read and none was carried out.

    Args:
        run: The run as the ledger knows it, without what is declared now.
        calls: What the runbook declares now.
        choices: What the operator said.
        targets: Names of the inventory's targets.
        recorded: Names of the targets that the run, or the one that it undoes, has to do with.
        environment: Its name.
        same_step: Tells whether a name on record and a name of now are the same step.
    """

    run: Run
    calls: Calls
    choices: Choices
    targets: frozenset[str]
    recorded: frozenset[str]
    environment: str
    same_step: Callable[[str, str], bool]

    def key_of(self, consent: Consent) -> Key | None:
        """Return the one task that a consent is about, or None where it could be several."""
        keys = [key for key in self.known() if key[0] == consent.task]
        keys = [key for key in keys if consent.target in ("", key[1])]
        return keys[0] if len(keys) == 1 else None

    def known(self) -> list[Key]:
        """Return every task, of the runbook as it reads now and on record."""
        return list(dict.fromkeys([*self.calls.declared, *self.run.tasks]))

    def is_spent(self, consent: Consent) -> bool:
        """Tell whether a consent was used before: an attempt's number makes it one of its kind."""
        key = self.key_of(consent)
        text = consent.text(key[1]) if key else consent.text()
        used = {reason for what, reason in self.run.spent if what == text}
        return bool(used) if consent.attempt is not None else self.choices.reason in used


def refusals(facts: BeforeFacts) -> Iterator[RunbookError]:
    """Yield what forbids to start, the first first: a command that is wrong, then a doubt."""
    for row in ROWS:
        yield from row(facts)


def _idle_tasks(facts: BeforeFacts) -> Iterator[RunbookError]:
    if facts.choices.without:
        return  # a task may be for a target that is left out
    for task, place in facts.calls.idle():
        yield RunbookError(
            f"runbook `{facts.calls.runbook}` was not started",
            f"task `{task}` ({place}) runs on no target of `{facts.environment}`",
            "correct its `on=`, or put a target of that name or group into the inventory",
        )


def _unknown_places(facts: BeforeFacts) -> Iterator[RunbookError]:
    """`to=` and `until=` name what there is."""
    tasks = list(facts.calls.places)
    to = facts.choices.to
    if to and not facts.run.undoes and to not in {*tasks, *facts.calls.holds}:
        yield _unknown(f"`to={to}` names no task and no hold of this runbook", to,
                       [*tasks, *facts.calls.holds])  # fmt: skip
    for gate, until in facts.calls.untils.items():
        if until not in tasks:
            yield _unknown(f"gate `{gate}` says `until={until}`, which is no task", until, tasks)


def _wrong_consents(facts: BeforeFacts) -> Iterator[RunbookError]:
    for consent in facts.choices.consents:
        yield from _wrong_consent(facts, consent)


def _wrong_consent(facts: BeforeFacts, consent: Consent) -> Iterator[RunbookError]:
    named = f"`{consent.text()}`"
    tasks = list(dict.fromkeys(task for task, _ in facts.known()))
    if consent.task not in tasks:
        yield _unknown(f"{named} names no task of this run", consent.task, tasks)
        return
    targets = [target for task, target in facts.known() if task == consent.task]
    if consent.target and consent.target not in targets:
        yield _unknown(f"{named} names no target of task `{consent.task}`", consent.target, targets)
        return
    fits = {"redo": False, "undo": True, "irreversible": True}.get(consent.choice)
    if fits is not None and fits != bool(facts.run.undoes):
        where = "a rollback" if facts.run.undoes else "a run forward"
        yield WrongCommand(
            "nothing was started", f"{named} is no choice in {where}", "leave it out"
        )
    elif not facts.choices.reason:
        yield PreconditionUnmet(
            "nothing was started", f"{named}: an override needs a reason", 'add `--data reason="…"`'
        )
    elif facts.key_of(consent) is None:
        forms = ", ".join(f"`{_form(consent, target, facts)}`" for target in targets)
        yield WrongCommand(
            "nothing was started",
            f"{named} is for one target, and task `{consent.task}` has {len(targets)}",
            f"say for which: {forms}",
        )
    elif not facts.is_spent(consent):
        yield from _stale_consent(facts, consent)


def _stale_consent(facts: BeforeFacts, consent: Consent) -> Iterator[RunbookError]:
    """A consent answers what the operator has seen; if that has moved on, it is not taken."""
    key = facts.key_of(consent)
    task = facts.run.tasks.get(key) if key else None
    record = task.record if task else Record.NONE
    begun = task.receipt.attempt if task and task.receipt else 0
    named, now = f"`{consent.text()}`", _stands(record, begun)
    if consent.kind == "accept":
        return
    doubtful = record is Record.IN_DOUBT or (record is Record.SKIPPED and consent.choice == "retry")
    settled = record in {Record.CHANGED, Record.UNCHANGED}
    answers = doubtful if consent.kind == "settle" else settled or bool(facts.run.undoes)
    if not answers:
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


def _wrong_left_out(facts: BeforeFacts) -> Iterator[RunbookError]:
    """A target is left out by its name, and with a reason."""
    known = facts.targets | facts.recorded
    for name in facts.choices.without:
        if name not in known:
            yield _unknown(f"`without={name}` names no target", name, known)
        elif not facts.choices.reason:
            yield PreconditionUnmet(
                "nothing was started",
                f"`without={name}`: an override needs a reason",
                'add `--data reason="…"`',
            )


def _lost_targets(facts: BeforeFacts) -> Iterator[RunbookError]:
    """A target that is gone takes nothing with it that is on record."""
    for (task, target), each in facts.run.tasks.items():
        gone = target not in facts.targets and target not in facts.choices.without
        if gone and each.receipt is not None and not facts.run.undoes:
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
    answered = {facts.key_of(each) for each in facts.choices.consents if each.kind == "settle"}
    for key, task in facts.run.tasks.items():
        left_out = key[1] in facts.choices.without
        if task.in_doubt and key not in facts.calls.declared and not left_out:
            if key not in answered:
                yield _lost_doubt(facts, key, task)
                continue
            for consent in facts.choices.consents:
                if facts.key_of(consent) == key:
                    yield from _unanswered(facts, key, task, consent)


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
    begun = task.receipt.attempt if task.receipt else max(task.attempts, default=0)
    form = f"settle={place(facts.known(), key)}#{begun}"
    moved = "".join(f"`--data {form}:moved:{new}`, " for new in renamed_to(facts, key))
    return InDoubt(
        f"runbook `{facts.calls.runbook}` was not started",
        f"attempt {begun} began task `{key[0]}` ({task.declared.step}) on {key[1]}, its end is not "
        "on record, and the runbook declares it no more",
        f"put the call back; or {moved}`--data {form}:adopt` or `:skip`, "
        'with `--data reason="…"`; or roll the run back',
    )


def renamed_to(facts: BeforeFacts, key: Key) -> list[str]:
    """Return the new calls of the same step with the same arguments on the same target."""
    receipt = facts.run.tasks[key].receipt
    return [
        task
        for (task, target), call in facts.calls.declared.items()
        if receipt is not None
        and target == key[1]
        and ((task, target) not in facts.run.tasks or not facts.run.tasks[task, target].attempts)
        and facts.same_step(receipt.step, call.step)
        and dict(facts.calls.arguments[task, target]) == dict(receipt.arguments)
    ]


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


ROWS: tuple[Callable[[BeforeFacts], Iterator[RunbookError]], ...] = (
    _idle_tasks,
    _unknown_places,
    _wrong_consents,
    _wrong_left_out,
    _lost_targets,
    _lost_doubts,
    _other_steps,
)


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Return the nearest of what there is as a question, else all of it."""
    names = list(dict.fromkeys(known))
    near = nearest(typed, names)
    if near:
        return f"did you mean `{near}`?"
    return f"there are: {', '.join(f'`{name}`' for name in names)}" if names else "there is none"


def place(known: Iterable[Key], key: Key) -> str:
    """Return what a consent calls a task: with its target where it has more than one."""
    elsewhere = any(task == key[0] and target != key[1] for task, target in known)
    return f"{key[0]}@{key[1]}" if elsewhere else key[0]


def _unknown(why: str, typed: str, known: Iterable[str]) -> WrongCommand:
    return WrongCommand("nothing was started", why, did_you_mean(typed, known))


def _form(consent: Consent, target: str, facts: BeforeFacts) -> str:
    """Return how a consent would be typed for a target, for the attempt that stands now."""
    targets = [at for task, at in facts.known() if task == consent.task]
    on = target or targets[0]
    task = facts.run.tasks.get((consent.task, on))
    begun = task.receipt.attempt if task and task.receipt else None
    full = Consent(consent.kind, consent.task, consent.target, begun, consent.choice, consent.to)
    return full.text(on if len(targets) > 1 else "")


def _stands(record: Record, attempt: int) -> str:
    if record is Record.IN_DOUBT:
        return f"the task is in doubt since attempt {attempt}"
    return f"the task is {record}" if record is not Record.NONE else "nothing is on record of it"
