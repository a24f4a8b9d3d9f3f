"""Task 9.3, with users still writing: a finished load is brought up to date with its source."""

import math
from dataclasses import asdict
from pathlib import Path

from handrail.clients.postgres import Database
from handrail.engine import (
    FROM_RUN,
    FROM_TARGET,
    Commands,
    Finding,
    call,
    check,
    fails,
    holds,
    holds_if,
    say,
    step,
)
from handrail.transfer import freeze
from handrail.transfer.load import catchup
from handrail.transfer.load import load as loads
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan

from ..databases import writes_are_stopped
from ..evidence import WRITTEN, keep_kept_out, keep_written
from ..rows import opened, opening, urls


@check(fix="run the runbook's task that loads the rows first")
def load_is_finished(source: Database, destination: Database, mapping: str) -> Finding:
    """The load of this mapping was carried to its end on the destination."""
    with opening(mapping, source, destination) as sides:
        done = loads.is_loaded(sides.destination, sides.plan.digest)
    return holds_if(done, "no load of this mapping was carried to its end there")


@check(fix="run the task that stops legacy writes first, or give a bound above 0")
def source_rests_for_a_bound_of_0(source: Database, bound_seconds: float) -> Finding | bool:
    """The legacy database takes no writes, where the bound is 0."""
    return holds() if bound_seconds else writes_are_stopped(source)


def rows_are_followed(
    source: Database, destination: Database, mapping: str, bound_seconds: float, run: str, task: str
) -> Finding:
    """This task followed the source to within its bound; where that is 0, to the last row."""
    with opening(mapping, source, destination) as sides:
        plan = sides.plan
        done = catchup.followed(plan, sides.destination, f"{run} {task}")
        rests = done is not None and is_of_this_freeze(done.mark, sides.source)
    if done is None:
        return fails("this task has not followed the source yet")
    if bound_seconds and done.lag_seconds > bound_seconds:
        return fails(f"its last round took {done.lag_seconds} s")
    if not bound_seconds and not rests:
        left = catchup.left_behind(plan, *urls(source, destination))
        if left:
            return fails(f"the source has other rows than were moved, in {', '.join(left)}")
    return holds(**asdict(done))


def is_of_this_freeze(mark: str | None, source: Connection) -> bool:
    """Say whether the source has rested since: then no row can be left behind."""
    return mark is not None and mark == freeze.mark_of(source)


def has_followed(destination: Database, run: str, task: str) -> bool:
    """Return whether this task is on record as having followed the source."""
    return catchup.has_followed(destination.url.reveal(), f"{run} {task}")


def take_back_record(
    source: Database,
    destination: Database,
    mapping: str,
    bound_seconds: float,
    directory: str,
    run: str,
    task: str,
) -> Commands:
    """Keep what was written on Django, while the source still rests; withdraw the record.

    The rows that were moved are part of the load, and go with it.
    """
    if not bound_seconds:
        plan = opened(mapping, source, destination)
        yield call(keep_written, plan, source, destination, Path(directory) / run / WRITTEN)
    yield call(catchup.forget, destination.url.reveal(), f"{run} {task}")


@step(
    requires=[load_is_finished, source_rests_for_a_bound_of_0],
    captures=has_followed,
    ensures=rows_are_followed,
    rollback=take_back_record,
    rollback_name="Keep what users wrote on Django, and forget this round",
    idempotent=True,
    round_trips=80,
)
def catch_up(
    *,
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    mapping: str = FROM_TARGET,
    bound_seconds: float,
    directory: str = FROM_TARGET,
    run: str = FROM_RUN,
    task: str = FROM_RUN,
) -> Commands:
    """Bring a finished load up to date with the legacy database.

    Rounds follow each other until one takes no longer than the bound: so long is the pause that a
    last round needs after the freeze. That one has the bound 0, and leaves no row behind.

    Args:
        source: The legacy database.
        destination: Django's, with the load done; nobody else may write there.
        mapping: The mapping file, as it was for the load.
        bound_seconds: Longest last round; 0 once the legacy database takes no writes.
        directory: Where the load's two files are written anew, in a folder of the run.
        run: The run.
        task: The task, under which it is on record with the rows.

    Raises:
        ClientError: the source is written faster than it can be followed, or rows do not fit.
    """
    plan = opened(mapping, source, destination)
    place, label = Path(directory) / run, f"{run} {task}"
    yield call(follow, plan, source, destination, bound_seconds, place, label)


def follow(
    plan: Plan, source: Database, destination: Database, bound: float, place: Path, label: str
) -> None:
    """Follow the source, write down what is kept out now, and only then that it was followed."""
    addresses = urls(source, destination)
    with catchup.following(plan, *addresses, bound_seconds=bound or math.inf) as followed:
        done = followed.done
        say(
            f"{done.chunks_moved} chunks moved in {done.rounds} rounds; "
            f"the last {done.lag_seconds} s"
        )
        keep_kept_out(plan, followed.session, place)
        catchup.record(plan, followed.session, label, done)
