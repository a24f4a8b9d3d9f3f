"""The last lines of every command: where the run stands, and the next commands to paste."""

import shlex
import textwrap
from collections import Counter
from pathlib import Path

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import runbook_file, to_paste
from handrail.engine.contract import load
from handrail.engine.decide.decision import Decision, Planned
from handrail.ledger.entry import canonical
from handrail.ledger.place import shown
from handrail.ledger.run import Outcome, Run
from handrail.ledger.task import Declared, Record, Task, TaskState

PREVIEW_INDENT = 8
SHOWN_WIDTH = 100


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
    run, outcome = attempt.run, attempt.run.outcome
    kind, noun = ("Rollback", "receipts settled") if run.undoes else ("Run", "steps proven")
    done = sum(run.is_proven(task) for task in run.tasks.values())
    head = f"{kind} {run.id} on {attempt.environment}: "
    if outcome is Outcome.PROVEN:
        whole = run.undoes or f"all {done} {noun}"
        return head + (f"{done} of {len(run.tasks)} {noun}" if run.undoes else whole)
    count = f"{done} of {len(run.tasks)} {noun}"
    if outcome is Outcome.FINISHED:
        return f"{head}{count}, finished: {_unproven(run)}"
    if outcome is Outcome.HELD:
        return f"{head}{count}, held at {run.held}"
    return f"{head}{count}, stopped at {_stopped_at(attempt)}"


def _unproven(run: Run) -> str:
    """Return what of a finished run nobody can prove, in numbers."""
    skipped = sum(task.record is Record.SKIPPED for task in run.tasks.values())
    unproven = sum(task.record is Record.UNPROVEN for task in run.tasks.values())
    parts = []
    if skipped:
        parts.append(f"{skipped} {'not undone' if run.undoes else 'skipped'}")
    if unproven:
        parts.append(f"{unproven} adopted unproven")
    if run.without:
        parts.append(f"without {', '.join(f'`{name}`' for name in run.without)}")
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
    lines = []
    for task in run.tasks.values():
        call = task.declared
        named = f"{call.step} ({call.task}) on {call.target}"
        if run.undoes and task.state is TaskState.SKIPPED:
            lines.append(f"not undone: {named}: {task.why}")
        elif not run.undoes and task.record is Record.SKIPPED:
            lines.append(f"skipped: {named}; do it with {_retry(attempt, task)}")
        elif task.record is Record.UNPROVEN:
            lines.append(f"adopted unproven: {named}: {task.why}".rstrip(": "))
    if run.undoes:
        left = attempt.runs[run.undoes].receipts()
        lines += [
            f"left there: {each.step} ({each.task}) on {each.target}, for the target was left out"
            for each in left
            if each.target in attempt.choices.without
        ]
    return lines


def _retry(attempt: Attempt, task: Task) -> str:
    begun = task.receipt.attempt if task.receipt else max(task.attempts, default=0)
    return f'`--data settle={attempt.place(task)}#{begun}:retry --data reason="…"`'


def _next_commands(attempt: Attempt) -> list[tuple[str, str]]:
    """Return the next commands, each with what it is for."""
    run, proven = attempt.run, attempt.run.outcome is Outcome.PROVEN
    ledger = shlex.quote(shown(attempt.inventory.ledger))
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


def plan_lines(attempt: Attempt, decisions: list[tuple[Planned, Decision]]) -> list[str]:
    """Return what a dry run found: for each call and target, what would happen and why."""
    lines = [f"Plan for {attempt.run.id} on {attempt.environment}, as things stand now:"]
    width = max((len(each.declared.target) for each, _ in decisions), default=0)
    for each, decision in decisions:
        declared, why = each.declared, decision.brief or decision.why
        because = f": {why}" if why else ""
        head = f"    {declared.task:<7}{declared.target:<{width}}  {decision.word:<16}"
        lines.append(f"{head}{declared.name} [{declared.step}, {promise(declared)}]{because}")
        lines += _bindings(attempt, declared)
        if each.preview and decision.is_worth_showing:
            lines.append(textwrap.indent(each.preview, " " * PREVIEW_INDENT))
    if attempt.beside:
        lines.append(f"    {attempt.beside}: what it is at is not told yet")
    lines += _lost_lines(attempt)
    if attempt.refusal is not None:
        lines.append(f"    would refuse: {attempt.refusal.why}")
        lines.append(f"    next: {attempt.refusal.fix}")
    counts = Counter(decision.word for _, decision in decisions)
    if counts:
        lines.append("    " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
    lines.append(
        "    once: at most once unattended; again: may act again after an interruption; "
        "looks: changes nothing."
    )
    lines.append("Nothing was changed or recorded.")
    return lines


def _lost_lines(attempt: Attempt) -> list[str]:
    """Return what the run changed and the runbook declares no more: a rollback still undoes it."""
    if attempt.run.undoes:
        return []
    return [
        f"    {receipt.task} on {receipt.target} ({receipt.step}) is no longer declared; "
        "a rollback still undoes it"
        for receipt in attempt.run.receipts()
        if (receipt.task, receipt.target) not in attempt.calls.declared
    ]


def _bindings(attempt: Attempt, declared: Declared) -> list[str]:
    """Return what a call leaves out and the target's data say, each as it is recorded."""
    found = attempt.calls.bindings.get((declared.task, declared.target), {})
    if not found:
        return []
    words = ", ".join(f"{name}={_shown(value)}" for name, value in found.items())
    return [" " * PREVIEW_INDENT + f"of {declared.target}: {words}"]


def _shown(value: object) -> str:
    text = canonical(value)
    return text if len(text) <= SHOWN_WIDTH else f"{text[:SHOWN_WIDTH]}…"


def promise(declared: Declared) -> str:
    """Return how often a step may act without anybody being asked."""
    contract = load(declared.step)
    if contract.is_gate:
        return "looks"
    return "again" if contract.idempotent else "once"
