"""What a run leaves behind as files: never deleted, and never mistaken for another run's."""

from datetime import UTC, datetime
from pathlib import Path

from handrail.clients import private_folder
from handrail.clients.postgres import Database
from handrail.engine import say
from handrail.transfer import freeze
from handrail.transfer.load import load
from handrail.transfer.read.kept_out import FILES, write_kept_out
from handrail.transfer.session.connection import Connection
from handrail.transfer.sql.plan import Plan
from handrail.transfer.verify import delta

LOAD = "load.json"  # says that the run's load has begun, and which backup a rollback restores
LINKED = "linked-files.json"  # the files that rows point to, and how each answered before
WRITTEN = "written-since-the-load"
AT_REST = "source-at-rest.txt"  # in it: the freeze in which both sides were compared
REPORTS = ("verification.json", "verification.html")


def folder_of_backup(directory: str, label: str, run: str) -> Path:
    """Return where a run keeps a backup."""
    return Path(directory) / run / f"backup-{label}"


def move_aside(path: Path) -> None:
    """Give a file or folder a dated name of its own; nothing where it is not there.

    What was made before a rollback must not pass for proof afterwards: the rows it shows are no
    longer the rows that are there.
    """
    if path.exists():
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        path.rename(path.with_name(f"{path.name}.until-{moment}"))


def keep_kept_out(plan: Plan, destination: Database | Connection, place: Path) -> None:
    """Write what a load kept out and what it changed to files, and say how much it is."""
    where = destination if isinstance(destination, Connection) else destination.url.reveal()
    rows = write_kept_out(plan, where, place)
    quarantined, adjusted = (rows[name] for name in FILES)
    say(f"{quarantined} rows quarantined, {adjusted} values adjusted: see {place}")


def keep_written(plan: Plan, source: Database, destination: Database, place: Path) -> None:
    """Export what was written on the destination since the load, and say how much it is.

    Once while the source rests is better than again when it is written to: then nobody can tell
    which side a difference is of.
    """
    url = source.url.reveal()
    if (place / AT_REST).exists() and freeze.mark_of(url) is None:
        say(f"rows written on Django since the load were kept in {place} while the source rested")
        return
    move_aside(place)
    if not load.is_loaded(destination.url.reveal(), plan.digest):
        say("the load was not finished; nothing was written after it")
        return
    found = delta.delta(plan, url, destination.url.reveal(), place)
    mark = freeze.mark_of(url)
    if mark is not None:
        private_folder.write(place / AT_REST, mark)
    say(f"{found.rows} rows written on Django since the load are kept in {place}")
    if found.source_changed:
        listing = ", ".join(found.source_changed)
        say(f"the legacy rows changed as well, in {listing}: some differences may be of that side")
