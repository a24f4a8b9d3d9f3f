"""Tasks 9.2 and 9.3: the rows leave the legacy database and reach Django's."""

import math
import time
from dataclasses import asdict
from pathlib import Path

from handrail.clients.postgres import Database
from handrail.engine import (
    Commands,
    Finding,
    call,
    check,
    fails,
    holds,
    holds_if,
    irreversible,
    say,
    step,
)
from handrail.transfer.backup import backup as backups
from handrail.transfer.load import catchup, hands
from handrail.transfer.load import load as loads
from handrail.transfer.load.hands import Hands
from handrail.transfer.read import export as exports
from handrail.transfer.read import files
from handrail.transfer.read.journal import Moved
from handrail.transfer.read.kept_out import FILES
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.sql.plan import Plan
from handrail.transfer.sql.withhold import shown_sql

from .databases import writes_are_stopped
from .evidence import keep_kept_out, keep_written, move_aside

SAY_EVERY_SECONDS = 10.0


@check(fix="run the runbook's backup task for this database first")
def way_back_is_proven(destination: Database, directory: str, label: str, run: str) -> Finding:
    """The backup that the rollback would restore is of this database, whole and proven."""
    place = Path(directory) / run / f"backup-{label}"
    if backups.proof(place) is None:
        return fails(f"`{place}` is not a proven backup")
    of = backups.check(place).database
    return holds_if(of == destination.name, f"`{place}` is a backup of `{of}`")


def sql_of_rows(source: Database, destination: Database, mapping: str) -> str:
    """Return the SQL that reads the rows as they will be, table by table."""
    return shown_sql(opened(mapping, source, destination))


def rows_are_exported(directory: str, run: str) -> Finding:
    """The export is whole: every file is as its manifest says."""
    place = Path(directory) / run / "export"
    if not place.exists():
        return fails(f"`{place}` is not there")
    try:
        made = files.check_export(place)
    except files.ExportDamaged as damaged:
        return fails(f"{damaged.what}: {damaged.why}")
    return holds(place=str(place), rows=made.rows)


def export_is_there(directory: str, run: str) -> bool:
    """Return whether this run has an export."""
    return (Path(directory) / run / "export").exists()


def set_export_aside(directory: str, run: str) -> None:
    """Move the export aside: it stays, and no later step takes it for the rows of then."""
    move_aside(Path(directory) / run / "export")


@step(
    requires=[writes_are_stopped],
    captures=export_is_there,
    ensures=rows_are_exported,
    rollback=set_export_aside,
    idempotent=True,
    preview=sql_of_rows,
)
def export(
    source: Database, destination: Database, mapping: str, directory: str, run: str
) -> Commands:
    """Export every legacy table, as mapped, to files with a manifest.

    The folder appears whole or not at all; a table that fails fails all.

    Args:
        source: The legacy database.
        destination: Django's, whose columns the rows must fit.
        mapping: The mapping file.
        directory: Where exports go, in a folder of the run.
        run: The run.

    Raises:
        ClientError: the mapping or a row does not fit, or a table could not be read.
    """
    yield call(write_export, opened(mapping, source, destination), source, directory, run)


def write_export(plan: Plan, source: Database, directory: str, run: str) -> None:
    """Write the export unless it is whole, and say how much it is; a damaged one is moved aside."""
    if rows_are_exported(directory, run).passed:
        return
    set_export_aside(directory, run)
    place = Path(directory) / run / "export"
    made = exports.export(plan, source.url.reveal(), place)
    say(f"{made.rows} rows of {len(made.tables)} tables exported to {place}")


def rows_there(destination: Database) -> dict[str, str]:
    """Return rows and hash of every table of the destination, as it is."""
    return backups.fingerprint(destination.url.reveal())


def rows_are_loaded(
    source: Database, destination: Database, mapping: str, directory: str, run: str
) -> Finding:
    """The load was carried to its end, and what it kept out and changed stands in files."""
    place = Path(directory) / run
    plan = opened(mapping, source, destination)
    if not loads.is_loaded(destination.url.reveal(), plan.digest):
        return fails("no load of this mapping was carried to its end there")
    missing = [name for name in FILES if not (place / name).exists()]
    return holds_if(not missing, f"`{place}` has no {' and no '.join(missing)}")


def restore_backup(
    source: Database, destination: Database, mapping: str, directory: str, label: str, run: str
) -> Commands:
    """Keep what was written since, then swap the backup in; the database of now stays, renamed."""
    place = Path(directory) / run
    plan = opened(mapping, source, destination)
    yield call(keep_written, plan, source, destination, place / "written-since-the-load")
    for name in FILES:
        yield call(move_aside, place / name)
    yield call(swap, destination, place / f"backup-{label}")


@step(
    requires=[way_back_is_proven],
    captures=rows_there,
    ensures=rows_are_loaded,
    rollback=restore_backup,
    idempotent=True,
    preview=sql_of_rows,
)
def load(
    source: Database,
    destination: Database,
    mapping: str,
    directory: str,
    label: str,
    run: str,
    workers: int = 1,
    cluster: str = "",
) -> Commands:
    """Load every row from the legacy database, as the mapping says.

    Rows move in chunks; each is compared before it is committed. Rows that the destination cannot
    hold go to a quarantine with their reason, within the bounds that the mapping allows. They, and
    every value that was changed, stand in `quarantine.ndjson` and `adjusted.ndjson` in the folder
    of the run afterwards. Killed at any moment, the same call goes on where it stopped.

    Args:
        source: The legacy database.
        destination: Django's, migrated and empty.
        mapping: The mapping file.
        directory: Where the backup is and the two files go, in a folder of the run.
        label: Name of the backup of the destination that a rollback restores.
        run: The run.
        workers: Processes of this machine that move chunks side by side; 1 moves them here.
        cluster: Address of a Dask scheduler, to spread the chunks over several machines.

    Raises:
        ClientError: the mapping or a row does not fit, or the destination holds other rows.
    """
    plan = opened(mapping, source, destination)
    yield call(stream, plan, source, destination, hands.asked_for(workers, cluster))
    yield call(keep_kept_out, destination, Path(directory) / run)


def stream(plan: Plan, source: Database, destination: Database, crew: Hands | None) -> None:
    """Load, and say what came of it."""
    tell = Progress().tell
    loaded = loads.load(plan, *urls(source, destination), mode="bulk", hands=crew, on_chunk=tell)
    say(f"{loaded.rows} rows loaded")


class Progress:
    """Says how far a load is, now and then."""

    def __init__(self) -> None:
        self._rows = 0
        self._told = time.monotonic()

    def tell(self, moved: Moved) -> None:
        """Take a chunk into account, and speak up where nothing was said for a while."""
        self._rows += moved.expected.sums.rows
        if time.monotonic() - self._told >= SAY_EVERY_SECONDS:
            say(f"{self._rows} rows are there; at `{moved.chunk.table}`")
            self._told = time.monotonic()


@check(fix="run the runbook's task that loads the rows first")
def load_is_finished(source: Database, destination: Database, mapping: str) -> Finding:
    """The load of this mapping was carried to its end on the destination."""
    plan = opened(mapping, source, destination)
    done = loads.is_loaded(destination.url.reveal(), plan.digest)
    return holds_if(done, "no load of this mapping was carried to its end there")


@check(fix="run the task that stops legacy writes first, or give a bound above 0")
def source_rests_for_a_bound_of_0(source: Database, bound_seconds: float) -> Finding | bool:
    """The legacy database takes no writes, where the bound is 0."""
    return holds() if bound_seconds else writes_are_stopped(source)


def rows_are_followed(
    source: Database, destination: Database, mapping: str, bound_seconds: float, run: str, task: str
) -> Finding:
    """This task followed the source to within its bound; where that is 0, to the last row."""
    plan = opened(mapping, source, destination)
    done = catchup.followed(plan, destination.url.reveal(), f"{run} {task}")
    if done is None:
        return fails("this task has not followed the source yet")
    if bound_seconds and done.lag_seconds > bound_seconds:
        return fails(f"its last round took {done.lag_seconds} s")
    if not bound_seconds and (left := catchup.left_behind(plan, *urls(source, destination))):
        return fails(f"the source has other rows than were moved, in {', '.join(left)}")
    return holds(**asdict(done))


@step(
    requires=[load_is_finished, source_rests_for_a_bound_of_0],
    ensures=rows_are_followed,
    rollback=irreversible(
        "the rows it moved are part of the load, and going back before the load takes them back",
        instead="roll back to a task before the load",
    ),
    idempotent=True,
)
def catch_up(
    source: Database,
    destination: Database,
    mapping: str,
    bound_seconds: float,
    directory: str,
    run: str,
    task: str,
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
    done = catchup.catch_up(plan, *urls(source, destination), bound_seconds=bound or math.inf)
    say(f"{done.chunks_moved} chunks moved in {done.rounds} rounds; the last {done.lag_seconds} s")
    keep_kept_out(destination, place)
    catchup.record(plan, destination.url.reveal(), label, done)


def opened(mapping: str, source: Database, destination: Database) -> Plan:
    """Compile the mapping against both live catalogs."""
    return open_plan(mapping, *urls(source, destination))


def urls(source: Database, destination: Database) -> tuple[str, str]:
    """Return both addresses."""
    return source.url.reveal(), destination.url.reveal()


def swap(destination: Database, place: Path) -> None:
    """Swap the backup in, and say under which name the database of now is kept."""
    restored = backups.restore(destination.url.reveal(), place)
    say(f"restored in {restored.seconds} s; the database of before is kept as {restored.kept_as}")
