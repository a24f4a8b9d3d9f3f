"""One line of a plan: a call on every target for which the answer is the same."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.beside import owner
from handrail.engine.contract import Contract, load
from handrail.engine.decide.decision import Decision, Do, Planned
from handrail.ledger.arming import told_minutes
from handrail.ledger.errors import RunbookError
from handrail.ledger.task import Declared
from handrail.ledger.views import plain
from handrail.ledger.views.times import (
    Estimate,
    Expected,
    Measured,
    one_after_the_other,
    together,
)

Told = tuple[Planned, Decision]
BUSY = {Do.ACT, Do.LOOK, Do.UNDO}  # what takes time


@dataclass(frozen=True)
class Line:
    """One call of the runbook, on every target for which the answer is the same.

    Args:
        calls: The call on each target.
        decision: What would happen, and why.
        promise: How often it may act unasked: `once`, `again`, or a gate `looks`.
        expected: How long it takes, where it was measured; of several targets the longest.
        rollback: Sentence of its way back; empty where it has none.
        kept: Why it cannot be undone, and what to do instead; empty where it can.
        loses: What its way back does not bring back.
        whys: The reason, by target.
        previews: What it would do in full, by target, where that was asked for.
        unseen: Why it cannot say so, by target.
        is_sql: They are SQL.
        shows: It could say what it would do in full.
        bindings: By target, the arguments that the call leaves out.
        undoes: Of a rollback, what the call did that it takes back.
        owner: Who answers for it; empty where nobody is named.
        confirm_minutes: It is put back unless somebody confirms it in that time; 0: it stays.
    """

    calls: tuple[Declared, ...]
    decision: Decision
    promise: str
    expected: Expected | None
    rollback: str
    kept: str
    loses: str
    whys: dict[str, str]
    previews: dict[str, str]
    unseen: dict[str, str]
    is_sql: bool
    shows: bool
    bindings: dict[str, dict[str, object]]
    undoes: str
    owner: str
    confirm_minutes: float

    @property
    def call(self) -> Declared:
        """Return the call, on the first of its targets."""
        return self.calls[0]

    @property
    def because(self) -> str:
        """Return the reason in short; where each target has one of its own, that of the first."""
        target, why = next(iter(self.whys.items()))
        alike = len(set(self.whys.values())) == 1
        return (why if alike else f"on {target}, {why}") or self.undoes

    @property
    def is_busy(self) -> bool:
        """Tell whether it takes time."""
        return self.decision.do in BUSY

    @property
    def risk(self) -> str:
        """Return what nobody may overlook of it: that it is armed, or stays; else nothing."""
        if not self.is_busy:
            return ""
        if self.confirm_minutes:
            return f"armed for {told_minutes(self.confirm_minutes)}"
        return "irreversible" if self.kept else ""


def busy(lines: Iterable[Line]) -> list[Line]:
    """Return the calls that take time."""
    return [line for line in lines if line.is_busy]


def lines_of(attempt: Attempt, told: Iterable[Told], known: Measured) -> Iterable[Line]:
    """Yield the calls, those on several targets with the same answer as one."""
    alike: dict[tuple[str, str, str, str], list[Told]] = {}
    for each, decision in told:
        call = each.declared
        at = "" if not attempt.run.undoes else call.target  # put back one after the other
        why = decision.why if decision.stops else ""  # told whole, so each for itself
        key = (call.task, decision.word, why, at)
        alike.setdefault(key, []).append((each, decision))
    for same in alike.values():
        yield _line(attempt, same, known)


def _line(attempt: Attempt, same: list[Told], known: Measured) -> Line:
    calls = tuple(each.declared for each, _ in same)
    contract, decision = _contract(calls[0].step), same[0][1]
    measured = [known.of(call, back=bool(attempt.run.undoes)) for call in calls]
    bound = attempt.calls.bindings
    return Line(
        calls,
        decision,
        promise(contract),
        _longest(measured) if decision.do in BUSY else None,
        contract.rollback_name if contract else "",
        _irreversible(contract),
        contract.rollback_loses if contract else "",
        {each.declared.target: made.brief or made.why for each, made in same},
        _by_target(same, attrgetter("preview")),
        _by_target(same, attrgetter("unseen")),
        bool(contract and contract.previews_sql),
        _has_more(contract, decision),
        {call.target: dict(bound.get(call.key, {})) for call in calls},
        _undoes(attempt, calls[0]),
        owner(attempt, calls[0].task),
        attempt.calls.confirms.get(calls[0].task, 0.0),
    )


def _by_target(same: list[Told], read: Callable[[Planned], str]) -> dict[str, str]:
    """Return what is to be said of a call on each target, where there is something."""
    return {each.declared.target: text for each, _ in same if (text := read(each))}


def _longest(measured: Iterable[Expected | None]) -> Expected | None:
    return max(filter(None, measured), key=lambda one: one.seconds, default=None)


def _irreversible(contract: Contract | None) -> str:
    """Return why a step has no way back, and what to do instead; empty where it has one."""
    return "" if contract is None or contract.is_gate else contract.no_way_back


def _has_more(contract: Contract | None, decision: Decision) -> bool:
    """Tell whether a step could say in full what it would do."""
    forward = decision.do is not Do.UNDO and decision.is_worth_showing
    return forward and contract is not None and contract.preview is not None


def _undoes(attempt: Attempt, call: Declared) -> str:
    undone = attempt.runs.get(attempt.run.undoes)
    task = undone.tasks.get(call.key) if undone else None
    return f"undoes: {task.declared.name}" if task else ""


def _contract(step: str) -> Contract | None:
    try:
        return load(step)
    except RunbookError:  # told by the decision
        return None


def promise(contract: Contract | None) -> str:
    """Return how often a step may act without anybody being asked."""
    if contract is None:
        return "unknown"
    if contract.is_gate:
        return "looks"
    return "again" if contract.idempotent else "once"


def takes(attempt: Attempt, lines: Iterable[Line], known: Measured) -> Estimate:
    """Return what calls take, as pyinfra carries them out."""
    calls = [(call, 0.0) for line in lines for call in line.calls]
    return one_after_the_other(calls, known) if attempt.run.undoes else together(calls, known)


def targets_of(line: Line) -> str:
    """Return the targets of a call; of many, how many there are."""
    names = ", ".join(call.target for call in line.calls)
    return names if len(names) <= 24 else plain.count(len(line.calls), "target")  # noqa: PLR2004
