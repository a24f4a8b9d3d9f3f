"""The rollback document as task 13.1 publishes it, made from the contracts and the inventory."""

import ast
from pathlib import Path
from runpy import run_path

from handrail.engine.contract import load
from handrail.engine.documents import BOUNDS, bounds, ways
from handrail.ledger.chain import Head
from handrail.ledger.documents import rollback
from handrail.ledger.run import Hold, Run
from handrail.ledger.task import Declared, Task
from handrail.ledger.views.clock import clock_once_done
from handrail.ledger.views.times import Measured

ROOT = Path(__file__).parents[2]
GROUPS = ("all", "prod")


def plan():
    """Return a run of the cutover as it is declared, nothing of it done."""
    tree = ast.parse((ROOT / "runbooks/cutover.py").read_text(encoding="utf-8"))
    run, last = Run("cutover-1", "cutover", "2026-10-03T00:00:00.000000Z", undo_minutes=15), ""
    for node in tree.body:
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            continue
        said = {each.arg: ast.literal_eval(each.value) for each in node.value.keywords
                if each.arg in ("task", "name", "on", "label")}  # fmt: skip
        if isinstance(node.value.func, ast.Name):  # a hold; `begin()` is an assignment
            run.holds.append(Hold(said["label"], said["name"], last))
        else:
            last = said["task"]
            step = load(ast.unparse(node.value.func)).name
            run.tasks[last, said["on"]] = Task(Declared(last, step, said["on"], said["name"]))
    return run


def steps():
    """Return the contract of each call that is a step, by its task."""
    loaded = {task: load(each.declared.step) for (task, _), each in plan().tasks.items()}
    return {task: contract for task, contract in loaded.items() if not contract.is_gate}


def document(contacts):
    """Return it, with the bounds that production's inventory says."""
    run, data = plan(), {"contacts": contacts}
    for group in GROUPS:
        data |= run_path(str(ROOT / "inventory/group_data" / f"{group}.py"))
    found = list(ways(run, Measured(), told=False))
    calls = [run.tasks[each.task, each.target].declared for each in found if each.sentence]
    subject = rollback.Subject(
        "production", run, "inventory/prod.py", run.holds, Head(), "", "once all of it is done"
    )
    known = bounds(
        [{name: each for name, each in data.items() if name in {*BOUNDS, "limits", "contacts"}}]
    )
    clock = clock_once_done(run, Measured(), calls)
    return "\n".join(rollback.render(subject, found, clock, known))
