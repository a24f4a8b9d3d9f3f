"""A plan on one screen, as data: by phase and call, times, who feels what, the way back."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import attrgetter

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.measured import known
from handrail.engine.outline.felt import Felt, felt_in
from handrail.engine.outline.line import Line, busy, lines_of, takes
from handrail.engine.plan import as_the_run_would
from handrail.ledger.run import Hold
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
    at_work = busy(lines)
    expected = takes(attempt, at_work, times)
    back = bool(attempt.run.undoes)
    return Outline(
        attempt,
        tuple(_phases(attempt, lines, times)),
        Counter(decision.word for _, decision in told),
        expected,
        expected if back else way_back(attempt.run, times),
        Estimate() if back else _then(attempt, at_work, times),
        tuple(felt_in(attempt, lines, times)),
        tuple(
            filter(None, dict.fromkeys(line.expected.source for line in at_work if line.expected))
        ),
        stops=any(decision.stops for _, decision in told),
        lost=tuple(_lost(attempt)),
    )


def _phases(attempt: Attempt, lines: list[Line], known: Measured) -> Iterable[Phase]:
    """Yield the calls between two holds."""
    order = attempt.calls.order()
    ends = sorted(attempt.calls.holds.values(), key=lambda hold: order[hold.after])
    left = lines
    for after, holds in groupby(ends, key=attrgetter("after")):
        upto = [line for line in left if order[line.call.task] <= order[after]]
        left = left[len(upto) :]
        yield _phase(attempt, tuple(holds), upto, known)
    if left or not ends:
        yield _phase(attempt, (), left, known)


def _phase(attempt: Attempt, holds: tuple[Hold, ...], lines: list[Line], known: Measured) -> Phase:
    return Phase(holds, tuple(lines), takes(attempt, busy(lines), known))


def _then(attempt: Attempt, at_work: Iterable[Line], known: Measured) -> Estimate:
    """Return what a way back takes once all that would act has acted, and what stands now."""
    receipts = attempt.run.receipts()
    calls = [each.call for each in receipts if each.goes_back]
    acting = chain.from_iterable(line.calls for line in at_work if line.rollback)
    stands = {each.key for each in receipts}
    calls += [call for call in acting if call.key not in stands]
    return one_after_the_other(((call, 0.0) for call in calls), known)


def _lost(attempt: Attempt) -> Iterable[str]:
    """Yield what the run changed and the runbook declares no more: a rollback still undoes it."""
    if attempt.run.undoes:
        return
    for receipt in attempt.run.receipts():
        if receipt.key not in attempt.calls.declared:
            yield (
                f"{receipt.task} on {receipt.target} ({receipt.step}) is no longer declared; "
                "a rollback still undoes it"
            )
