"""Put a database back from a dump: into a new one first, then by name."""

import datetime as dt
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.errors import ObjectInUse

from handrail.clients.errors import ClientError
from handrail.transfer.backup import properties
from handrail.transfer.backup.dump import (
    JOBS,
    Backup,
    BackupFailed,
    BackupTable,
    check,
    differing,
    read_tables,
)
from handrail.transfer.backup.properties import Properties
from handrail.transfer.session import others, programs, write_triggers
from handrail.transfer.session.connection import Connection, connect, first_line, value
from handrail.transfer.session.quoting import quoted

SWAP_SECONDS = 60.0
STAMP = r"\d{8}T\d{12}Z"
RESTORED, REPLACED = "restored", "replaced"
TEMPLATE = "select datistemplate from pg_database where datname = %s"


@dataclass(frozen=True)
class RestoredCopy:
    """A backup restored into a database: the seconds pg_restore took, and what is `not_carried`."""

    seconds: float
    not_carried: tuple[str, ...]


@dataclass(frozen=True)
class Restored:
    """A database put back; the one it replaced is kept under `kept_as`, read-only.

    `not_carried` are statements that this role may not make, so that somebody else has to.
    """

    database: str
    kept_as: str
    seconds: float
    swap_seconds: float
    not_carried: tuple[str, ...]


def restore(url: str, directory: str | Path, *, jobs: int = JOBS) -> Restored:
    """Restore a backup into a new database and swap it in by name.

    Its settings, rights, owner, locale, comment and limits are those of the database it replaces,
    which is kept under a dated name as evidence. Both renames are one transaction, so at any moment
    there is one database of that name. Where it is refused, nothing is left behind: also what an
    attempt that was killed had restored is removed by the next.

    Args:
        url: URL of the database to put back; its sessions are ended.
        directory: The backup.
        jobs: Parallel restores.

    Raises:
        BackupFailed: before the swap, with nothing changed.
    """
    began = time.monotonic()
    made = check(directory)
    name = programs.environment(url).get("PGDATABASE", "")
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
    fresh, kept = _name(name, RESTORED, stamp), _name(name, REPLACED, stamp)
    with maintenance(url, name) as session:
        _refuse_sessions(session, name)
        _remove_leftovers(session, name)
        done = restore_into(url, fresh, Path(directory), made, jobs, keep=True)
        swapping = time.monotonic()
        try:
            _swap(session, name, fresh, kept)
        except ClientError:
            others.drop(session, fresh)
            raise
        session.execute(f"alter database {quoted(kept)} set default_transaction_read_only = on")
        if value(session, TEMPLATE, kept):  # at the end, for nobody can drop a template
            session.execute(f"alter database {quoted(name)} is_template true")
            session.execute(f"alter database {quoted(kept)} is_template false")
    ended = time.monotonic()
    return Restored(
        name, kept, round(ended - began, 3), round(ended - swapping, 3), done.not_carried
    )


def _name(name: str, kind: str, stamp: str) -> str:
    # PostgreSQL cuts names at 63 bytes, and a cut one would not be found again
    return f"{name[:30]}_{kind}_{stamp}"


def _remove_leftovers(session: Connection, name: str) -> None:
    """Drop what earlier attempts restored and did not swap in: nobody ever worked on these."""
    like = f"^{re.escape(_name(name, RESTORED, ''))}{STAMP}$"
    for (left,) in session.execute("select datname::text from pg_database").fetchall():
        if re.match(like, left):
            others.drop(session, left)


def _refuse_sessions(session: Connection, name: str) -> None:
    """Refuse before anything is restored where a session would be in the way of the swap."""
    stay = others.in_the_way(others.others(session, name))
    if stay:
        raise BackupFailed(
            f"`{name}` was not put back",
            f"it cannot be renamed while these sessions are open, and they are not this role's to "
            f"end: {others.listed(stay)}",
            f"{others.advice(stay)}; then the same command again",
        )


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
) -> RestoredCopy:
    """Create a database like the one of the URL, restore into it and compare.

    Raises:
        BackupFailed: it could not be created, or holds other rows than the manifest says.
        ProgramFailed: pg_restore failed.
    """
    began = time.monotonic()
    good = False
    name = programs.environment(url).get("PGDATABASE", "")
    with maintenance(url, name) as session:
        wanted = _wanted(session, name)
        _create(session, database, wanted)
        try:
            arguments = ["--format=directory", f"--jobs={jobs}", "--exit-on-error", "--no-password"]
            arguments += [programs.dbname(url, database), str(directory / "dump")]
            program = programs.find(session.info.server_version) / "pg_restore"
            programs.run(program, arguments, programs.environment(url, database))
            seconds = round(time.monotonic() - began, 3)
            with connect(make_conninfo(url, dbname=database), name="restored database") as restored:
                _compare(directory, made, read_tables(restored))
                write_triggers.remove(restored)  # of a dump that was taken under a freeze
                restored.execute("analyze")
            not_carried = properties.give(session, database, wanted)
            good = True
        finally:
            if not (good and keep):
                others.drop(session, database)
    return RestoredCopy(seconds, not_carried)


def _wanted(session: Connection, name: str) -> Properties:
    """Return what a database has to be like: as the one of that name, or as a new one."""
    found = properties.read(session, name)
    if found is not None:
        return found
    usual = properties.read(session, str(value(session, "select current_database()")))
    if usual is None:
        raise BackupFailed("no database to go by", f"`{name}` is not there", "correct the address")
    return replace(usual, owner=session.info.user, settings=(), rights=None, labels=())


def _create(session: Connection, database: str, wanted: Properties) -> None:
    """Create an empty database with that owner, encoding and locale."""
    try:
        session.execute(f"create database {quoted(database)} {wanted.creation()}")
    except psycopg.Error as error:
        raise BackupFailed(
            "the backup was not restored",
            f"no database could be created: {first_line(error)}",
            "give the role CREATEDB, or use the URL of a role that has it",
        ) from None


def _compare(directory: Path, made: Backup, found: tuple[BackupTable, ...]) -> None:
    if wrong := differing(made.tables, found):
        raise BackupFailed(
            f"the backup in `{directory}` does not restore to what was backed up",
            f"other rows in {', '.join(wrong)}",
            "take a new backup and prove that one",
        )


def _swap(session: Connection, name: str, fresh: str, kept: str) -> None:
    deadline = time.monotonic() + SWAP_SECONDS
    while True:
        _refuse_sessions(session, name)
        others.end(session, others.others(session, name, fresh))
        try:
            with session.transaction():
                session.execute(f"alter database {quoted(name)} rename to {quoted(kept)}")
                session.execute(f"alter database {quoted(fresh)} rename to {quoted(name)}")
        except ObjectInUse as error:
            if time.monotonic() > deadline:
                raise BackupFailed(
                    f"`{name}` was not put back",
                    f"{first_line(error)}, again and again for {SWAP_SECONDS:.0f} s",
                    "stop the services that connect to it, then run the same command again",
                ) from None
            time.sleep(0.1)
        except psycopg.Error as error:
            raise BackupFailed(
                f"`{name}` was not put back",
                first_line(error),
                "use the URL of the role that owns the database and may create databases",
            ) from None
        else:
            return
