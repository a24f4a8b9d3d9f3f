"""Tasks 9.2 and 9.3: the rows leave the legacy database and reach Django's."""

import time
from pathlib import Path

from operations.clients.postgres import Database
from operations.engine import (
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
from operations.evidence import move_aside
from operations.transfer import backup as backups
from operations.transfer import crew, files, freeze
from operations.transfer import delta as deltas
from operations.transfer import export as exports
from operations.transfer import load as loads
from operations.transfer.chunks import Moved
from operations.transfer.compile import open_plan
from operations.transfer.plan import Plan

SAY_EVERY_SECONDS = 10.0


@check(fix="run the runbook's task that stops legacy writes first")
def writes_are_stopped(source: Database) -> Finding:
    """The legacy database takes no writes, so that nothing is lost after the export."""
    return holds_if(freeze.is_frozen(source.url.reveal()), f"`{source.name}` takes writes")


@check(fix="run the runbook's backup task for this database first")
def way_back_is_proven(destination: Database, directory: str, label: str, run: str) -> Finding:
    """The backup that the rollback would restore is of this database, whole and proven."""
    place = Path(directory) / run / f"backup-{label}"
    if backups.proof(place) is None:
        return fails(f"`{place}` is not a proven backup")
    of = backups.check(place).database
    return holds_if(of == destination.name, f"`{place}` is a backup of `{of}`")


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
    plan = open_plan(mapping, source.url.reveal(), destination.url.reveal())
    yield call(write_export, plan, source, directory, run)


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


def rows_are_loaded(source: Database, destination: Database, mapping: str) -> Finding:
    """The load of this mapping was carried to its end on the destination."""
    plan = open_plan(mapping, source.url.reveal(), destination.url.reveal())
    done = loads.is_loaded(destination.url.reveal(), plan.digest)
    return holds() if done else fails("no load of this mapping was carried to its end there")


def restore_backup(
    source: Database, destination: Database, mapping: str, directory: str, label: str, run: str
) -> Commands:
    """Keep what was written since, then swap the backup in; the database of now stays, renamed."""
    place = Path(directory) / run
    yield call(keep_written, source, destination, mapping, place / "written-since-the-load")
    yield call(swap, destination, place / f"backup-{label}")


@step(
    requires=[way_back_is_proven],
    captures=rows_there,
    ensures=rows_are_loaded,
    rollback=restore_backup,
    idempotent=True,
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

    Rows move in chunks; each is compared before it is committed.

    Rows that the destination cannot hold go to a quarantine with their reason, within the bounds
    that the mapping allows. Killed at any moment, the same call goes on where it stopped.

    Args:
        source: The legacy database.
        destination: Django's, migrated and empty.
        mapping: The mapping file.
        directory: Where the backup is, in a folder of the run.
        label: Name of the backup of the destination that a rollback restores.
        run: The run.
        workers: Processes of this machine that move chunks side by side; 1 moves them here.
        cluster: Address of a Dask scheduler, to spread the chunks over several machines.

    Raises:
        ClientError: the mapping or a row does not fit, or the destination holds other rows.
    """
    plan = open_plan(mapping, source.url.reveal(), destination.url.reveal())
    executor = crew.cluster(cluster) if cluster else crew.local(workers) if workers > 1 else None
    yield call(stream, plan, source, destination, executor)


def stream(
    plan: Plan, source: Database, destination: Database, executor: crew.MakeExecutor | None
) -> None:
    """Load, and say what came of it."""
    urls = (source.url.reveal(), destination.url.reveal())
    loaded = loads.load(plan, *urls, executor=executor, on_chunk=Progress().tell)
    kept_out = sum(table.quarantined for table in loaded.tables)
    adjusted = sum(table.adjusted for table in loaded.tables)
    say(f"{loaded.rows} rows loaded, {kept_out} quarantined, {adjusted} adjusted")


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


def keep_written(source: Database, destination: Database, mapping: str, place: Path) -> None:
    """Export what was written on the destination since the load, and say how much it is."""
    move_aside(place)
    plan = open_plan(mapping, source.url.reveal(), destination.url.reveal())
    if not loads.is_loaded(destination.url.reveal(), plan.digest):
        say("the load was not finished; nothing was written after it")
        return
    found = deltas.delta(plan, source.url.reveal(), destination.url.reveal(), place)
    say(f"{found.rows} rows written on Django since the load are kept in {place}")


def swap(destination: Database, place: Path) -> None:
    """Swap the backup in, and say under which name the database of now is kept."""
    restored = backups.restore(destination.url.reveal(), place)
    say(f"restored in {restored.seconds} s; the database of before is kept as {restored.kept_as}")
