"""`handrail document`: what a plan asks to be documented, made from contracts and ledger."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from handrail.cli.inventory_data import hosts_of
from handrail.cli.ledger import kept_at, ledger_option, opened
from handrail.cli.out import GOOD, Misused, say
from handrail.cli.report import gathered
from handrail.engine.contract import Contract, load
from handrail.ledger.documents import backups, completion, rollback
from handrail.ledger.documents.rollback import BACK, COMING, STANDS, Known, Way
from handrail.ledger.errors import RunbookError
from handrail.ledger.measure import known_times
from handrail.ledger.report.model import Report
from handrail.ledger.run import Outcome, Run
from handrail.ledger.task import Task
from handrail.ledger.views.clock import clock_of
from handrail.ledger.views.times import Measured

KINDS = ("rollback", "backups", "completion")
# What an inventory says of when to go back, and how people call it.
BOUNDS = {
    "undo_minutes": "a way back may take, in minutes",
    "window_ends": "all must be over by",
    "max_error_percent": "errors of 100 requests, over the window",
    "max_p95_seconds": "95 of 100 requests within, in seconds, over the window",
    "error_percent": "errors of 100 requests, at any moment",
    "p95_seconds": "95 of 100 requests within, in seconds, at any moment",
    "budget_percent": "errors of 100 requests, over a month",
}


@click.command
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("run", default="", metavar="[RUN]")
@click.option("--inventory", metavar="FILE", default="", help="else the one that the run was of")
@ledger_option
def document(ledger: str, kind: str, run: str, inventory: str) -> int:
    """Print the rollback, backups or completion document of a run, as Markdown.

    Rollback: when to go back and whom to call by the inventory, each way back by its contract, its
    time by the ledger, what is kept and lost. Backups: where they lie, digests, how to restore, how
    long that took. Completion: of this run and those after it, what was done and what proves it.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # where pyinfra finds a project's steps, too
    evidence, _, whole = gathered(ledger, run)
    report = whole()
    if kind == "backups":
        say(backups.render(report))
    elif kind == "completion":
        say(completion.render(list(_since(ledger, report))))
    else:
        held, kept = opened(ledger), kept_at(ledger)
        times = known_times(held.environment, held.runs(), evidence.run, kept)
        ways = list(_ways(evidence.run, times))
        known = _known(inventory or _inventory_of(report))
        say(rollback.render(report, ways, clock_of(evidence.run, times), known))
    return GOOD


def _since(ledger: str, report: Report) -> Iterator[Report]:
    """Yield a run and the newest run of each other runbook that began after it and stands."""
    runs = opened(ledger).runs()
    yield report
    seen = {report.runbook}
    later = []
    for each in runs.newest():
        stands = not each.undoes and each.outcome is not Outcome.ROLLED_BACK
        if stands and each.opened_at > report.opened_at and each.runbook not in seen:
            seen.add(each.runbook)
            later.append(each.id)
    for name in reversed(later):
        yield gathered(ledger, name)[2]()


def _ways(run: Run, known: Measured) -> Iterator[Way]:
    """Yield the way back of each step of a run, the newest first; what is not done yet last."""
    placed = {(each.task, each.target): number for number, each in enumerate(run.receipts())}
    tasks = [*run.tasks.items()]
    done = sorted((each for each in tasks if each[0] in placed), key=lambda each: placed[each[0]])
    rest = [each for each in reversed(tasks) if each[0] not in placed]
    for _, task in [*done, *rest]:
        contract = _contract(task)
        if contract is not None and not contract.is_gate:
            yield _way(task, contract, known)


def _contract(task: Task) -> Contract | None:
    """Return what a step says of itself in this checkout.

    Raises:
        RunbookError: it acted, and this checkout has no such step.
    """
    try:
        return load(task.declared.step)
    except RunbookError:
        if task.receipt is not None:
            raise
        return None


def _way(task: Task, contract: Contract, known: Measured) -> Way:
    call = task.declared
    expected = known.of(call, back=True)
    state = STANDS if task.receipt is not None else BACK if task.rolled_back else COMING
    return Way(
        *(call.task, call.target, call.name, state, contract.rollback_name, contract.no_way_back),
        contract.rollback_loses,
        contract.keeps_since,
        expected.seconds if expected else None,
    )


def _inventory_of(report: Report) -> str:
    """Return the inventory that the run was of, where it is there.

    Raises:
        Misused: it is not on record, or not there.
    """
    found = next((each.inventory for each in reversed(report.attempts) if each.inventory), "")
    if found and Path(found).is_file():
        return found
    why = f"the run was of `{found}`, which is not here" if found else "the run names no inventory"
    raise Misused("nothing was documented", why, "name it: `--inventory inventory/prod.py`")


def _known(inventory: str) -> Known:
    """Return what an inventory says of going back: bounds, and whom to call."""
    contacts: list[str] = []
    criteria: dict[str, str] = {}
    for data in hosts_of(inventory).values():
        for name, value in _leaves(data):
            if name == "contacts":
                contacts += [str(value)]
            elif name in BOUNDS:
                criteria[BOUNDS[name]] = str(value)
    return Known(list(dict.fromkeys(contacts)), criteria)


def _leaves(data: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:  # Any: what inventories hold
    """Yield every datum by its name, those within `facts` and `limits`, too."""
    for name, value in data.items():
        if name in ("facts", "limits") and isinstance(value, Mapping):
            yield from _leaves(value)
        elif isinstance(value, list | tuple):
            yield from ((name, each) for each in value)
        else:
            yield name, value
