"""The proof of a drill: up, down and up again, of one plan, told from what the ledger holds."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import dropwhile
from typing import Any, Self

from handrail.ledger.entry import Entry, Event
from handrail.ledger.run import Outcome, Run
from handrail.ledger.runs import History, Runs
from handrail.ledger.task import Declared, Task, TaskState
from handrail.naming import phrase, ticked

LEGS = ("forward", "back", "again")
SHOWN = 5  # of what was changed
Plan = Mapping[str, Any]  # Any: JSON; code and shape


@dataclass(frozen=True)
class Timed:
    """How long one task took on one target, in seconds; None where it had nothing to do.

    ``rows`` is how many its proof said that it carried, if it said so.
    """

    task: str
    target: str
    step: str
    forward: float | None
    back: float | None
    again: float | None
    rows: int | None


@dataclass(frozen=True)
class Proof:
    """That one plan was carried through, put back and carried through again.

    Args:
        drill: Id of the drill.
        runbook: Name of the runbook.
        environment: Where it was drilled.
        runs: Ids of the three runs, forward, back and again.
        ended_at: When the last of them ended, RFC 3339.
        code: Digest of each file of the plan.
        shape: Shape of the inventory's data.
        rows: Rows of the data: the most that one of its steps carried; 0 where none did.
        as_before: Receipts whose captured state read as before once they were put back.
        accepted: Tasks that cannot be undone, with the reason for which that was accepted.
        tasks: How long each took.
        head: SHA-256 of the ledger's newest entry of these runs.
    """

    drill: str
    runbook: str
    environment: str
    runs: tuple[str, ...]
    ended_at: str
    code: Mapping[str, str]
    shape: Mapping[str, Any]  # Any: nested
    rows: int
    as_before: int
    accepted: Mapping[str, str]
    tasks: tuple[Timed, ...]
    head: str

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as plain data."""
        return {"format": 1, **asdict(self)}

    def as_runs(self) -> list[Run]:
        """Return its three runs as far as it tells of them: how long each task took, and its rows.

        So what was drilled elsewhere is measured of, though its ledger is not here.
        """
        return list(map(self._as_run, self.runs, LEGS))

    def _as_run(self, name: str, leg: str) -> Run:
        undoes = self.runs[0] if leg == LEGS[1] else ""
        state = TaskState.ROLLED_BACK if undoes else TaskState.CHANGED
        run = Run(name, self.runbook, self.ended_at, undoes=undoes)
        for each in self.tasks:
            facts = {"rows": each.rows} if each.rows else {}
            call = Declared(each.task, each.step, each.target, "")
            run.tasks[call.key] = Task(call, state, seconds=getattr(each, leg), facts=facts)
        return run

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read it from plain data.

        Raises:
            KeyError, TypeError, ValueError: it is not of that form.
        """
        if found["format"] != 1:
            raise ValueError(found["format"])
        fields = {key: value for key, value in found.items() if key != "format"}
        tasks = tuple(Timed(**each) for each in fields.pop("tasks"))
        return cls(**{**fields, "runs": tuple(fields["runs"]), "tasks": tasks})


def proofs_in(run: Run) -> list[Proof]:
    """Return the proof that came to a run as a file, where one did: it is kept in its ledger."""
    return [Proof.read(run.drilled)] if run.drilled else []


def legs_of(history: History, runbook: str, drill: str = "") -> list[Run]:
    """Return the runs of a drill, oldest first; of the newest one where it is not named.

    The newest run forward decides then: where it belongs to no drill, there is none.
    """
    runs = Runs(history)
    forward = runs.forward(runbook)
    found: list[Run] = []
    for run in dropwhile(lambda run: drill not in ("", run.drill), forward):  # what was run since
        if not (drill := drill or run.drill) or run.drill != drill:
            break
        found = [run, *runs.undoing(run.id), *found]
    return found


def drills_before(history: History, runbook: str, moment: str) -> Iterator[Proof]:
    """Yield the proofs of the drills of a runbook that ended before a moment, the newest first.

    Raises:
        LedgerDamaged: an entry is not what was written.
    """
    earlier = (run for run in Runs(history).newest(runbook) if run.opened_at < moment)
    for name in dict.fromkeys(run.drill for run in earlier if run.drill):
        found = prove(history, runbook, name)
        if isinstance(found, Proof) and found.ended_at < moment:
            yield found


def prove(history: History, runbook: str, drill: str = "") -> Proof | str:
    """Return the proof of a drill, or why there is none.

    Raises:
        LedgerDamaged: an entry is not what was written.
    """
    legs = legs_of(history, runbook, drill)
    if not legs:
        return f"no drill of `{runbook}` is on record"
    legs = legs[: len(LEGS)]  # what was put back since was proven all the same
    family = history.of_runs([leg.id for leg in legs])
    entries = [each for each in family if each.event is not Event.RUN_ROLLED_BACK]
    if not _came_to_its_end(legs, entries):
        return f"{legs[0].drill} did not end: it stands at its run {LEGS[len(legs) - 1]}"
    starts = [each for each in entries if each.event is Event.ATTEMPT_STARTED]
    plan = starts[0].body.get("plan")
    moved = _moved_in_any(plan, starts, legs[1].id)
    if not plan or moved:
        named = phrase(": {}", ticked(sorted(moved)[:SHOWN]))
        said = "the runbook, its steps or its inventory were changed in between"
        return f"{legs[0].drill}: {said}{named}"
    return _proof(legs, entries, plan)


def _came_to_its_end(legs: list[Run], entries: list[Entry]) -> bool:
    """Tell whether a drill went up, down and up, and was proven each time."""
    outcomes = [leg.outcome for leg in legs]
    if outcomes[-1] is Outcome.ROLLED_BACK:
        proven = {each.run for each in entries if each.event is Event.RUN_PROVEN}
        outcomes[-1] = Outcome.PROVEN if legs[-1].id in proven else Outcome.STOPPED
    return outcomes == [Outcome.ROLLED_BACK, Outcome.PROVEN, Outcome.PROVEN]


def _moved_in_any(plan: Plan | None, starts: list[Entry], back: str) -> set[str]:
    """Return what any attempt was made of that was not so before; of a rollback, what both have."""
    return set().union(*(_moved(plan, each, whole=each.run != back) for each in starts))


def _moved(plan: Plan | None, start: Entry, *, whole: bool) -> set[str]:
    """Return what another attempt was made of that was not so before: files, or the data's shape.

    A rollback has a file of its own, so only what both are made of is held against each other.
    """
    other: Plan | None = start.body.get("plan")
    if not plan or not other:
        return set() if plan == other else {"the plan"}
    code, known = plan["code"], other["code"]
    names = code.keys() | known.keys() if whole else code.keys() & known.keys()
    moved = {name for name in names if code.get(name) != known.get(name)}
    return moved if plan["shape"] == other["shape"] else moved | {"the inventory's data"}


def _proof(legs: list[Run], entries: list[Entry], plan: Plan) -> Proof:
    up, down, again = legs
    kept = {key[0]: task.why for key, task in down.tasks.items() if task.skipped}
    tasks = tuple(_timed(key, up, down, again) for key in up.tasks)
    return Proof(
        drill=up.drill,
        runbook=up.runbook,
        environment=entries[-1].environment,
        runs=tuple(leg.id for leg in legs),
        ended_at=entries[-1].at,
        code=plan["code"],
        shape=plan["shape"],
        rows=max((each.rows or 0 for each in tasks), default=0),
        as_before=sum(task.rolled_back for task in down.tasks.values()),
        accepted=kept,
        tasks=tasks,
        head=entries[-1].sha256,
    )


def _timed(key: tuple[str, str], up: Run, down: Run, again: Run) -> Timed:
    task = up.tasks[key]
    rows = task.facts.get("rows")
    return Timed(
        *key,
        task.declared.step,
        forward=task.seconds,
        back=_seconds(down, key),
        again=_seconds(again, key),
        rows=rows if isinstance(rows, int) else None,
    )


def _seconds(run: Run, key: tuple[str, str]) -> float | None:
    return run.tasks[key].seconds if key in run.tasks else None
