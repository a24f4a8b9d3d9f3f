"""What is still to come of a run, and what is at stake meanwhile, as lines for people."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from handrail.ledger.lease import AtWork
from handrail.ledger.run import Run
from handrail.ledger.views import plain
from handrail.ledger.views.clock import clock_of
from handrail.ledger.views.stakes import Stake
from handrail.ledger.views.times import Estimate, Measured, Outlook, Running, outlook


def about(estimate: Estimate) -> str:
    """Return how long something takes, as people say it, and how much of that nobody knows."""
    if not estimate.tasks:
        return "nothing to do"
    if not estimate.known:
        return "not measured yet"
    told = f"about {plain.rough(estimate.seconds)}"
    if estimate.unmeasured:
        told += f" and {plain.count(estimate.unmeasured, 'task')} that nobody measured"
    return told


def back_now(estimate: Estimate) -> str:
    """Return how long a way back takes as things stand."""
    return f"{about(estimate)}{', now' if estimate.known else ''}"


def at_stake(stake: Stake) -> str:
    """Return what is at stake and since when; capitals, for nobody may overlook it."""
    return f"{stake.target}: {stake.text} since {plain.clock(stake.since)}".upper()


def owned(writer: AtWork | None) -> str:
    """Return who is at work on a run, and whether that owner lives, as a sentence."""
    return f"Owner: {writer.words if writer else 'nobody is at work on it'}."


def ahead(run: Run, known: Measured, now: datetime, *, at_work: bool = True) -> Iterator[str]:
    """Yield what is at work, when the next hold and the end come, the way back.

    Args:
        run: Not done yet.
        known: How long its tasks took before.
        now: Aware.
        at_work: A process may be carrying it out; else what began was interrupted.
    """
    seen = outlook(run, known, now)
    for each in seen.running:
        if at_work:
            yield f"At work: {_running(each)}."
        else:
            yield f"Interrupted: {each.call.task} on {each.call.target}; nobody is at work on it."
    yield from to_come(seen, now)
    if not run.undoes and run.receipts():
        clock = clock_of(run, known)
        yield f"Way back: {back_now(seen.way_back)}{clock.terms()}."
        for hold, estimate in clock.to_holds:
            yield f"Way back to hold {hold.label}: {about(estimate)}."
        if why := clock.refusal(now):
            yield f"DO NOT GO ON: {why}."


def to_come(seen: Outlook, now: datetime) -> Iterator[str]:
    """Yield when the next hold and the end come."""
    if seen.hold is not None:
        yield f"Next hold: {seen.hold.label}, {when(seen.to_hold, now)}."
    yield f"End: {when(seen.to_end, now)}."


def _running(task: Running) -> str:
    call, took = task.call, plain.duration(task.elapsed_seconds)
    left = task.left_seconds
    rest = f", about {plain.rough(left)} left" if left is not None else ""
    rest += f", late by {plain.rough(task.late_seconds)}" if task.late_seconds else ""
    return f"{call.task} on {call.target}, {call.name}, for {took}{rest}"


def when(estimate: Estimate, now: datetime) -> str:
    """Return how long something takes, and when that is."""
    if not (estimate.known and estimate.tasks):
        return about(estimate)
    then = now + timedelta(seconds=estimate.seconds)
    return f"{about(estimate)}, at {then:%H:%M:%S}Z"
