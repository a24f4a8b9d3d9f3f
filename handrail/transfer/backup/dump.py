"""A dump of a database in a directory, with a manifest of what its own snapshot saw."""

import datetime as dt
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from handrail.clients import private_folder
from handrail.clients.errors import ClientError
from handrail.transfer.session import mark, programs
from handrail.transfer.session.asking import Question, answers
from handrail.transfer.session.connection import Connection, connect, reading
from handrail.transfer.session.quoting import qualified

MANIFEST = "manifest.json"
JOBS = 2
# Of a database up to this size, the sessions of several jobs take longer to open than they save.
SMALL_BYTES = 32 * 1024 * 1024
ABOUT = """
select pg_export_snapshot(), current_database()::text, pg_database_size(current_database())
"""
TABLES = """
select n.nspname::text, c.relname::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence = 'p'
      and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 1, 2
"""


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
    mark: str | None = None  # of the freeze that it was taken under

    @property
    def size_bytes(self) -> int:
        """Add up the sizes of the files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def rows(self) -> int:
        """Count the rows of all tables."""
        return sum(table.rows for table in self.tables)


class BackupFailed(ClientError):
    """A backup could not be taken, proven or restored; the database itself is as it was."""


def take(
    url: str,
    directory: str | Path,
    *,
    jobs: int = JOBS,
    meanwhile: Callable[[str], None] | None = None,
) -> Backup:
    """Dump a database into a directory, which appears whole or not at all.

    Args:
        url: URL of the database; only read.
        directory: Where the dump goes; must not exist yet.
        jobs: Parallel dumps, of a database that is not small.
        meanwhile: Called with the exported snapshot that is dumped, while it is dumped.

    Raises:
        BackupFailed: the directory exists, or the dump cannot be written.
        ProgramFailed: there is no fitting pg_dump, or it failed.
    """
    place = Path(directory)
    if place.exists():
        raise BackupFailed(
            "no backup was taken", f"`{place}` exists already", "name another directory"
        )
    try:
        with private_folder.appearing(place) as partial:
            return _dump(url, partial, jobs, meanwhile)
    except OSError as error:
        why = error.strerror or str(error)
        raise BackupFailed(
            "no backup was taken", why, f"make room or rights for `{place}`"
        ) from None


def _dump(url: str, place: Path, jobs: int, meanwhile: Callable[[str], None] | None) -> Backup:
    """Dump a database into a directory that is there, with the manifest."""
    began = time.monotonic()
    with reading(url, name="database") as session, ThreadPoolExecutor(1) as beside:
        ((snapshot, database, size_bytes),) = session.execute(ABOUT).fetchall()
        arguments = ["--format=directory", "--compress=1", "--no-password"]
        arguments += [f"--snapshot={snapshot}", f"--file={place / 'dump'}"]
        arguments += [programs.dbname(url)]
        arguments += [f"--jobs={jobs}"] if size_bytes > SMALL_BYTES else []
        program = programs.find(session.info.server_version) / "pg_dump"
        dumped = beside.submit(programs.run, program, arguments, programs.environment(url))
        tables = read_tables(session)
        version = session.info.server_version
        freeze = mark.read(session)
        if meanwhile is not None:
            meanwhile(snapshot)
        dumped.result()
    files = tuple(_file(path) for path in sorted((place / "dump").iterdir()))
    seconds = round(time.monotonic() - began, 3)
    made = Backup(database, version, now(), seconds, files, tables, freeze)
    (place / MANIFEST).write_text(json.dumps(asdict(made), indent=1) + "\n", encoding="utf-8")
    return made


def check(directory: str | Path) -> Backup:
    """Read a backup's manifest and hold every file against it.

    Raises:
        BackupFailed: a file is missing or was changed.
    """
    place = Path(directory)
    made = _manifest(place)
    if wrong := _wrong_files(place / "dump", made.files):
        raise BackupFailed(
            f"the backup in `{place}` is damaged",
            f"missing, changed or foreign: {', '.join(wrong)}",
            "use another backup; keep this one to find out what changed it",
        )
    return made


def _wrong_files(dump: Path, files: Sequence[BackupFile]) -> list[str]:
    """Name the files that are there or in the manifest only, then those that differ from it."""
    recorded = {file.name: file for file in files}
    there = {path.name for path in dump.glob("*")}
    both = sorted(there & recorded.keys())
    changed = (name for name in both if _file(dump / name) != recorded[name])
    return [*sorted(there ^ recorded.keys()), *changed]


def _manifest(place: Path) -> Backup:
    if not place.exists():
        raise BackupFailed(
            f"`{place}` is not there",
            "it lies on the machine that took it, or somebody moved it away",
            "bring it here; `handrail report --format json` names the machine of each attempt",
        )
    try:
        stored = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        stored["files"] = tuple(BackupFile(**item) for item in stored["files"])
        stored["tables"] = tuple(BackupTable(**item) for item in stored["tables"])
        return Backup(**stored)
    except (OSError, ValueError, KeyError, TypeError):
        raise BackupFailed(
            f"`{place}` is not a backup",
            f"`{MANIFEST}` is missing or not readable",
            "take a new backup",
        ) from None


def read_tables(session: Connection) -> tuple[BackupTable, ...]:
    """Count and hash every table the session sees."""
    names = session.execute(TABLES).fetchall()
    # whole rows as text: every type has one, and it differs when the row does
    sums = "select count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from {} t"
    asked = [Question(session, sums.format(qualified(*name))) for name in names]
    found = zip(names, answers(asked), strict=True)
    return tuple(BackupTable(schema, name, *row) for (schema, name), (row,) in found)


def _file(path: Path) -> BackupFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return BackupFile(path.name, file.tell(), sha256)


def now() -> str:
    """Return the moment, in UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def fingerprint(url: str) -> dict[str, str]:
    """Return, by table, the number of rows and their order-independent hash, as text.

    Raises:
        ClientError: the database cannot be read.
    """
    with connect(url, name="database") as session:
        found = read_tables(session)
    return {f"{each.schema}.{each.name}": f"{each.rows} rows, {each.hash}" for each in found}


def changed_since(made: Backup, url: str) -> tuple[str, ...]:
    """Return the tables of a database that are not as a backup of it holds them.

    Raises:
        ClientError: the database cannot be read.
    """
    with connect(url, name="database") as session:
        return differing(made.tables, read_tables(session))


def differing(held: Iterable[BackupTable], found: Iterable[BackupTable]) -> tuple[str, ...]:
    """Name the tables that are not the same on both sides, or on one of them only."""
    differ = {(each.schema, each.name) for each in set(held).symmetric_difference(found)}
    return tuple(f"{schema}.{name}" for schema, name in sorted(differ))
