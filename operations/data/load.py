"""Task 9.3: the legacy rows reach Django's database, and can be taken back out of it."""

import json
import math
from pathlib import Path

from handrail.clients import private_folder
from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.engine import FROM_RUN, FROM_TARGET, Commands, Finding, call, fails, holds, say, step
from handrail.transfer.backup import backup as backups
from handrail.transfer.load import catchup
from handrail.transfer.load import load as loads
from handrail.transfer.load.workers import Workers, asked_for
from handrail.transfer.read.kept_out import FILES
from handrail.transfer.read.standing import FILE
from handrail.transfer.sql.plan import Plan

from ..evidence import (
    LOAD,
    REPORTS,
    WRITTEN,
    folder_of_backup,
    keep_kept_out,
    keep_written,
    move_aside,
)
from ..rows import (
    of_this_state,
    opened,
    opening,
    rows_there,
    sql_of_rows,
    urls,
    way_back_is_proven,
)
from ..rows_moved import RowsMoved


def rows_are_loaded(
    source: Database, destination: Database, mapping: str, directory: str, run: str
) -> Finding:
    """The load was carried to its end, of the source's state now, and its two files are there."""
    place = Path(directory) / run
    with opening(mapping, source, destination) as sides:
        if not loads.is_loaded(sides.destination, sides.plan.digest):
            return fails("no load of this mapping was carried to its end there")
        missing = [name for name in FILES if not (place / name).exists()]
        if missing:
            return fails(f"`{place}` has no {' and no '.join(missing)}")
        mark = loads.mark_of(sides.destination, sides.plan.digest)
        stale = of_this_state("the load", mark, source, sides.source)
    return holds(mark=mark) if stale.passed else stale


def restore_backup(
    source: Database, destination: Database, mapping: str, directory: str, label: str, run: str
) -> Commands:
    """Keep what was written since, then swap the backup in; the database of now stays, renamed."""
    place = Path(directory) / run
    plan = opened(mapping, source, destination)
    yield call(keep_written, plan, source, destination, place / WRITTEN)
    yield call(swap, destination, folder_of_backup(directory, label, run))
    for name in (*FILES, *REPORTS, LOAD):
        yield call(move_aside, place / name)


@step(
    requires=[way_back_is_proven],
    captures=rows_there,
    ensures=rows_are_loaded,
    rollback=restore_backup,
    rollback_name="Keep what users wrote on Django, and put its backup in place",
    rollback_loses="rows that users wrote on Django are exported to files, not brought to Node",
    idempotent=True,
    round_trips=200,
    preview=sql_of_rows,
    keeps_since=True,
)
def load(
    *,
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    mapping: str = FROM_TARGET,
    directory: str = FROM_TARGET,
    label: str,
    run: str = FROM_RUN,
    workers: int = 1,
    cluster: str = "",
) -> Commands:
    """Load every row from the legacy database, as the mapping says.

    Rows move in chunks; each is compared before it is committed. Rows that the destination cannot
    hold go to a quarantine with their reason, within the bounds that the mapping allows. They, and
    every value that was changed, stand in `quarantine.ndjson` and `adjusted.ndjson` in the folder
    of the run afterwards. Killed at any moment, the same call goes on where it stopped. Where the
    legacy database was let go and frozen again since, it brings over what was written meanwhile.

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
    place = Path(directory) / run
    yield call(move_aside, place / WRITTEN)
    yield call(
        private_folder.write, place / LOAD, json.dumps({"digest": plan.digest, "backup": label})
    )
    yield call(stream, plan, source, destination, place / FILE, asked_for(workers, cluster))
    yield call(keep_kept_out, plan, destination, place)


def stream(
    plan: Plan, source: Database, destination: Database, record: Path, workers: Workers | None
) -> None:
    """Load, or bring a finished load up to date, and say what came of it."""
    ours, theirs = urls(source, destination)
    if loads.is_loaded(theirs, plan.digest):
        refuse_written(plan, destination)
        done = catchup.catch_up(plan, ours, theirs, bound_seconds=math.inf)
        loads.note_mark(theirs, plan.digest, done.mark)
        say(f"{done.chunks_moved} chunks moved again: the source had changed since the load")
        return
    tell = RowsMoved(record).tell
    # a load of this run that stopped, and whose mapping was mended since, gives way
    loaded = loads.load(
        plan, ours, theirs, mode="bulk", record=record, supersede=True, workers=workers,
        on_chunk=tell,
    )  # fmt: skip
    say(f"{loaded.rows} rows loaded")


def refuse_written(plan: Plan, destination: Database) -> None:
    """Refuse to move chunks again over rows that somebody wrote on Django since.

    Raises:
        ClientError: naming their tables.
    """
    written = catchup.written_since(plan, destination.url.reveal())
    if written:
        raise ClientError(
            "the load was not brought up to date",
            f"rows were written on Django since, in {', '.join(written)}, and would be lost",
            "roll back to the task before the load: that exports them first",
        )


def swap(destination: Database, place: Path) -> None:
    """Swap the backup in, and say under which name the database it replaces is kept."""
    restored = backups.restore(destination.url.reveal(), place)
    say(f"restored in {restored.seconds} s; the database it replaced is kept as {restored.kept_as}")
    for statement in restored.not_carried:
        say(f"this role may not make it as it was; somebody who may has to run: {statement}")
