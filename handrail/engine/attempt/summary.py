"""The last lines of every command: where the run stands, and the next commands to paste."""

import shlex
from collections import Counter
from pathlib import Path

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import runbook_file, to_paste
from handrail.engine.attempt.consent import Consent
from handrail.engine.attempt.going_back import rollback_file
from handrail.ledger.arming import armed_in
from handrail.ledger.run import Outcome, Run
from handrail.ledger.task import Standing, Task, TaskState
from handrail.naming import phrase, ticked


def summary(attempt: Attempt) -> list[str]:
    """Return the lines that say where the run stands and what to type next."""
    run, holds = attempt.run, attempt.calls.holds
    held = run.outcome is Outcome.HELD and run.held in holds
    told = [f"{run.held}: {holds[run.held].name}"] if held else []
    told += [*_spent_lines(attempt), *_open_lines(attempt)]
    told += [f"{label + ':':<10} {command}" for label, command in _next_commands(attempt)]
    stands = _stands(attempt)
    return [stands if stands.endswith("?") else f"{stands}.", *(f"    {line}" for line in told)]


def _stands(attempt: Attempt) -> str:
    """Return one sentence: which run, how far it came, where it stands."""
    run = attempt.run
    noun = "receipts settled" if run.undoes else "steps proven"
    done = sum(map(run.is_proven, run.tasks.values()))
    head, count = f"{run.kind} {run.id} on {attempt.environment}: ", f"{done} of {len(run.tasks)}"
    if run.outcome is Outcome.PROVEN:
        return f"{head}{count if run.undoes else f'all {done}'} {noun}"
    return f"{head}{count} {noun}, {_ended(attempt)}"


def _ended(attempt: Attempt) -> str:
    """Return how a run stands that is not proven."""
    run = attempt.run
    if run.outcome is Outcome.FINISHED:
        return f"finished: {_unproven(run)}"
    if run.outcome is Outcome.HELD:
        return f"held at {run.held}" if run.held else "held until it is confirmed"
    return f"stopped at {_stopped_at(attempt)}"


def _unproven(run: Run) -> str:
    """Return what of a finished run nobody can prove, in numbers."""
    standings = Counter(task.standing for task in run.tasks.values())
    parts = (
        phrase("{} not undone" if run.undoes else "{} skipped", standings[Standing.SKIPPED]),
        phrase("{} adopted unproven", standings[Standing.UNPROVEN]),
        phrase("without {}", ticked(run.without)),
    )
    return ", ".join(filter(None, parts))


def _stopped_at(attempt: Attempt) -> str:
    if attempt.stopped_by:
        return attempt.stopped_by
    if attempt.refusal is not None:
        return f"its beginning: {attempt.refusal.why}"
    waiting = attempt.run.next_task()
    if waiting is None:
        return "its beginning: no step was read"
    declared = waiting.declared
    return f"{declared.step} ({declared.task}) on {declared.target}"


def _spent_lines(attempt: Attempt) -> list[str]:
    """Return what was said of consents that had been used before: they are not used twice."""
    used = [(each, _used_by(attempt, each)) for each in attempt.choices.consents]
    return [
        f"`{consent.text()}` was used by attempt {by} and no longer counts"
        for consent, by in used
        if 0 < by < attempt.number
    ]


def _used_by(attempt: Attempt, consent: Consent) -> int:
    """Return the newest attempt that used a consent; 0 where none did."""
    key = attempt.facts().key_of(consent)
    text = consent.text(key[1] if key else "")
    return max((at for (what, _), at in attempt.run.spent.items() if what == text), default=0)


def _open_lines(attempt: Attempt) -> list[str]:
    """Return what of a run is not proven, or not undone, and what to do about it."""
    run = attempt.run
    lines = [_open_line(attempt, task) for task in run.tasks.values()]
    lines += [f"armed: {each.words}" for each in armed_in(run)]
    return [*filter(None, lines), *_left_there(attempt)]


def _left_there(attempt: Attempt) -> list[str]:
    """Return what a rollback did not undo, for its target was left out."""
    undone = attempt.runs.get(attempt.run.undoes)
    return [
        f"left there: {each.step} ({each.task}) on {each.target}, for the target was left out"
        for each in (undone.receipts() if undone else ())
        if each.target in attempt.choices.without
    ]


def _open_line(attempt: Attempt, task: Task) -> str:
    """Return what of one task is not proven, or not undone; empty where nothing is open."""
    call = task.declared
    named = f"{call.step} ({call.task}) on {call.target}"
    if task.standing is Standing.UNPROVEN:
        return f"adopted unproven: {named}: {task.why}".rstrip(": ")
    if attempt.run.undoes:
        return f"not undone: {named}: {task.why}" if task.state is TaskState.SKIPPED else ""
    skipped = task.standing is Standing.SKIPPED
    return f"skipped: {named}; do it with {_retry(attempt, task)}" if skipped else ""


def _retry(attempt: Attempt, task: Task) -> str:
    return f'`--data settle={attempt.place(task)}#{task.attempt}:retry --data reason="…"`'


def _next_commands(attempt: Attempt) -> list[tuple[str, str]]:
    """Return the next commands, each with what it is for."""
    run = attempt.run
    if run.undoes:
        return _after_rollback(attempt)
    back = ("roll back", to_paste(str(rollback_file()), run=run.id, reason="…"))
    over = run.outcome in {Outcome.PROVEN, Outcome.FINISHED}
    first = _evidence(attempt, "report") if over else ("resume", to_paste(runbook_file()))
    return [first, back] if run.receipts() else [first]


def _after_rollback(attempt: Attempt) -> list[tuple[str, str]]:
    """Return the next commands of a rollback: it goes on, or the run may go forward again."""
    run, evidence = attempt.run, _evidence(attempt, "show")
    if run.outcome is Outcome.PROVEN:
        forward = Path(runbook_file()).parent / f"{attempt.undone.runbook}.py"
        return [evidence, ("again", to_paste(str(forward)))]
    data = {"run": run.undoes, "reason": attempt.choices.reason or "…"}
    if attempt.body.get("to"):
        data["to"] = str(attempt.body["to"])
    return [("resume", to_paste(runbook_file(), **data)), evidence]


def _evidence(attempt: Attempt, verb: str) -> tuple[str, str]:
    ledger = shlex.quote(str(attempt.inventory.kept))
    return "evidence", f"handrail {verb} {attempt.run.id} --ledger {ledger}"
