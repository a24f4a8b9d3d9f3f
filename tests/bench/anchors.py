"""What the data engine is measured against: PostgreSQL's own programs, and others' tools."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from handrail.transfer.session.connection import JSON_PROBE
from handrail.transfer.session.programs import environment

PSQL = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
PGLOADER_SCRIPT = """
load database from {source} into {destination}
with include drop, create tables, create indexes, reset sequences, foreign keys,
     workers = 2, concurrency = 1, prefetch rows = 5000, batch rows = 5000, batch size = 5MB;
"""


class AnchorFailed(Exception):
    """A program we measure against did not do its work."""


def available(name: str) -> bool:
    """Say whether an optional anchor can be run here."""
    if name == "reladiff":
        return importlib.util.find_spec(name) is not None
    return shutil.which(name) is not None


def timed(*processes: subprocess.Popen) -> None:
    """Wait for processes; all of them must end well."""
    for process in processes:
        _, said = process.communicate()
        if process.returncode != 0:
            text = (said or b"").decode(errors="replace").strip().splitlines()[-5:]
            raise AnchorFailed(f"{process.args[0]}: {'; '.join(text)}")


def start(command, url, **given):
    """Start one program on a database; its errors are kept."""
    variables = environment(url)
    variables["PATH"] = f"{given.pop('programs')}{os.pathsep}{variables['PATH']}"
    variables |= given.pop("more", {})
    found = shutil.which(command[0], path=variables["PATH"])
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL} | given
    return subprocess.Popen(
        [found or command[0], *command[1:]], env=variables, stderr=subprocess.PIPE, **given
    )


def copy_through(programs, source, destination, pairs, form):
    """Pipe `psql COPY` into `psql COPY`, one pair after the other.

    Each pair is what is copied, a table or a SELECT in parentheses, and the table it goes into.
    """
    began = time.perf_counter()
    for given, table in pairs:
        out = start(
            [*PSQL, "-c", f"copy {given} to stdout (format {form})"], source,
            stdout=subprocess.PIPE, programs=programs, more={"PGOPTIONS": "-c jit=off"},
        )  # fmt: skip
        into = start(
            [*PSQL, "-c", f"copy {table} from stdin (format {form})"], destination,
            stdin=out.stdout, programs=programs,
        )  # fmt: skip
        out.stdout.close()
        out.stdout = None
        timed(into, out)
    return time.perf_counter() - began


def dump_and_restore(programs, source, destination, directory, *options):
    """`pg_dump -Fd -j2` and `pg_restore -j2` into an empty database; return the seconds."""
    shutil.rmtree(directory, ignore_errors=True)
    began = time.perf_counter()
    command = ["pg_dump", "-Fd", "-j2", *options, "-f", str(directory)]
    timed(start(command, source, programs=programs))
    name = environment(destination)["PGDATABASE"]
    command = ["pg_restore", "-j2", "--exit-on-error", "-d", name, str(directory)]
    timed(start(command, destination, programs=programs))
    return time.perf_counter() - began


def analyze_and_hash(programs, sides, tables):
    """`vacuumdb --analyze-only -j2` on the second side, then a hash sum of each table of both."""
    began = time.perf_counter()
    name = environment(sides[1])["PGDATABASE"]
    command = ["vacuumdb", "--analyze-only", "-j2", "--quiet", "-d", name]
    timed(start(command, sides[1], programs=programs))
    sums = [f"select sum(hash_record_extended(t, 0)) from public.{table} t" for table in tables]
    asked = [*PSQL, *(part for query in sums for part in ("-c", query))]
    timed(*(start(asked, side, programs=programs) for side in sides))
    return time.perf_counter() - began


def script(programs, url, text, directory):
    """Run one psql script with files in a directory; return the seconds."""
    began = time.perf_counter()
    process = start(PSQL, url, stdin=subprocess.PIPE, cwd=directory, programs=programs)
    _, said = process.communicate(text.encode())
    if process.returncode != 0:
        raise AnchorFailed(said.decode(errors="replace").strip().splitlines()[-1])
    return time.perf_counter() - began


def copy_out(programs, plan, source, directory):
    """Write every mapped table to a file in COPY's text format."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = [f"set client_min_messages = error;{JSON_PROBE};"]
    lines += [
        f"\\o {table.name}.copy\ncopy ({table.rows()}) to stdout;\n\\o" for table in plan.tables
    ]
    return script(programs, source, "\n".join(lines), directory)


def copy_in(programs, plan, destination, directory):
    """Read those files into bare tables."""
    lines = [
        f"\\copy {table.target} ({table.names}) from '{table.name}.copy'" for table in plan.tables
    ]
    return script(programs, destination, "\n".join(lines), directory)


def pgcopydb(programs, source, destination, directory):
    """`pgcopydb clone` with two processes each; needs an empty database."""
    shutil.rmtree(directory, ignore_errors=True)
    addresses = {"PGCOPYDB_SOURCE_PGURI": source, "PGCOPYDB_TARGET_PGURI": destination}
    command = ["pgcopydb", "clone", "--table-jobs", "2", "--index-jobs", "2", "--no-owner"]
    began = time.perf_counter()
    timed(start([*command, "--dir", str(directory)], source, more=addresses, programs=programs))
    return time.perf_counter() - began


def pgloader(programs, source, destination, directory):
    """`pgloader` from PostgreSQL to PostgreSQL, with batches that do not exhaust its heap."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "all.load"
    path.touch(0o600)
    text = PGLOADER_SCRIPT.format(source=source, destination=destination)
    path.write_text(text, encoding="utf-8")
    began = time.perf_counter()
    command = ["pgloader", "--root-dir", str(directory), "--on-error-stop", str(path)]
    timed(start(command, source, programs=programs))
    return time.perf_counter() - began


def python(name):
    """Return the command of a module of these benchmarks."""
    return [sys.executable, "-m", f"tests.bench.{name}"]


ROOT = Path(__file__).parents[2]
