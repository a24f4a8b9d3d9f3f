"""The last lines of every command: where the run stands, and the next two commands to paste."""

import atexit
import os
import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import is_dry, runbook_file, to_paste
from handrail.engine.contract import load
from handrail.engine.gate import is_gate
from handrail.ledger.entry import canonical
from handrail.ledger.errors import RunbookError
from handrail.ledger.place import shown
from handrail.ledger.run import Declared, Outcome, Run, TaskState

PREVIEW_INDENT = 8
SHOWN_WIDTH = 100


def close(attempt: Attempt) -> None:
    """Record the end of the attempt, print the closing lines and make the exit status true.

    pyinfra leaves with 0 on Ctrl-C and wherever nobody looked at a failed target; only a run whose
    every step is proven may do so.
    """
    status = 1
    atexit.unregister(close)
    try:
        if is_dry():
            _print(plan_lines(attempt))
            return
        _print_refusal_of(attempt.end if attempt.writer else attempt.refuse_idle_tasks)
        _print(summary(attempt))
        recorded = attempt.writer is None  # given back when the end was on record
        status = 0 if recorded and attempt.run.outcome is Outcome.PROVEN else 1
    finally:
        if status and not is_dry():
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)  # an exit handler has no other way to set the status


def _print_refusal_of(act: Callable[[], None]) -> None:
    try:
        act()
    except RunbookError as refusal:
        _print([str(refusal)])


def summary(attempt: Attempt) -> list[str]:
    """Return the lines that say where the run stands and what to type next."""
    run = attempt.run
    done = sum(run.is_done(task) for task in run.tasks.values())
    proven = run.outcome is Outcome.PROVEN
    stands = f"on {attempt.environment}: "
    if run.undoes:
        lines = [f"Rollback {run.id} {stands}{done} of {len(run.tasks)} receipts settled"]
        lines += _irreversible_lines(run)
    elif proven:
        lines = [f"Run {run.id} {stands}all {done} steps proven"]
    else:
        lines = [f"Run {run.id} {stands}{done} of {len(run.tasks)} steps proven"]
    lines[0] += "." if proven else f", stopped at {_stopped_at(attempt)}."
    for label, command in _next_commands(attempt, proven=proven):
        lines.append(f"    {label + ':':<10} {command}")
    return lines


def _next_commands(attempt: Attempt, *, proven: bool) -> list[tuple[str, str]]:
    """Return the next commands, each with what it is for."""
    run = attempt.run
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
    first = evidence if proven else ("resume", to_paste(runbook_file()))
    return [first, back] if run.receipts() else [first]


def _stopped_at(attempt: Attempt) -> str:
    if attempt.stopped_by:
        return attempt.stopped_by
    waiting = attempt.run.next_task()
    if waiting is None:
        return "a runbook without steps"
    declared = waiting.declared
    return f"{declared.step} ({declared.task}) on {declared.target}"


def _irreversible_lines(run: Run) -> list[str]:
    """Return what a rollback could not put back, and what to do about it."""
    kept = [task for task in run.tasks.values() if task.state is TaskState.SKIPPED]
    return [
        f"    not undone: {task.declared.step} ({task.declared.task}) on {task.declared.target}: "
        f"{task.why}"
        for task in kept
    ]


def plan_lines(attempt: Attempt) -> list[str]:
    """Return what a dry run found: for each call and target, what would happen and why."""
    lines = [f"Plan for {attempt.run.id} on {attempt.environment}, as things stand now:"]
    width = max((len(each.declared.target) for each in attempt.plan), default=0)
    order = {declared: place for place, declared in enumerate(attempt.declared())}
    for each in sorted(attempt.plan, key=lambda each: order[each.declared]):
        declared, because = each.declared, f": {each.why}" if each.why else ""
        head = f"    {declared.task:<7}{declared.target:<{width}}  {each.decision:<16}"
        lines.append(f"{head}{declared.name} [{declared.step}, {promise(declared)}]{because}")
        lines += _bindings(attempt, declared)
        if each.preview:
            lines.append(textwrap.indent(each.preview, " " * PREVIEW_INDENT))
    try:
        attempt.refuse_idle_tasks()
    except RunbookError as refusal:
        lines.append(f"    would refuse: {refusal.why}")
    counts = Counter(each.decision for each in attempt.plan)
    if counts:
        lines.append("    " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
    lines.append(
        "    once: at most once unattended; again: may act again after an interruption; "
        "looks: changes nothing."
    )
    lines.append("Nothing was changed or recorded.")
    return lines


def _bindings(attempt: Attempt, declared: Declared) -> list[str]:
    """Return what a call leaves out and the target's data say, each as it is recorded."""
    found = attempt.bindings.get((declared.task, declared.target), {})
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
    if is_gate(contract):
        return "looks"
    return "again" if contract.idempotent else "once"


def _print(lines: list[str]) -> None:
    sys.stderr.write("\n" + "\n".join(lines) + "\n")
    sys.stderr.flush()
