"""The last lines of every command: where the run stands, and the next commands to paste."""

import shlex
from pathlib import Path

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import runbook_file, to_paste
from handrail.ledger.arming import armed_in
from handrail.ledger.run import Outcome, Run
from handrail.ledger.task import Standing, Task, TaskState
from handrail.naming import ticked


def summary(attempt: Attempt) -> list[str]:
    """Return the lines that say where the run stands and what to type next."""
    run = attempt.run
    lines = [f"{_stands(attempt)}."]
    lines += [f"    {line}" for line in [*_spent_lines(attempt), *_open_lines(attempt)]]
    for label, command in _next_commands(attempt):
        lines.append(f"    {label + ':':<10} {command}")
    if run.outcome is Outcome.HELD and run.held in attempt.calls.holds:
        lines.insert(1, f"    {run.held}: {attempt.calls.holds[run.held].name}")
    return lines


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
    skipped = sum(task.standing is Standing.SKIPPED for task in run.tasks.values())
    unproven = sum(task.standing is Standing.UNPROVEN for task in run.tasks.values())
    parts = []
    if skipped:
        parts.append(f"{skipped} {'not undone' if run.undoes else 'skipped'}")
    if unproven:
        parts.append(f"{unproven} adopted unproven")
    if run.without:
        parts.append(f"without {ticked(run.without)}")
    return ", ".join(parts)


def _stopped_at(attempt: Attempt) -> str:
    if attempt.stopped_by:
        return attempt.stopped_by
    if attempt.refusal is not None:
        return f"its beginning: {attempt.refusal.why}"
    waiting = attempt.run.next_task()
    if waiting is None:
        return "a runbook without steps"
    declared = waiting.declared
    return f"{declared.step} ({declared.task}) on {declared.target}"


def _spent_lines(attempt: Attempt) -> list[str]:
    """Return what was said of consents that had been used before: they are not used twice."""
    facts = attempt.facts()
    told = []
    for consent in attempt.choices.consents:
        key = facts.key_of(consent)
        text = consent.text(key[1] if key else "")
        used = [at for (what, _), at in attempt.run.spent.items() if what == text]
        if used and max(used) < attempt.number:
            told.append(f"`{consent.text()}` was used by attempt {max(used)} and no longer counts")
    return told


def _open_lines(attempt: Attempt) -> list[str]:
    """Return what of a run is not proven, or not undone, and what to do about it."""
    run = attempt.run
    lines = list(filter(None, (_open_line(attempt, task) for task in run.tasks.values())))
    lines += [f"armed: {each.words}" for each in armed_in(run)]
    if run.undoes:
        left = attempt.runs[run.undoes].receipts()
        lines += [
            f"left there: {each.step} ({each.task}) on {each.target}, for the target was left out"
            for each in left
            if each.target in attempt.choices.without
        ]
    return lines


def _open_line(attempt: Attempt, task: Task) -> str:
    """Return what of one task is not proven, or not undone; empty where nothing is open."""
    call, undoes = task.declared, bool(attempt.run.undoes)
    named = f"{call.step} ({call.task}) on {call.target}"
    if undoes and task.state is TaskState.SKIPPED:
        return f"not undone: {named}: {task.why}"
    if not undoes and task.standing is Standing.SKIPPED:
        return f"skipped: {named}; do it with {_retry(attempt, task)}"
    unproven = task.standing is Standing.UNPROVEN
    return f"adopted unproven: {named}: {task.why}".rstrip(": ") if unproven else ""


def _retry(attempt: Attempt, task: Task) -> str:
    return f'`--data settle={attempt.place(task)}#{task.attempt}:retry --data reason="…"`'


def _next_commands(attempt: Attempt) -> list[tuple[str, str]]:
    """Return the next commands, each with what it is for."""
    run, proven = attempt.run, attempt.run.outcome is Outcome.PROVEN
    ledger = shlex.quote(str(attempt.inventory.kept))
    verb = "show" if run.undoes else "report"
    evidence = ("evidence", f"handrail {verb} {run.id} --ledger {ledger}")
    folder = Path(runbook_file()).parent
    if run.undoes:
        if not proven:
            data = {"run": run.undoes, "reason": attempt.choices.reason or "…"}
            if attempt.body.get("to"):
                data["to"] = str(attempt.body["to"])
            return [("resume", to_paste(runbook_file(), **data)), evidence]
        forward = str(folder / f"{attempt.runs[run.undoes].runbook}.py")
        return [evidence, ("again", to_paste(forward))]
    back = ("roll back", to_paste(str(folder / "rollback.py"), run=run.id, reason="…"))
    over = run.outcome in {Outcome.PROVEN, Outcome.FINISHED}
    first = evidence if over else ("resume", to_paste(runbook_file()))
    return [first, back] if run.receipts() else [first]
