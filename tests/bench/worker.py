"""One operation of the data engine in a process of its own: seconds, memory and result as JSON.

A process each, because memory is a peak that never falls, and because the anchors are processes
too. The request comes on stdin: it holds addresses with passwords. Starting Python and compiling
the mapping are not in the seconds; connecting is, as it is for psql.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import psycopg

from handrail.transfer.load import load
from handrail.transfer.load.workers import asked_for
from handrail.transfer.read import export, preflight
from handrail.transfer.read.file_supply import FileSupply
from handrail.transfer.session.asking import together
from handrail.transfer.session.connection import connect, reading
from handrail.transfer.session.stream import copy_rows
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.verify import compare, verify

NAIVE_TABLE = "attendance_records"


def stream(plan, source, destination, tables):
    """Stream mapped rows into bare tables, one transaction each."""
    with reading(source) as reader, connect(destination) as writer:
        for table in map(plan.table, tables):
            with writer.transaction():
                copy_rows(reader, writer, table.rows(), f"{table.target} ({table.names})")


def load_all(plan, source, destination, workers=1, chunk_rows=None):
    """Carry a complete load, keys and indexes down meanwhile; the preflight is measured apart."""
    made = load.load(
        plan, source, destination, mode="bulk", chunk_rows=chunk_rows, preflighted=True,
        workers=asked_for(workers),
    )  # fmt: skip
    return {"rows": made.rows, "chunks": made.chunks_moved + made.chunks_unchanged}


def look(plan, source, destination):
    """Run the preflight."""
    preflight.require(plan, source, destination)


def write_files(plan, source, destination, directory):
    """Export everything to NDJSON."""
    return {"rows": export.export(plan, source, destination, directory, preflighted=True).rows}


def read_files(plan, source, destination, directory):
    """Put an export into bare tables: the files checked, rows only."""
    supply = FileSupply.open(plan, Path(directory))
    with connect(destination) as writer:
        for table in plan.tables:
            for chunk in supply.cut(table):
                with writer.transaction():
                    supply.rows(writer, table, chunk)


def hold(plan, source, destination, tables):
    """Compare row hashes of both sides; name what differs."""
    found = []
    with reading(source) as ours, reading(destination) as theirs:
        asked = [compare.comparing(plan, each, ours, theirs) for each in map(plan.table, tables)]
        for done in together(asked):
            found += [[item.kind, item.key] for item in done.differences]
    return {"differences": found}


def prove(plan, source, destination):
    """Run the whole verification."""
    report = verify.verify(plan, source, destination)
    if not report.good:
        raise SystemExit("\n".join(report.reasons()))


def insert_each(plan, source, destination, rows):
    """Insert the first rows one statement each, one commit: how the app's own script would."""
    table = plan.table(NAIVE_TABLE)
    with reading(source) as reader, psycopg.connect(destination) as writer:
        found = reader.execute(f"{table.rows()} limit {rows}").fetchall()
        marks = ", ".join(["%s"] * len(table.columns))
        statement = f"insert into {table.target} ({table.names}) values ({marks})"
        for row in found:
            writer.execute(statement, row)
    return {"rows": len(found)}


def reladiff(first, second, table):
    """Find differing rows of two equal tables with reladiff's defaults."""
    from reladiff import connect_to_table, diff_tables  # noqa: PLC0415  only where it is installed

    with psycopg.connect(first) as session:
        columns = tuple(
            row[0]
            for row in session.execute(
                "select column_name::text from information_schema.columns "
                "where table_schema = 'public' and table_name = %s and column_name <> 'id'",
                [table],
            )
        )
    began = time.perf_counter()
    sides = [connect_to_table(url, table, "id", extra_columns=columns) for url in (first, second)]
    found = sorted({row[0] for _, row in diff_tables(*sides)})
    return {"seconds": time.perf_counter() - began, "keys": found}


PLANNED = {
    work.__name__: work
    for work in (stream, load_all, look, write_files, read_files, hold, prove, insert_each)
}


def peak_bytes():
    """Return this process's peak of resident memory; rusage would count its parent's as well."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main():
    """Do what the request says."""
    request = json.load(sys.stdin)
    name = request.pop("work")
    if name == "reladiff":
        answer = reladiff(**request)
    else:
        plan = open_plan(request.pop("mapping"), request["source"], request.pop("shape"))
        if name == "write_files":
            shutil.rmtree(request["directory"], ignore_errors=True)
        began = time.perf_counter()
        result = PLANNED[name](plan, **request) or {}
        answer = {"seconds": time.perf_counter() - began} | result
    json.dump(answer | {"peak_bytes": peak_bytes()}, sys.stdout)


if __name__ == "__main__":
    main()
