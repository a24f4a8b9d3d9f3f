"""Tasks 9.1: a database as it is, kept and proven by a real restore."""

import json
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.engine import FROM_RUN, FROM_TARGET, Commands, Finding, call, fails, holds, say, step
from handrail.transfer.backup import backup

from .databases import database_answers
from .evidence import LOAD, folder_of_backup, move_aside
from .rows import of_this_state


def backup_is_proven(database: Database, directory: str, label: str, run: str) -> Finding:
    """The backup of this run is of this database, whole, and was restored with equal rows."""
    place = folder_of_backup(directory, label, run)
    if not place.exists():
        return fails(f"`{place}` is not there")
    proof = backup.proof(place)
    if proof is None:
        return fails(f"`{place}` was not proven by a restore, or its files were changed since")
    made = backup.check(place)
    if made.database != database.name:
        return fails(f"`{place}` is a backup of `{made.database}`, not of `{database.name}`")
    stale = of_this_state(f"`{place}`", made.mark, database)
    if not stale.passed:
        return stale
    return holds(
        place=str(place),
        rows=proof.rows,
        mark=made.mark,
        restore_seconds=proof.seconds,
        way_back_seconds=proof.way_back_seconds,
    )


def backup_is_there(directory: str, label: str, run: str) -> bool:
    """Return whether this run has a backup of that label."""
    return folder_of_backup(directory, label, run).exists()


def set_aside(directory: str, label: str, run: str) -> None:
    """Move the backup aside: it stays, and no later step takes it for the state of then."""
    move_aside(folder_of_backup(directory, label, run))


@step(
    requires=[database_answers],
    captures=backup_is_there,
    ensures=backup_is_proven,
    rollback=set_aside,
    rollback_name="Move the backup aside; it is kept",
    idempotent=True,
)
def take(
    *, database: Database, label: str, directory: str = FROM_TARGET, run: str = FROM_RUN
) -> Commands:
    """Dump a database and prove the dump by a restore.

    The restore goes into a scratch database; every table is compared.

    The times that the restore takes, alone and with the comparison, are recorded: the latter is
    what to expect of a way back to this backup.

    Args:
        database: What to back up.
        label: Short name of the backup within the run.
        directory: Where backups go, in a folder of the run.
        run: The run.

    Raises:
        ClientError: pg_dump or pg_restore failed, or the restored rows differ.

    Source: https://www.postgresql.org/docs/current/app-pgdump.html
    """
    yield call(dump, database, folder_of_backup(directory, label, run), label)


def dump(database: Database, place: Path, label: str) -> None:
    """Take a backup unless it is there already, and prove it; one of another freeze gives way.

    Raises:
        ClientError: a load has begun since, which this backup would have to lie before.
    """
    url = database.url.reveal()
    if place.exists() and not of_this_state("it", backup.check(place).mark, database).passed:
        refuse_after_load(place, label)
        move_aside(place)
    if not place.exists():
        refuse_after_load(place, label)
        made = backup.take(url, place)
        say(f"{made.rows} rows of `{made.database}` in {made.size_bytes} bytes")
    proof = backup.prove(url, place)
    say(f"restored in {proof.seconds} s; a way back takes about {proof.way_back_seconds} s")
    for statement in proof.not_carried:
        say(f"after a way back somebody who may has to run: {statement}")


def refuse_after_load(place: Path, label: str) -> None:
    """Refuse to take the state of now for the one that a rollback of the load goes back to."""
    load = place.parent / LOAD
    if load.exists() and json.loads(load.read_text(encoding="utf-8"))["backup"] == label:
        raise ClientError(
            f"no new backup was taken in place of `{place}`",
            "the load of this run has begun: a backup of now would hold its rows",
            f"put the backup back as `{place}`, or roll the load back first (`--data to=TASK`)",
        )
