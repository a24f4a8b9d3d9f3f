"""Put the report of a run together, from what its ledger holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any

from handrail.ledger.audit import Audit
from handrail.ledger.entry import Entry, Event
from handrail.ledger.report import said
from handrail.ledger.report.figures import Aside, Count, Drilled
from handrail.ledger.report.model import FORMAT, PutBack, Report, Staked, Started, Summary
from handrail.ledger.report.task import Failed, Requirement, Told
from handrail.ledger.report.traces import Traces, traces
from handrail.ledger.run import Run
from handrail.ledger.task import Declared
from handrail.ledger.views import plain, show
from handrail.ledger.views.evidence import Evidence, TaskEvidence, seconds_between
from handrail.ledger.views.report import rollback
from handrail.ledger.views.stakes import Stake
from handrail.ledger.views.times import Expected, Measured

TOLD = (
    *("task", "step", "target", "name", "owner", "state", "in_doubt", "why", "attempts"),
    *("started_at", "settled_at", "seconds", "acted"),
)
STARTED = (
    *("machine", "version", "commit", "inventory"),
    *("inventory_sha256", "runbook_sha256", "plan_sha256"),
)


def build(
    evidence: Evidence,
    own: Sequence[Entry],
    audit: Audit,
    known: Measured,
    drill: Drilled | None = None,
) -> Report:
    """Return the report of a run.

    Args:
        evidence: The run, as gathered.
        own: Its entries, oldest first.
        audit: What an independent look at the ledger found.
        known: How long its tasks took before it began.
        drill: The drill beside it.
    """
    run = evidence.run
    order = run.order
    found = traces(own, order)
    starts = {each.attempt: each for each in own if each.event is Event.ATTEMPT_STARTED}
    asked: dict[str, list[str]] = _newest(starts.values(), "requirements")
    phases = phases_of(run, order)
    undone = list(map(_put_back, evidence.rollbacks))
    return Report(
        format=FORMAT,
        environment=evidence.environment,
        run=run.id,
        runbook=run.runbook,
        outcome=run.outcome,
        undoes=run.undoes or None,
        undone_by=[each.run for each in undone],
        opened_at=run.opened_at,
        ended_at=evidence.ended_at,
        seconds=evidence.seconds,
        operators=evidence.operators,
        summary=_summary(evidence, own),
        attempts=[_started(each, starts[each.number].body) for each in evidence.attempts],
        takeovers=list(map(vars, evidence.takeovers)),
        holds=[{"label": each.label, "name": each.name, "after": each.after} for each in run.holds],
        spans=found.spans,
        tasks=[
            _told(task, run, found, known, phases.get(task.task, ""), asked.get(task.task, []))
            for task in evidence.tasks
        ],
        requirements=list(_requirements(run, asked, starts.values())),
        counts=list(starmap(_count, _listed(evidence, "counts"))),
        kept_out=list(starmap(_aside, _listed(evidence, "kept_out"))),
        adjusted=list(starmap(_aside, _listed(evidence, "adjusted"))),
        series=found.series,
        people=list(said.people(own)),
        again=found.again,
        drill=drill,
        rollbacks=undone,
        way_back=rollback(evidence),
        time=evidence.spent.as_json(),
        verification=audit.as_json(),
        verify=f"handrail verify --ledger {audit.ledger} --head {audit.head}",
    )


def phases_of(run: Run, order: Sequence[str]) -> dict[str, str]:
    """Return the label of the hold that each task leads to; those after the last are left out."""
    holds = [each for each in run.holds if each.after in order]
    ends = sorted((order.index(each.after), each.label) for each in holds)
    found: dict[str, str] = {}
    for end, label in reversed(ends):
        found |= dict.fromkeys(order[: end + 1], label)
    return {task: found[task] for task in order if task in found}


def _summary(evidence: Evidence, own: Sequence[Entry]) -> Summary:
    run = evidence.run
    stakes = [_staked(each, evidence) for each in evidence.stakes]
    felt = [each for each in stakes if each.felt]
    return Summary(
        sentence=show.headline(evidence.environment, run),
        done=run.done,
        total=len(run.tasks),
        freeze_seconds=round(sum(each.seconds for each in felt), 3),
        outage_seconds=round(_covered(felt, evidence.ended_at), 3),
        felt=list(dict.fromkeys(each.felt for each in felt)),
        stakes=stakes,
        overrides=list(said.overrides(own)),
    )


def _staked(stake: Stake, evidence: Evidence) -> Staked:
    ended = stake.ended or None
    seconds = seconds_between(stake.since, ended or evidence.ended_at)
    return Staked(
        stake.text, stake.felt, stake.task, stake.target, stake.since, ended, round(seconds, 3)
    )


def _covered(stakes: Iterable[Staked], last: str) -> float:
    """Return the seconds in which at least one of them was on."""
    seconds, until = 0.0, ""
    for each in sorted(stakes, key=lambda stake: stake.since):
        end = each.ended or last
        if end > until:
            seconds += seconds_between(max(each.since, until), end)
            until = end
    return seconds


def _started(attempt: Any, body: Mapping[str, Any]) -> Started:  # Any: evidence's, and JSON
    kept: dict[str, Any] = {name: str(body.get(name, "")) for name in STARTED}
    names = ("number", "actor", "started_at", "ended_at", "outcome", "stopped_by", "reason")
    return Started(**kept, **{name: getattr(attempt, name) for name in names})


def _told(
    task: TaskEvidence, run: Run, found: Traces, known: Measured, phase: str, ids: list[str]
) -> Told:
    call = Declared(task.task, task.step, task.target, task.name)
    receipt = run.tasks[call.key].receipt
    return Told(
        **{name: getattr(task, name) for name in TOLD},
        **_expected(known.of(call, back=bool(run.undoes)), task.seconds or 0.0),
        kind="gate" if task.is_gate else "step",
        words=show.state_of(task),
        phase=phase,
        requirements=ids,
        facts=_abridged(task.facts),
        arguments=_abridged(task.arguments),
        before=plain.abridged(task.before),
        way_back=(receipt.rollback or "") if receipt else "",
        reasons=list(map(vars, task.reasons)),
        commands=found.commands.get(call.key, []),
        failures=[Failed(**vars(each)) for each in task.failures],
    )


def _expected(expected: Expected | None, took: float) -> dict[str, Any]:  # Any: fields of `Told`
    """Return how long a task was to take, and by how much it is late."""
    if expected is None:
        return {"expected_seconds": None, "late_seconds": 0.0}
    late = round(expected.late_seconds(took), 3)
    return {"expected_seconds": round(expected.seconds, 3), "late_seconds": late}


def _abridged(found: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    return {str(name): plain.abridged(each) for name, each in found.items()}


def _listed(evidence: Evidence, name: str) -> Iterator[tuple[TaskEvidence, dict[str, Any]]]:
    """Yield what a task told under a name that the report draws: a list of records of tables."""
    for task in evidence.tasks:
        records = task.facts.get(name)
        for each in records if isinstance(records, list) else []:
            if isinstance(each, dict) and "table" in each:
                yield task, each


def _count(task: TaskEvidence, each: Mapping[str, Any]) -> Count:  # Any: JSON
    before, kept_out, expected, after = (
        int(each.get(name) or 0) for name in ("before", "kept_out", "expected", "after")
    )
    equal = bool(each.get("equal", expected == after))
    return Count(
        task.task, task.target, str(each["table"]), before, kept_out, expected, after, equal
    )


def _aside(task: TaskEvidence, each: Mapping[str, Any]) -> Aside:  # Any: JSON
    keys = [str(key) for key in each.get("keys") or []]
    reason, rows = str(each.get("reason", "")), int(each.get("rows") or 0)
    return Aside(task.task, task.target, str(each["table"]), reason, rows, keys)


def _newest(starts: Iterable[Entry], name: str) -> dict[str, Any]:  # Any: JSON
    """Return what attempts say under a name, each part by the newest that has it."""
    found: dict[str, Any] = {}
    for each in starts:
        found |= each.body.get(name, {})
    return found


def _requirements(
    run: Run, asked: Mapping[str, list[str]], starts: Iterable[Entry]
) -> Iterator[Requirement]:
    texts: dict[str, str] = _newest(starts, "asked_for")
    proven = {name for name in asked if all(map(run.is_proven, run.on_targets(name)))}
    for number in sorted(texts, key=_in_numbers):
        tasks = [task for task, ids in asked.items() if number in ids]
        yield Requirement(number, texts[number], tasks, proven.issuperset(tasks))


def _in_numbers(number: str) -> list[tuple[int, str]]:
    """Return what sorts `3.10` after `3.9`."""
    return [(int(part) if part.isdigit() else 0, part) for part in number.split(".")]


def _put_back(undoing: Evidence) -> PutBack:
    tasks = [
        {"task": task.task, "target": task.target, "state": show.state_of(task),
         "seconds": task.seconds, "why": task.why}
        for task in undoing.tasks
    ]  # fmt: skip
    run = undoing.run
    return PutBack(
        *(run.id, run.outcome, undoing.operators, run.reason, run.opened_at, undoing.seconds, tasks)
    )
