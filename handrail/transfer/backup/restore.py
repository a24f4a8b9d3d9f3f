"""Put a database back from a dump: into a new one first, then by name."""

import datetime as dt
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.errors import ObjectInUse

from handrail.clients.errors import ClientError
from handrail.transfer.backup.dump import (
    JOBS,
    Backup,
    BackupFailed,
    BackupTable,
    check,
    read_tables,
)
from handrail.transfer.session import programs
from handrail.transfer.session.connection import Connection, connect, first_line
from handrail.transfer.session.quoting import literal, quoted

SWAP_SECONDS = 60.0
OTHERS = "from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"


@dataclass(frozen=True)
class Restored:
    """A database put back; the one it replaced is kept under `kept_as`, read-only."""

    database: str
    kept_as: str
    seconds: float
    swap_seconds: float


def restore(url: str, directory: str | Path, *, jobs: int = JOBS) -> Restored:
    """Restore a backup into a new database and swap it in by name.

    The old database is kept under a dated name as evidence. Both renames are one transaction, so at
    any moment there is one database of that name.

    Args:
        url: URL of the database to put back; its sessions are ended.
        directory: The backup.
        jobs: Parallel restores.

    Raises:
        BackupFailed: before the swap, with nothing changed.
    """
    began = time.monotonic()
    made = check(directory)
    name = str(programs.environment(url).get("PGDATABASE", ""))
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
    # PostgreSQL cuts names at 63 bytes, and a cut one would not be found again
    fresh, kept = f"{name[:30]}_restored_{stamp}", f"{name[:30]}_replaced_{stamp}"
    restore_into(url, fresh, Path(directory), made, jobs, keep=True)
    swapping = time.monotonic()
    with maintenance(url, name) as session:
        _carry_settings(session, name, fresh)
        _swap(session, name, fresh, kept)
        session.execute(f"alter database {quoted(kept)} set default_transaction_read_only = on")
    ended = time.monotonic()
    return Restored(name, kept, round(ended - began, 3), round(ended - swapping, 3))


def maintenance(url: str, name: str) -> Connection:
    """Open a session on the same server in another database: none can be renamed from within."""
    failure: ClientError | None = None
    for database in ("postgres", "template1"):
        if database == name:
            continue
        try:
            return connect(make_conninfo(url, dbname=database), name=f"database `{database}`")
        except ClientError as error:
            failure = error
    raise failure or BackupFailed("no maintenance database", "none answered", "create `postgres`")


def restore_into(
    url: str, database: str, directory: Path, made: Backup, jobs: int, *, keep: bool
) -> float:
    """Create a database, restore into it and compare; return the seconds that took."""
    began = time.monotonic()
    good = False
    name = programs.environment(url).get("PGDATABASE", "")
    with maintenance(url, name) as session:
        locale = session.execute(
            "select datcollate, datctype from pg_database "
            "where datname in (%s, current_database()) order by datname = %s desc",
            [name, name],
        ).fetchone() or ("C", "C")
        version = session.info.server_version
        try:
            session.execute(
                f"create database {quoted(database)} template template0 encoding 'UTF8' "
                f"lc_collate {literal(locale[0])} lc_ctype {literal(locale[1])}"
            )
        except psycopg.Error as error:
            raise BackupFailed(
                "the backup was not restored",
                f"no database could be created: {first_line(error)}",
                "give the role CREATEDB, or use the URL of a role that has it",
            ) from None
        try:
            arguments = ["--format=directory", f"--jobs={jobs}", "--exit-on-error", "--no-password"]
            arguments += [f"--dbname={database}", str(directory / "dump")]
            program = programs.find(version) / "pg_restore"
            programs.run(program, arguments, programs.environment(url, database))
            seconds = round(time.monotonic() - began, 3)
            with connect(make_conninfo(url, dbname=database), name="restored database") as restored:
                _compare(directory, made.tables, read_tables(restored))
                restored.execute("analyze")
            good = True
        finally:
            if not (good and keep):
                session.execute(f"drop database if exists {quoted(database)} with (force)")
    return seconds


def _compare(
    directory: Path, wanted: tuple[BackupTable, ...], found: tuple[BackupTable, ...]
) -> None:
    there = {(table.schema, table.name): table for table in found}
    wrong = [
        f"{table.schema}.{table.name}"
        for table in wanted
        if there.pop((table.schema, table.name), None) != table
    ]
    wrong += [f"{schema}.{name}" for schema, name in there]
    if wrong:
        raise BackupFailed(
            f"the backup in `{directory}` does not restore to what was backed up",
            f"other rows in {', '.join(wrong)}",
            "take a new backup and prove that one",
        )


def _carry_settings(session: Connection, name: str, fresh: str) -> None:
    """Give the new database the settings of the old one, which a dump does not hold."""
    rows = session.execute(
        "select c from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, "
        "unnest(s.setconfig) c where d.datname = %s and s.setrole = 0",
        [name],
    ).fetchall()
    for (setting,) in rows:
        key, _, text = setting.partition("=")
        if key != "default_transaction_read_only":  # a freeze belongs to what was frozen
            session.execute(f"alter database {quoted(fresh)} set {key} = {literal(text)}")


def _swap(session: Connection, name: str, fresh: str, kept: str) -> None:
    deadline = time.monotonic() + SWAP_SECONDS
    while True:
        for database in (name, fresh):
            session.execute(f"select pg_terminate_backend(pid) {OTHERS}", [database])
        try:
            with session.transaction():
                session.execute(f"alter database {quoted(name)} rename to {quoted(kept)}")
                session.execute(f"alter database {quoted(fresh)} rename to {quoted(name)}")
        except ObjectInUse as error:
            if time.monotonic() > deadline:
                raise BackupFailed(
                    f"`{name}` was not swapped, the restored one waits as `{fresh}`",
                    first_line(error),
                    "stop the services that connect to it, then run the same command again",
                ) from None
            time.sleep(0.1)
        except psycopg.Error as error:
            raise BackupFailed(
                f"`{name}` was not swapped, the restored one waits as `{fresh}`",
                first_line(error),
                "use the URL of the role that owns the database and may create databases",
            ) from None
        else:
            return
