"""Task 9.2: the legacy rows, as mapped, in files with a manifest."""

from pathlib import Path

from handrail.clients.postgres import Database
from handrail.engine import FROM_RUN, FROM_TARGET, Commands, Finding, call, fails, holds, say, step
from handrail.transfer.read import export as exports
from handrail.transfer.read import files
from handrail.transfer.read.standing import FILE
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan

from .. import export_ahead
from ..databases import writes_are_stopped
from ..evidence import move_aside
from ..rows import of_this_state, opened, opening, sql_of_rows


def rows_are_exported(
    source: Database, destination: Database, mapping: str, directory: str, run: str
) -> Finding:
    """The export is whole, of this mapping, and of the source's state now."""
    place = folder(directory, run)
    if not place.exists():
        return fails(f"`{place}` is not there")
    with opening(mapping, source, destination) as sides:
        return is_whole(sides.plan, source, place, sides.source)


def is_whole(
    plan: Plan, source: Database, place: Path, session: Connection | None = None
) -> Finding:
    """Hold an export against its manifest, the mapping and the source."""
    try:
        made = files.check_export(place)
    except files.ExportDamaged as damaged:
        return fails(f"{damaged.what}: {damaged.why}")
    if made.digest != plan.digest:
        return fails(f"`{place}` was made by another mapping, or of other tables")
    stale = of_this_state(f"`{place}`", made.mark, source, session)
    return holds(place=str(place), rows=made.rows, mark=made.mark) if stale.passed else stale


def export_is_there(directory: str, run: str) -> bool:
    """Return whether this run has an export."""
    return folder(directory, run).exists()


def set_export_aside(directory: str, run: str) -> None:
    """Move the export aside: it stays, and no later step takes it for the rows of then."""
    move_aside(folder(directory, run))


@step(
    requires=[writes_are_stopped],
    captures=export_is_there,
    ensures=rows_are_exported,
    rollback=set_export_aside,
    rollback_name="Move the exported files aside; they are kept",
    idempotent=True,
    round_trips=40,
    preview=sql_of_rows,
)
def export(
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    mapping: str = FROM_TARGET,
    directory: str = FROM_TARGET,
    run: str = FROM_RUN,
) -> Commands:
    """Export every legacy table, as mapped, to files with a manifest.

    The folder appears whole or not at all; a table that fails fails all. The manifest names the
    mapping and the freeze that the rows were read under; with another of either it is made anew.

    Args:
        source: The legacy database.
        destination: Django's, whose columns the rows must fit.
        mapping: The mapping file.
        directory: Where exports go, in a folder of the run.
        run: The run.

    Raises:
        ClientError: the mapping or a row does not fit, or a table could not be read.
    """
    plan = opened(mapping, source, destination)
    yield call(write_export, plan, source, destination, directory, run)


def write_export(
    plan: Plan, source: Database, destination: Database, directory: str, run: str
) -> None:
    """Write the export unless it is whole, and say how much it is; another is moved aside."""
    place = folder(directory, run)
    if place.exists() and is_whole(plan, source, place).passed:
        return
    set_export_aside(directory, run)
    made = taken_over(plan, source, place) or exports.export(
        plan, source.url.reveal(), destination.url.reveal(), place, record=place.parent / FILE
    )
    say(f"{made.rows} rows of {len(made.tables)} tables exported to {place}")


def taken_over(plan: Plan, source: Database, place: Path) -> files.Export | None:
    """Take what was exported beside the dump, where it is of this mapping and of this freeze."""
    made, there = export_ahead.made(place.parent), export_ahead.place(place.parent)
    if made is not None and is_whole(plan, source, there).passed:
        there.rename(place)
        return made
    export_ahead.discard(place.parent)
    return None


def folder(directory: str, run: str) -> Path:
    """Return where a run keeps its export."""
    return Path(directory) / run / "export"
