"""The steps of the way back as the published rollback document tells them, from the contracts."""

import ast
from pathlib import Path

from handrail.engine.contract import Irreversible, load

RUNBOOK = Path(__file__).parents[2] / "runbooks" / "cutover.py"
HEADING = "## Every step, newest first\n"


def steps():
    """Return every line, for each call of the cutover that has something to put back."""
    tree = ast.parse(RUNBOOK.read_text(encoding="utf-8"))
    calls = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    for call in reversed([each for each in calls if isinstance(each, ast.Call)]):
        if not isinstance(call.func, ast.Attribute):
            continue  # a hold
        contract = load(ast.unparse(call.func))
        task = next(each.value.value for each in call.keywords if each.arg == "task")
        if not contract.is_gate:
            yield f"| {task} | {told(contract)} |"


def told(contract):
    """Return what a contract says of its way back, and what is lost with it."""
    way = contract.rollback
    if isinstance(way, Irreversible):
        return f"stays: {way.reason}; instead: {way.instead}"
    lost = f"; lost: {contract.rollback_loses}" if contract.rollback_loses else ""
    return f"{contract.rollback_name}{lost}"


def section():
    """Return the section as it has to stand there."""
    rows = "\n".join(steps())
    return f"{HEADING}\n| task | way back |\n|---|---|\n{rows}\n"
