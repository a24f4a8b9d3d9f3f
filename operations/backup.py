"""Tasks 9.1: a database as it is, kept, and proven by a real restore at once or later."""

import hashlib
import json
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.engine import (
    FROM_RUN,
    FROM_TARGET,
    Commands,
    Finding,
    call,
    check,
    fails,
    say,
    step,
)
from handrail.transfer.backup import backup
from handrail.transfer.backup.dump import MANIFEST

from . import export_ahead
from .databases import database_answers
from .evidence import LOAD, folder_of_backup, move_aside
from .export_ahead import Ahead
from .rows import of_this_state


def backup_is_proven(database: Database, directory: str, label: str, run: str) -> Finding:
    """The backup of this run is of this database, whole, and was restored with equal rows."""
    place = folder_of_backup(directory, label, run)
    kept = is_kept(database, place)
    if not kept.passed:
        return kept
    proof = backup.proof(place)
    if proof is None:
        return fails(f"`{place}` was not proven by a restore, or its files were changed since")
    times = {"restore_seconds": proof.seconds, "way_back_seconds": proof.way_back_seconds}
    return Finding(kept.verdict, facts={**kept.facts, **times})


def backup_is_kept(
    database: Database,
    directory: str,
    label: str,
    run: str,
    proven: bool,  # noqa: FBT001  an argument of the step
) -> Finding:
    """The backup of this run is of this database, whole, and proven where that is asked for."""
    if proven:
        return backup_is_proven(database, directory, label, run)
    return is_kept(database, folder_of_backup(directory, label, run))


def is_kept(database: Database, place: Path) -> Finding:
    """Hold a backup against its manifest and the state of its database."""
    if not place.exists():
        return fails(f"`{place}` is not there")
    try:
        made = backup.check(place)
    except backup.BackupFailed as damaged:
        return fails(f"{damaged.what}: {damaged.why}")
    if made.database != database.name:
        return fails(f"`{place}` is a backup of `{made.database}`, not of `{database.name}`")
    stale = of_this_state(f"`{place}`", made.mark, database)
    return Finding(stale.verdict, facts=told(made, place)) if stale.passed else stale


def told(made: backup.Backup, place: Path) -> dict[str, str | int | float | None]:
    """Return what is recorded of a backup: where it lies, what it is of, how to restore it."""
    restored = f"{made.database}_restored"
    return {
        "place": str(place),
        "rows": made.rows,
        "mark": made.mark,
        "database": made.database,
        "size_bytes": made.size_bytes,
        "sha256": hashlib.sha256((place / MANIFEST).read_bytes()).hexdigest(),
        "taken_at": made.taken_at,
        "dump_seconds": made.seconds,
        "restore": f"psql -d postgres -c 'CREATE DATABASE \"{restored}\" TEMPLATE template0'\n"
        f"pg_restore --exit-on-error --no-owner --jobs 2 -d {restored} {place}/dump",
    }


def backup_is_there(directory: str, label: str, run: str) -> bool:
    """Return whether this run has a backup of that label."""
    return folder_of_backup(directory, label, run).exists()


def set_aside(directory: str, label: str, run: str) -> None:
    """Move the backup aside: it stays, and no later step takes it for the state of then."""
    place = folder_of_backup(directory, label, run)
    move_aside(place)
    export_ahead.discard(place.parent)


@step(
    requires=[database_answers],
    captures=backup_is_there,
    ensures=backup_is_kept,
    rollback=set_aside,
    rollback_name="Move the backup aside; it is kept",
    idempotent=True,
    round_trips=230,
)
def take(
    *,
    database: Database,
    label: str,
    directory: str = FROM_TARGET,
    run: str = FROM_RUN,
    proven: bool = True,
    exports_to: Database | None = None,
    mapping: str | None = None,
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
        proven: False leaves the restore to a later call of `prove`: nobody need wait for it.
        exports_to: The database that the rows go to, and
        mapping: the mapping file: with both, the rows are exported beside the dump, from its
            snapshot, for `data.export` to take over.

    Raises:
        ClientError: pg_dump or pg_restore failed, or the restored rows differ.

    Source: https://www.postgresql.org/docs/current/app-pgdump.html
    """
    place = folder_of_backup(directory, label, run)
    ahead = None
    if exports_to is not None and mapping is not None:
        addresses = database.url.reveal(), exports_to.url.reveal()
        ahead = export_ahead.Ahead(*addresses, mapping, place.parent)
    yield call(dump, database, place, label, ahead)
    if proven:
        yield call(restore, database, place)


def dump(database: Database, place: Path, label: str, ahead: Ahead | None = None) -> None:
    """Take a backup unless it is there already; one of another freeze gives way.

    Raises:
        ClientError: a load has begun since, which this backup would have to lie before.
    """
    url = database.url.reveal()
    if place.exists() and not of_this_state("it", backup.check(place).mark, database).passed:
        refuse_after_load(place, label)
        move_aside(place)
    if not place.exists():
        refuse_after_load(place, label)
        made = backup.take(url, place, meanwhile=ahead.write if ahead else None)
        say(f"{made.rows} rows of `{made.database}` in {made.size_bytes} bytes")


def restore(database: Database, place: Path) -> None:
    """Prove a backup, and say what a way back to it takes."""
    proof = backup.prove(database.url.reveal(), place)
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


@check(fix="run the runbook's task that takes the backup first")
def backup_is_taken(database: Database, directory: str, label: str, run: str) -> Finding:
    """The backup of this run is of this database as it is now, and whole."""
    return is_kept(database, folder_of_backup(directory, label, run))


def proof_is_there(directory: str, label: str, run: str) -> bool:
    """Return whether the backup was proven by a restore."""
    return backup.proof(folder_of_backup(directory, label, run)) is not None


def withdraw_proof(directory: str, label: str, run: str) -> None:
    """Move the proof aside; the backup itself stays."""
    move_aside(folder_of_backup(directory, label, run) / backup.PROOF)


@step(
    requires=[backup_is_taken],
    captures=proof_is_there,
    ensures=backup_is_proven,
    rollback=withdraw_proof,
    rollback_name="Withdraw the proof; the backup is kept",
    idempotent=True,
    round_trips=280,
)
def prove(
    *, database: Database, label: str, directory: str = FROM_TARGET, run: str = FROM_RUN
) -> Commands:
    """Prove a backup that was taken without it, by a restore into a scratch database.

    Every table is compared with the manifest. For a backup that no way back of the run waits for,
    as that of a legacy database that rests: users need not wait for the proof.

    Args:
        database: What was backed up.
        label: Short name of the backup within the run.
        directory: Where backups go, in a folder of the run.
        run: The run.

    Raises:
        ClientError: pg_restore failed, or the restored rows differ.
    """
    yield call(restore, database, folder_of_backup(directory, label, run))
