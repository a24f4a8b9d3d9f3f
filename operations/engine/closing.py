"""The last lines of every command: where the run stands, and the next two commands to paste."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pyinfra import state

from state.errors import RunbookError
from state.run import Outcome, Run

if TYPE_CHECKING:
    from operations.engine.session import Session


def is_dry() -> bool:
    """Tell whether pyinfra was asked to plan only."""
    return "--dry" in sys.argv


def runbook_file() -> str:
    """Return the runbook as the operator typed it."""
    return str(state.current_deploy_filename or "")


def inventory_file() -> str:
    """Return the inventory as the operator typed it: the argument before the runbook."""
    arguments = sys.argv[1:]
    place = arguments.index(runbook_file()) if runbook_file() in arguments else 0
    return arguments[place - 1] if place else "inventory/ENVIRONMENT.py"


def close(session: "Session") -> None:
    """Record the end of the attempt, print the closing lines and make the exit status true.

    pyinfra leaves with 0 on Ctrl-C and wherever nobody looked at a failed target; only a run whose
    every step is proven may do so.
    """
    if is_dry() and session.lease is None:
        _print(plan_lines(session))
        return
    try:
        session.end()
    except RunbookError as refusal:
        _print([str(refusal)])
    _print(summary(session.run, session.environment, session.stopped_by))
    if session.run.outcome is not Outcome.PROVEN:
        sys.stdout.flush()
        os._exit(1)  # an exit handler has no other way to set the status


def summary(run: Run, environment: str, stopped_by: str = "") -> list[str]:
    """Return the lines that say where a run stands and what to type next."""
    done = sum(run.is_done(task) for task in run.tasks.values())
    total = len(run.tasks)
    waiting = run.next_task()
    inventory, here = inventory_file(), runbook_file()
    folder = Path(here).parent
    if run.undoes:
        return _rollback_summary(run, environment, f"{done} of {total} receipts put back", stopped_by)
    back = (
        f"pyinfra {inventory} {folder / 'rollback.py'} --data run={run.id} "
        '--data reason="…"'
    )
    if run.outcome is Outcome.PROVEN:
        return [
            f"Run {run.id} on {environment}: all {total} steps proven.",
            f"    evidence:  runbook report {run.id} --ledger {ledger_hint(environment)}",
            f"    roll back: {back}",
        ]
    stopped = stopped_by or (f"{waiting.declared.step} ({waiting.declared.task})" if waiting else "")
    return [
        f"Run {run.id} on {environment}: {done} of {total} steps proven, stopped at {stopped}.",
        f"    resume:    pyinfra {inventory} {here}",
        f"    roll back: {back}",
    ]


def ledger_hint(environment: str) -> str:
    """Return the ledger as `--ledger` takes it."""
    return os.environ.get("LEDGER_URL") or f"state/ledgers/{environment}.sqlite"


def _rollback_summary(run: Run, environment: str, stands: str, stopped_by: str) -> list[str]:
    inventory, here = inventory_file(), runbook_file()
    show = f"    evidence:  runbook show {run.id} --ledger {ledger_hint(environment)}"
    if run.outcome is Outcome.PROVEN:
        forward = run.undoes.rpartition("-2")[0] or run.undoes
        again = f"pyinfra {inventory} {Path(here).parent / forward}.py"
        return [f"Rollback {run.id} on {environment}: {stands}.", show, f"    again:     {again}"]
    waiting = run.next_task()
    stopped = stopped_by or (f"{waiting.declared.step} ({waiting.declared.task})" if waiting else "")
    reason = run.reason.replace('"', "'") or "…"
    return [
        f"Rollback {run.id} on {environment}: {stands}, stopped at {stopped}.",
        f'    resume:    pyinfra {inventory} {here} --data run={run.undoes} --data reason="{reason}"',
        show,
    ]


def plan_lines(session: "Session") -> list[str]:
    """Return what a dry run found: for each call and target, what would happen and why."""
    lines = [f"Plan for {session.run.id} on {session.environment}, as things stand now:"]
    width = max((len(declared.target) for declared, _, _ in session.plan), default=0)
    order = {declared: place for place, declared in enumerate(session.declared())}
    for declared, decision, why in sorted(session.plan, key=lambda each: order[each[0]]):
        because = f": {why}" if why else ""
        head = f"    {declared.task:<7}{declared.target:<{width}}  {decision:<16}"
        lines.append(f"{head}{declared.name} [{declared.step}]{because}")
    counts: dict[str, int] = {}
    for _, decision, _ in session.plan:
        counts[decision] = counts.get(decision, 0) + 1
    lines.append("    " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
    lines.append("Nothing was changed or recorded.")
    return lines


def _print(lines: list[str]) -> None:
    sys.stderr.write("\n" + "\n".join(lines) + "\n")
    sys.stderr.flush()
