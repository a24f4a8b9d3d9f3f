"""A plan on one screen, as data: by phase and call, times, who feels what, the way back."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.measured import known
from handrail.engine.outline.felt import Felt, felt_in
from handrail.engine.outline.line import Line, lines_of, takes
from handrail.engine.plan import as_the_run_would
from handrail.ledger.run import Hold
from handrail.ledger.task import Declared
from handrail.ledger.views.times import Estimate, Measured, one_after_the_other, way_back


@dataclass(frozen=True)
class Phase:
    """The calls up to a hold, or to the end.

    Args:
        holds: The labelled places at its end; none at the end of the runbook.
        lines: Its calls.
        expected: How long they take.
    """

    holds: tuple[Hold, ...]
    lines: tuple[Line, ...]
    expected: Estimate


@dataclass(frozen=True)
class Outline:
    """What a command would do, on one screen."""

    attempt: Attempt
    phases: tuple[Phase, ...]
    counts: Counter[str]
    expected: Estimate
    way_back: Estimate  # of what stands now; of a rollback, what it takes itself
    way_back_then: Estimate  # once all of it is done
    stakes: tuple[Felt, ...]
    sources: tuple[str, ...]  # the environments that durations were measured in
    stops: bool = False
    lost: tuple[str, ...] = field(default=())  # receipts that the runbook declares no more

    @property
    def lines(self) -> list[Line]:
        """Return every call."""
        return [line for phase in self.phases for line in phase.lines]


def outline(attempt: Attempt) -> Outline:
    """Return what a command would do, from what was asked while planning."""
    times, told = known(attempt), as_the_run_would(attempt)
    lines = list(lines_of(attempt, told, times))
    phases = tuple(_phases(attempt, lines, times))
    busy = [line for line in lines if line.is_busy]
    run = attempt.run
    back = run.undoes or ""
    return Outline(
        attempt,
        phases,
        Counter(decision.word for _, decision in told),
        takes(attempt, busy, times),
        takes(attempt, busy, times) if back else way_back(run, times),
        Estimate() if back else _then(attempt, lines, times),
        tuple(felt_in(attempt, lines, times)),
        tuple(dict.fromkeys(line.expected.source for line in busy if line.expected)),
        stops=any(decision.stops for _, decision in told),
        lost=tuple(_lost(attempt)),
    )


def _phases(attempt: Attempt, lines: list[Line], known: Measured) -> Iterable[Phase]:
    """Yield the calls between two holds."""
    places: dict[str, list[Hold]] = {}
    for hold in attempt.calls.holds.values():
        places.setdefault(hold.after, []).append(hold)
    order = attempt.calls.order()
    ends = sorted((order[after], after) for after in places if after in order)
    left = list(lines)
    for number, after in ends:
        upto = [line for line in left if order[line.call.task] <= number]
        left = left[len(upto) :]
        yield _phase(attempt, tuple(places[after]), upto, known)
    if left or not ends:
        yield _phase(attempt, (), left, known)


def _phase(attempt: Attempt, holds: tuple[Hold, ...], lines: list[Line], known: Measured) -> Phase:
    busy = [line for line in lines if line.is_busy]
    return Phase(holds, tuple(lines), takes(attempt, busy, known))


def _then(attempt: Attempt, lines: Iterable[Line], known: Measured) -> Estimate:
    """Return what a way back takes once all that would act has acted, and what stands now."""
    receipts = attempt.run.receipts()
    stands = {(each.task, each.target) for each in receipts}
    calls = [Declared(each.task, each.step, each.target, "") for each in receipts
             if each.rollback != ""]  # fmt: skip
    acting = [call for line in lines if line.is_busy and line.rollback for call in line.calls]
    calls += [call for call in acting if (call.task, call.target) not in stands]
    return one_after_the_other(((call, 0.0) for call in calls), known)


def _lost(attempt: Attempt) -> Iterable[str]:
    """Yield what the run changed and the runbook declares no more: a rollback still undoes it."""
    if attempt.run.undoes:
        return
    for receipt in attempt.run.receipts():
        if (receipt.task, receipt.target) not in attempt.calls.declared:
            yield (
                f"{receipt.task} on {receipt.target} ({receipt.step}) is no longer declared; "
                "a rollback still undoes it"
            )
