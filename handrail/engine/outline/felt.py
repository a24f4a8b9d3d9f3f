"""What is at stake in a plan: who feels it, from when to when, and how it can be ended."""

from collections.abc import Iterable
from dataclasses import dataclass

from handrail.engine.attempt.attempt import Attempt
from handrail.engine.outline.line import Line, busy, takes
from handrail.ledger.views.stakes import Stake, back_to, stakes_on
from handrail.ledger.views.times import Estimate, Measured


@dataclass(frozen=True)
class Felt:
    """Something at stake that the run would begin, or has begun: who feels it, and how long.

    Args:
        text: What is so.
        task: The call that begins it.
        until: The task or hold that ends it; empty where the run's end does.
        lasts: How long it is expected to last.
        left_on: The run is told to hold before it is over.
        back_to: Where a rollback goes to end it; empty: all the way.
        since: When it began, where it is on already.
        target: Where.
    """

    text: str
    task: str
    until: str
    lasts: Estimate
    left_on: bool
    back_to: str
    since: str = ""
    target: str = ""


def felt_in(attempt: Attempt, lines: list[Line], known: Measured) -> Iterable[Felt]:
    """Yield what is at stake, or will be; of a rollback, what it leaves on."""
    if attempt.run.undoes:
        yield from _left_on(attempt)
        return
    on = stakes_on(attempt.run)
    for stake in [*on, *_to_come(attempt, lines, on)]:
        yield _one_felt(attempt, lines, known, stake)


def _to_come(attempt: Attempt, lines: list[Line], on: list[Stake]) -> Iterable[Stake]:
    """Yield what calls would put at stake that is not yet."""
    known = {(each.text, each.task) for each in on}
    for call in (line.call for line in busy(lines)):
        text, until = attempt.calls.stakes.get(call.task, ("", ""))
        if text and (text, call.task) not in known:
            yield Stake(text, call.task, call.target, "", until)


def _left_on(attempt: Attempt) -> Iterable[Felt]:
    """Yield what a rollback does not end, for it does not go so far."""
    for each in stakes_on(attempt.undone):
        if (each.task, each.target) not in attempt.calls.undoing:
            yield Felt(
                each.text, each.task, each.until, Estimate(), left_on=True, back_to=each.back_to,
                since=each.since, target=each.target,
            )  # fmt: skip


def _one_felt(attempt: Attempt, lines: list[Line], known: Measured, stake: Stake) -> Felt:
    calls, order = attempt.calls, attempt.calls.order()
    begins, ends = order.get(stake.task, -1), calls.last_of(stake.until)
    meanwhile = [each for each in busy(lines) if begins <= order[each.call.task] <= ends]
    return Felt(
        stake.text,
        stake.task,
        stake.until,
        takes(attempt, meanwhile, known),
        left_on=calls.last_of(attempt.choices.to) < ends,
        back_to=back_to(list(order), calls.holds.values(), _untils(attempt), stake.task),
        since=stake.since,
        target=stake.target,
    )


def _untils(attempt: Attempt) -> dict[str, str]:
    """Return what ends each stake: of what the runbook declares, and of what is on record."""
    on_record = {each.task: each.until for each in attempt.run.receipts() if each.stake}
    return on_record | {task: until for task, (_, until) in attempt.calls.stakes.items()}
