"""Documents of the run at hand, for a step that publishes them: from contracts, inventory, ledger.

A document tells what was on record when its own step was about to act. So it reads the same
whenever the step is asked again, however far the ledger has grown; only how long things take may
have been measured anew, and those words are told apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from pyinfra.context import host

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.command import inventory_file
from handrail.engine.attempt.measured import known
from handrail.engine.attempt.opening import current
from handrail.engine.contract import Contract, load
from handrail.engine.inventory import data_of
from handrail.engine.published import timed
from handrail.ledger.audit import Audit
from handrail.ledger.chain import Head
from handrail.ledger.documents import completion, rollback
from handrail.ledger.documents.rollback import BACK, COMING, STANDS, Known, Subject, Way
from handrail.ledger.entry import Entry, Event
from handrail.ledger.errors import RunbookError
from handrail.ledger.report.build import build
from handrail.ledger.report.model import Report
from handrail.ledger.run import Outcome, Run
from handrail.ledger.seam import NoLedger, Readable
from handrail.ledger.task import Task
from handrail.ledger.upto import Upto
from handrail.ledger.views.clock import clock_once_done
from handrail.ledger.views.evidence import gather
from handrail.ledger.views.times import Measured

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
OF_ONE_COMMAND = {"window_ends"}  # said with `--data`, for one night


def document(kind: str, run: str, task: str) -> str:
    """Return a document as the step of a task publishes it on this target, its times marked.

    It is a section of the file that holds it, so its headings are one step lower.

    Args:
        kind: `completion`: what the newest run of each runbook did that stands, this one's among
            them, as far as it has come; or `rollback`: the way back of this run.
        run: The run, as a step is told it.
        task: The task.

    Raises:
        RunbookError: a step of the run is not in this checkout, or the ledger cannot be read.
    """
    attempt = current()
    seen = _seen(attempt, run, task)
    lines = [*(_completion(seen) if kind == "completion" else _rollback(attempt, seen, run))]
    if not attempt.run.attempts:  # a plan, while the runbook is still being read
        lines += ["", f"What stands after task {task} is told once the run has begun."]
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in lines)


def _seen(attempt: Attempt, run: str, task: str) -> Readable | None:
    """Return the ledger as it was when the step was about to act; as it is, where it has not."""
    if isinstance(attempt.ledger, NoLedger):
        return None
    whole = attempt.runs[run] if run == attempt.run.undoes else attempt.run
    mine = whole.tasks.get((task, host.name))
    receipt = mine.receipt if mine else None
    return Upto.before(attempt.ledger, receipt.seq) if receipt else attempt.ledger


def _completion(seen: Readable | None) -> Iterator[str]:
    reports = [_report(seen, run) for run in standing(seen)] if seen else []
    yield from completion.render(reports) if reports else ("Nothing is on record yet.",)


def standing(ledger: Readable, after: Report | None = None) -> list[str]:
    """Return the newest run of each runbook that stands, oldest first.

    Args:
        ledger: Where they are on record.
        after: Only those of other runbooks than this run's, and that were opened after it.
    """
    found: dict[str, Run] = {}
    for run in filter(_stands_still, ledger.runs().newest()):
        if after is None or _is_later(run, after):
            found.setdefault(run.runbook, run)
    return [each.id for each in sorted(found.values(), key=attrgetter("opened_at"))]


def _stands_still(run: Run) -> bool:
    return not run.undoes and run.outcome is not Outcome.ROLLED_BACK


def _is_later(run: Run, report: Report) -> bool:
    """Tell whether a run was opened after another one, and is of another runbook."""
    return run.opened_at > report.opened_at and run.runbook != report.runbook


def _report(seen: Readable, run: str) -> Report:
    """Return the report of a run; nobody looked at the chain for it."""
    head = seen.trusted_head()
    unseen = Audit("", seen.environment, newest=head.seq, head=head.sha256)
    return build(gather(seen, run), seen.of_runs([run]), unseen, Measured())


def _rollback(attempt: Attempt, seen: Readable | None, run: str) -> Iterator[str]:
    """Yield the document of a whole plan, whatever of it is done."""
    was, head, inventory = _recorded(attempt, seen, run)
    times = known(attempt)
    found = list(ways(was, times, told=False))
    steps = [was.tasks[each.task, each.target].declared for each in found if each.sentence]
    holds = was.holds or list(attempt.calls.holds.values())
    subject = Subject(
        attempt.environment, was, inventory or inventory_file(), holds, head, "",
        "once all of it is done",
    )  # fmt: skip
    clock = clock_once_done(was, times, steps)
    data = {name: each for name, each in data_of(host).items() if name not in OF_ONE_COMMAND}
    yield from rollback.render(subject, found, clock, bounds([data]), timed)


def _recorded(attempt: Attempt, seen: Readable | None, run: str) -> tuple[Run, Head, str]:
    """Return a run as it is on record, the newest entry, and the inventory as it was typed."""
    if seen is None:
        return attempt.run, Head(), ""
    was = seen.runs().get(run) or attempt.run
    return was, seen.trusted_head(), _inventory(seen.of_runs([run]))


def _inventory(entries: Iterable[Entry]) -> str:
    """Return the inventory as it was typed for the newest attempt; empty where there was none."""
    starts = [each for each in entries if each.event is Event.ATTEMPT_STARTED]
    return str(starts[-1].body.get("inventory", "")) if starts else ""


def ways(run: Run, times: Measured, *, told: bool = True) -> Iterator[Way]:
    """Yield the way back of each step of a run: what is done newest first, the rest after it.

    Args:
        run: The run.
        times: How long ways back took before.
        told: Whether each says how it stands now; else they come in the runbook's order, backwards.
    """
    for task in _newest_first(run) if told else reversed(run.tasks.values()):
        contract = _contract(task)
        if contract is not None:
            yield _way(task, contract, times, _stands(task) if told else "")


def _newest_first(run: Run) -> list[Task]:
    """Return the tasks of a run as a rollback takes them; what is not done after all that is."""
    placed = {each.key: number for number, each in enumerate(run.receipts())}
    backwards = reversed(run.tasks.values())
    return sorted(backwards, key=lambda task: placed.get(task.declared.key, len(placed)))


def _stands(task: Task) -> str:
    return STANDS if task.receipt is not None else BACK if task.rolled_back else COMING


def _contract(task: Task) -> Contract | None:
    """Return what a step says of itself in this checkout; None of a gate, which has no way back.

    Raises:
        RunbookError: it acted, and this checkout has no such step.
    """
    try:
        found = load(task.declared.step)
    except RunbookError:
        if task.receipt is not None:
            raise
        return None
    return None if found.is_gate else found


def _way(task: Task, contract: Contract, times: Measured, state: str) -> Way:
    call = task.declared
    expected = times.of(call, back=True)
    return Way(
        *(call.task, call.target, call.name, state, contract.rollback_name, contract.no_way_back),
        contract.rollback_loses,
        contract.keeps_since,
        expected.seconds if expected else None,
    )


def bounds(targets: Iterable[Mapping[str, Any]]) -> Known:  # Any: what inventories hold
    """Return what the data of targets say of going back: bounds, and whom to call."""
    contacts: list[str] = []
    criteria: dict[str, str] = {}
    for data in targets:
        for name, value in _leaves(data):
            if name == "contacts":
                contacts += [str(value)]
            elif name in BOUNDS:
                criteria[BOUNDS[name]] = str(value)
    return Known(list(dict.fromkeys(contacts)), criteria)


def _leaves(data: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:  # Any: as above
    """Yield every datum by its name, those within `facts` and `limits`, too."""
    for name, value in data.items():
        if name in ("facts", "limits") and isinstance(value, Mapping):
            yield from _leaves(value)
        elif isinstance(value, list | tuple):
            yield from ((name, each) for each in value)
        else:
            yield name, value
