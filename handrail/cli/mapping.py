"""Subcommands for a mapping: draft it, show its SQL, try every row. They write to no database."""

import re
from collections.abc import Iterator, Sequence

import click

from handrail.cli.out import GOOD, say, status_of, tell
from handrail.clients.errors import ClientError
from handrail.clients.postgres import Database
from handrail.clients.secret import is_reference
from handrail.ledger.views import plain
from handrail.transfer.draft.draft import draft as drafted
from handrail.transfer.mapping import reference
from handrail.transfer.read import preflight as preflights
from handrail.transfer.read.preflight import Preflight
from handrail.transfer.sql.compile import open_plan
from handrail.transfer.sql.withhold import shown_sql

WRITTEN_OUT = re.compile(r"postgres(ql)?://|\bpassword\s*=", re.IGNORECASE)
NAME_IT = (
    "put the address into a variable and write `env:NAME`, or into a file of mode 0600 and write "
    "`file:PATH`"
)


class OnTwoDatabases(click.Group):
    """Subcommands that are given where addresses stand, never the addresses themselves."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an address before anything of the command line is repeated in a message.

        Raises:
            ClientError: an address is in it.
        """
        if any(WRITTEN_OUT.search(each) for each in args):
            why = "it stands in the command line, where every process list and history shows it"
            raise ClientError("an address that is written out was not accepted", why, NAME_IT)
        return super().parse_args(ctx, args)


def _address(reference: str) -> str:
    """Read an address from where its reference points, once the command line is understood.

    Raises:
        ClientError: it is no reference, or leads nowhere.
    """
    if not is_reference(reference):
        raise ClientError(f"`{reference}` was not accepted", "it names no secret", NAME_IT)
    return Database.from_inventory(reference).url.reveal()


SOURCE = click.argument("source")
DESTINATION = click.argument("destination")


@click.group(cls=OnTwoDatabases)
def mapping() -> None:
    """Draft a mapping, show its SQL, try every row. Writes to no database.

    SOURCE, the old database, and DESTINATION, the new one, migrated, are each env:NAME,
    file:PATH or cmd:COMMAND, where its address stands; never the address itself.
    """


@mapping.command
@SOURCE
@DESTINATION
def draft(source: str, destination: str) -> int:
    """Print a first mapping; whatever a person has to decide says CHECK."""
    click.echo(drafted(_address(source), _address(destination)), nl=False)
    return GOOD


@mapping.command
@click.argument("mapping")
@SOURCE
@DESTINATION
def sql(mapping: str, source: str, destination: str) -> int:
    """Print the SQL that a mapping comes to, table by table; lines of it may still say CHECK."""
    plan = open_plan(mapping, _address(source), _address(destination), undecided=True)
    say([shown_sql(plan)])
    return GOOD


@mapping.command
@click.argument("mapping")
@SOURCE
@DESTINATION
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
def preflight(mapping: str, source: str, destination: str, *, as_json: bool) -> int:
    """Try every row against a mapping, and print what it finds."""
    old, new = _address(source), _address(destination)
    found = preflights.check(open_plan(mapping, old, new), old, new)
    tell(found.as_json, _told(found), as_json=as_json)
    return status_of(found.good)


@mapping.command
def words() -> int:
    """Print the reference of the mapping language."""
    click.echo(reference.page(), nl=False)
    return GOOD


@mapping.command
def schema() -> int:
    """Print the JSON Schema of a mapping file."""
    click.echo(reference.schema_text(), nl=False)
    return GOOD


def _told(found: Preflight) -> Iterator[str]:
    """Yield the lines of a preflight: counts, findings with their first keys, the verdict last."""
    heads = ("TABLE", "FROM", "ROWS", "MOVED", "KEPT OUT", "MAY BE")
    counts = [(t.table, t.source, t.rows, t.moved, t.quarantined, t.allowed) for t in found.tables]
    yield from plain.columns([heads, *counts])
    yield from _findings(found)
    texts = [f"{f.subject}, {f.what}: {_counted(f.texts)}" for f in found.findings if f.texts]
    yield from _paragraph("Texts with their rows", texts)
    yield from _paragraph("Noted of the schemas", found.notes)
    yield from _paragraph("Not good", found.reasons())
    yield from ("", _verdict(found))


def _verdict(found: Preflight) -> str:
    moved, kept_out = sum(t.moved for t in found.tables), sum(t.quarantined for t in found.tables)
    verdict = "Good" if found.good else "Not good"
    return f"{verdict}: {moved} rows would be moved, {kept_out} kept out."


def _paragraph(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from ("", f"{heading}:", *(f"    {line}" for line in lines))


def _findings(found: Preflight) -> Iterator[str]:
    heads = ("VERDICT", "ROWS", "COLUMN", "WHAT", "AS IN ROW", "RULE")
    rows = [(f.verdict, f.rows, f.subject, f.what, f.examples, f.place) for f in found.findings]
    if rows:
        yield from ("", *plain.columns([heads, *rows]))


def _counted(texts: Sequence[tuple[str, int]]) -> str:
    """Say how many rows hold each text, each on the one line that it has."""
    return ", ".join(f"`{' '.join(str(text).split())}` {rows}" for text, rows in texts)
