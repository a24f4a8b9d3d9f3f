"""Take a backup of a database, prove it by restoring it, and put a database back from it."""

import datetime
import hashlib
import json
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.errors import ObjectInUse

from operations.clients.errors import ClientError
from operations.transfer import programs
from operations.transfer.quoting import literal, qualified, quoted
from operations.transfer.session import Connection, connect, first_line, reading, value

MANIFEST = "manifest.json"
PROOF = "proof.json"
JOBS = 2
SWAP_SECONDS = 60.0
TABLES = """
select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relpersistence = 'p'
order by 1, 2
"""
OTHERS = "from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"


@dataclass(frozen=True)
class BackupFile:
    """One file of the dump."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class BackupTable:
    """One table as the dump's own snapshot saw it; `hash` is an order-free sum over its rows."""

    schema: str
    name: str
    rows: int
    hash: str


@dataclass(frozen=True)
class Backup:
    """What a manifest records; it holds no address and no secret."""

    database: str
    server_version: int
    taken_at: str
    seconds: float
    files: tuple[BackupFile, ...]
    tables: tuple[BackupTable, ...]

    @property
    def size_bytes(self) -> int:
        """Add up the sizes of the files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def rows(self) -> int:
        """Count the rows of all tables."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True)
class Proof:
    """A restore that was made and compared; `seconds` is how long the restore itself took."""

    proven_at: str
    tables: int
    rows: int
    seconds: float


@dataclass(frozen=True)
class Restored:
    """A database put back; the one it replaced is kept under `kept_as`, read-only."""

    database: str
    kept_as: str
    seconds: float
    swap_seconds: float


class BackupFailed(ClientError):
    """A backup could not be taken, proven or restored; the database itself is as it was."""


def take(url: str, directory: str | Path, *, jobs: int = JOBS) -> Backup:
    """Dump a database into a directory, which appears whole or not at all.

    Args:
        url: URL of the database; only read.
        directory: Where the dump goes; must not exist yet.
        jobs: Parallel dumps.

    Raises:
        BackupFailed: the directory exists, or the dump cannot be written.
        ProgramFailed: there is no fitting pg_dump, or it failed.
    """
    place = Path(directory)
    if place.exists():
        raise BackupFailed(
            "no backup was taken", f"`{place}` exists already", "name another directory"
        )
    began = time.monotonic()
    partial = place.with_name(place.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(mode=0o700, parents=True)
        with reading(url, name="database") as session:
            snapshot = value(session, "select pg_export_snapshot()")
            arguments = ["--format=directory", f"--jobs={jobs}", "--compress=1", "--no-password"]
            arguments += [f"--snapshot={snapshot}", f"--file={partial / 'dump'}"]
            program = programs.find(session.info.server_version) / "pg_dump"
            programs.run(program, arguments, programs.environment(url))
            tables = _tables(session)
            database = str(value(session, "select current_database()"))
            version = session.info.server_version
        files = tuple(_file(path) for path in sorted((partial / "dump").iterdir()))
        seconds = round(time.monotonic() - began, 3)
        made = Backup(database, version, _now(), seconds, files, tables)
        (partial / MANIFEST).write_text(json.dumps(asdict(made), indent=1) + "\n", encoding="utf-8")
        partial.rename(place)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        why = error.strerror or str(error)
        raise BackupFailed(
            "no backup was taken", why, f"make room or rights for `{place}`"
        ) from None
    except ClientError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return made


def check(directory: str | Path) -> Backup:
    """Read a backup's manifest and hold every file against it.

    Raises:
        BackupFailed: a file is missing or was changed.
    """
    place = Path(directory)
    try:
        stored = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        stored["files"] = tuple(BackupFile(**item) for item in stored["files"])
        stored["tables"] = tuple(BackupTable(**item) for item in stored["tables"])
        made = Backup(**stored)
    except (OSError, ValueError, KeyError, TypeError):
        raise BackupFailed(
            f"`{place}` is not a backup",
            f"`{MANIFEST}` is missing or not readable",
            "take a new backup",
        ) from None
    there = (
        {path.name for path in (place / "dump").iterdir()} if (place / "dump").is_dir() else set()
    )
    wrong = sorted(there ^ {file.name for file in made.files})
    wrong += [f.name for f in made.files if f.name in there and _file(place / "dump" / f.name) != f]
    if wrong:
        raise BackupFailed(
            f"the backup in `{place}` is damaged",
            f"missing, changed or foreign: {', '.join(wrong)}",
            "use another backup; keep this one to find out what changed it",
        )
    return made


def prove(url: str, directory: str | Path, *, jobs: int = JOBS) -> Proof:
    """Restore a backup into a scratch database, compare every table, and drop it again.

    Args:
        url: URL of a database on the server to restore on; it is not touched.
        directory: The backup.
        jobs: Parallel restores.

    Raises:
        BackupFailed: the restored rows are not those of the manifest.
        ProgramFailed: pg_restore failed.
    """
    made = check(directory)
    scratch = f"cutover_proof_{secrets.token_hex(6)}"
    seconds = _restore_into(url, scratch, Path(directory), made, jobs, keep=False)
    proof = Proof(_now(), len(made.tables), made.rows, seconds)
    (Path(directory) / PROOF).write_text(json.dumps(asdict(proof)) + "\n", encoding="utf-8")
    return proof


def proof(directory: str | Path) -> Proof | None:
    """Return the proof of a backup, if it was proven and its files are still the same."""
    try:
        stored = json.loads((Path(directory) / PROOF).read_text(encoding="utf-8"))
        check(directory)
        return Proof(**stored)
    except (OSError, ValueError, TypeError, BackupFailed):
        return None


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
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    # PostgreSQL cuts names at 63 bytes, and a cut one would not be found again
    fresh, kept = f"{name[:36]}_restored_{stamp}", f"{name[:36]}_replaced_{stamp}"
    _restore_into(url, fresh, Path(directory), made, jobs, keep=True)
    swapping = time.monotonic()
    with _maintenance(url, name) as session:
        _carry_settings(session, name, fresh)
        _swap(session, name, fresh, kept)
        session.execute(f"alter database {quoted(kept)} set default_transaction_read_only = on")
    ended = time.monotonic()
    return Restored(name, kept, round(ended - began, 3), round(ended - swapping, 3))


def fingerprint(url: str) -> dict[str, str]:
    """Return, by table, the number of rows and their order-independent hash, as text.

    Raises:
        ClientError: the database cannot be read.
    """
    with connect(url, name="database") as session:
        found = _tables(session)
    return {f"{each.schema}.{each.name}": f"{each.rows} rows, {each.hash}" for each in found}


def _tables(session: Connection) -> tuple[BackupTable, ...]:
    found = []
    for schema, name in session.execute(TABLES).fetchall():
        table = qualified(schema, name)
        # whole rows as text: every type has one, and it differs when the row does
        query = (
            f"select count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from {table} t"
        )
        rows, total = session.execute(query).fetchone() or (0, "0")
        found.append(BackupTable(schema, name, rows, total))
    return tuple(found)


def _file(path: Path) -> BackupFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return BackupFile(path.name, file.tell(), sha256)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _maintenance(url: str, name: str) -> Connection:
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


def _restore_into(
    url: str, database: str, directory: Path, made: Backup, jobs: int, *, keep: bool
) -> float:
    """Create a database, restore into it and compare; return the seconds that took."""
    began = time.monotonic()
    good = False
    name = programs.environment(url).get("PGDATABASE", "")
    with _maintenance(url, name) as session:
        locale = session.execute(
            "select datcollate, datctype from pg_database where datname in (%s, current_database()) "
            "order by datname = %s desc",
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
                _compare(directory, made.tables, _tables(restored))
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
