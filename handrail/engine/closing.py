"""The last lines of every command: where the run stands, and the next two commands to paste."""

import atexit
import os
import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from handrail.engine.command import is_dry, runbook_file, to_paste
from handrail.engine.contract import load
from handrail.engine.gate import is_gate
from handrail.engine.session import Session
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Declared, Outcome, Run, TaskState

PREVIEW_INDENT = 8


def close(session: Session) -> None:
    """Record the end of the attempt, print the closing lines and make the exit status true.

    pyinfra leaves with 0 on Ctrl-C and wherever nobody looked at a failed target; only a run whose
    every step is proven may do so.
    """
    status = 1
    atexit.unregister(close)
    try:
        if is_dry():
            _print(plan_lines(session))
            return
        _print_refusal_of(session.end if session.lease else session.refuse_idle_tasks)
        _print(summary(session))
        recorded = session.lease is None  # given back when the end was on record
        status = 0 if recorded and session.run.outcome is Outcome.PROVEN else 1
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


def summary(session: Session) -> list[str]:
    """Return the lines that say where the run stands and what to type next."""
    run = session.run
    done = sum(run.is_done(task) for task in run.tasks.values())
    proven = run.outcome is Outcome.PROVEN
    stands = f"on {session.environment}: "
    if run.undoes:
        lines = [f"Rollback {run.id} {stands}{done} of {len(run.tasks)} receipts settled"]
        lines += _irreversible_lines(run)
    elif proven:
        lines = [f"Run {run.id} {stands}all {done} steps proven"]
    else:
        lines = [f"Run {run.id} {stands}{done} of {len(run.tasks)} steps proven"]
    lines[0] += "." if proven else f", stopped at {_stopped_at(session)}."
    for label, command in _next_commands(session, proven=proven):
        lines.append(f"    {label + ':':<10} {command}")
    return lines


def _next_commands(session: Session, *, proven: bool) -> list[tuple[str, str]]:
    """Return the next commands, each with what it is for."""
    run = session.run
    ledger = shlex.quote(session.inventory.ledger)
    verb = "show" if run.undoes else "report"
    evidence = ("evidence", f"handrail {verb} {run.id} --ledger {ledger}")
    folder = Path(runbook_file()).parent
    if run.undoes:
        if not proven:
            data = {"run": run.undoes, "reason": session.choices.reason or "…"}
            if session.body.get("to"):
                data["to"] = str(session.body["to"])
            return [("resume", to_paste(runbook_file(), **data)), evidence]
        forward = str(folder / f"{session.runs[run.undoes].runbook}.py")
        return [evidence, ("again", to_paste(forward))]
    back = ("roll back", to_paste(str(folder / "rollback.py"), run=run.id, reason="…"))
    first = evidence if proven else ("resume", to_paste(runbook_file()))
    return [first, back] if run.receipts() else [first]


def _stopped_at(session: Session) -> str:
    if session.stopped_by:
        return session.stopped_by
    waiting = session.run.next_task()
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


def plan_lines(session: Session) -> list[str]:
    """Return what a dry run found: for each call and target, what would happen and why."""
    lines = [f"Plan for {session.run.id} on {session.environment}, as things stand now:"]
    width = max((len(each.declared.target) for each in session.plan), default=0)
    order = {declared: place for place, declared in enumerate(session.declared())}
    for each in sorted(session.plan, key=lambda each: order[each.declared]):
        declared, because = each.declared, f": {each.why}" if each.why else ""
        head = f"    {declared.task:<7}{declared.target:<{width}}  {each.decision:<16}"
        lines.append(f"{head}{declared.name} [{declared.step}, {promise(declared)}]{because}")
        if each.preview:
            lines.append(textwrap.indent(each.preview, " " * PREVIEW_INDENT))
    try:
        session.refuse_idle_tasks()
    except RunbookError as refusal:
        lines.append(f"    would refuse: {refusal.why}")
    counts = Counter(each.decision for each in session.plan)
    if counts:
        lines.append("    " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
    lines.append(
        "    once: at most once unattended; again: may act again after an interruption; "
        "looks: changes nothing."
    )
    lines.append("Nothing was changed or recorded.")
    return lines


def promise(declared: Declared) -> str:
    """Return how often a step may act without anybody being asked."""
    contract = load(declared.step)
    if is_gate(contract):
        return "looks"
    return "again" if contract.idempotent else "once"


def _print(lines: list[str]) -> None:
    sys.stderr.write("\n" + "\n".join(lines) + "\n")
    sys.stderr.flush()
