"""The data engine's own command: draft a mapping, show its SQL, try every row; writes nothing.

python -m handrail.transfer draft env:LEGACY_DATABASE_URL env:DATABASE_URL > mapping.yaml
python -m handrail.transfer preflight mapping.yaml env:LEGACY_DATABASE_URL env:DATABASE_URL
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from io import TextIOWrapper

import psycopg

from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.clients.secret import is_reference
from handrail.transfer.draft import draft
from handrail.transfer.read import preflight
from handrail.transfer.read.preflight import Preflight
from handrail.transfer.session.connection import first_line
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.sql.withhold import shown_sql

GOOD, NOT_GOOD = 0, 1  # argparse leaves with 2 where the command line is not understood
WRITTEN_OUT = re.compile(r"postgres(ql)?://|\bpassword\s*=", re.IGNORECASE)
NAME_IT = (
    "put the address into a variable and write `env:NAME`, or into a file of mode 0600 and write "
    "`file:PATH`"
)
REFERENCE = "env:NAME or file:PATH, where its address stands; never the address itself"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status: 0 good, 1 refused or not good, 2 usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    try:
        _refuse_written_out(given)
        options = _parser().parse_args(given)
        command: Callable[[argparse.Namespace], int] = options.command
        status = command(options)
        sys.stdout.flush()
    except ClientError as refusal:
        return _refused(refusal.what, refusal.why, refusal.fix)
    except psycopg.Error as error:
        fix = "see that its user may read every table, then the same command again"
        return _refused("a database did not answer as it was asked", first_line(error), fix)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_GOOD
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m handrail.transfer",
        description="Draft a mapping, show its SQL, try every row. Writes to no database.",
        epilog="exit status: 0 good, 1 refused or not good, 2 usage",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], int], said: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=said, description=f"{said[:1].upper()}{said[1:]}.")
        sub.set_defaults(command=command)
        if name != "draft":
            sub.add_argument("mapping", metavar="MAPPING", help="the mapping file")
        sub.add_argument("source", metavar="SOURCE", help=f"the old database: {REFERENCE}")
        sub.add_argument(
            "destination", metavar="DESTINATION", help="the new one, migrated; as SOURCE"
        )
        return sub

    add("draft", _draft, "print a first mapping; whatever a person has to decide says CHECK")
    add("sql", _sql, "print the SQL that a mapping comes to, table by table")
    tried = add("preflight", _preflight, "try every row against a mapping, and print what it finds")
    tried.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _draft(options: argparse.Namespace) -> int:
    sys.stdout.write(draft(*_urls(options)))
    return GOOD


def _sql(options: argparse.Namespace) -> int:
    sys.stdout.write(shown_sql(open_plan(options.mapping, *_urls(options))) + "\n")
    return GOOD


def _preflight(options: argparse.Namespace) -> int:
    source, destination = _urls(options)
    found = preflight.check(open_plan(options.mapping, source, destination), source)
    if options.json:
        sys.stdout.write(json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _told(found))
    return GOOD if found.good else NOT_GOOD


def _urls(options: argparse.Namespace) -> tuple[str, str]:
    """Return both addresses, each from where its reference points.

    Raises:
        ClientError: one is no reference, or cannot be read.
    """
    return _url(options.source), _url(options.destination)


def _url(reference: str) -> str:
    if not is_reference(reference):
        raise ClientError(f"`{reference}` was not accepted", "it names no secret", NAME_IT)
    return Database.from_inventory(reference).url.reveal()


def _refuse_written_out(arguments: Sequence[str]) -> None:
    """Raise before anything of the command line is repeated in a message.

    Raises:
        ClientError: an address is in it.
    """
    if any(WRITTEN_OUT.search(each) for each in arguments):
        why = "it stands in the command line, where every process list and history shows it"
        raise ClientError("an address that is written out was not accepted", why, NAME_IT)


def _told(found: Preflight) -> Iterator[str]:
    """Yield the lines of a preflight: counts, findings with their first keys, the verdict last."""
    heads = ("TABLE", "FROM", "ROWS", "MOVED", "KEPT OUT", "MAY BE")
    counts = [(t.table, t.source, t.rows, t.moved, t.quarantined, t.allowed) for t in found.tables]
    yield from _columns([heads, *counts])
    if found.findings:
        yield ""
        heads = ("VERDICT", "ROWS", "COLUMN", "WHAT", "AS IN ROW", "RULE")
        yield from _columns(
            [
                heads,
                *(
                    (f.verdict, f.rows, f"{f.table}.{f.column}", f.what, ", ".join(f.keys), f.place)
                    for f in found.findings
                ),
            ]
        )
    for heading, lines in (("Noted of the schemas", found.notes), ("Not good", found.reasons())):
        if lines:
            yield from ("", f"{heading}:", *(f"    {line}" for line in lines))
    yield ""
    moved, kept_out = sum(t.moved for t in found.tables), sum(t.quarantined for t in found.tables)
    verdict = "Good" if found.good else "Not good"
    yield f"{verdict}: {moved} rows would be moved, {kept_out} kept out."


def _columns(rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield rows as lines whose columns line up, two spaces apart."""
    texts = [[" ".join(str(cell).split()) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _refused(what: str, why: str, fix: str) -> int:
    sys.stderr.write(f"{what}.\n    why:  {why}\n    next: {fix}\n")
    return NOT_GOOD


if __name__ == "__main__":
    sys.exit(main())
