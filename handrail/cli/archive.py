"""Subcommands that move old runs into files of their own, and back."""

from datetime import timedelta
from itertools import chain
from pathlib import Path

import click

from handrail.cli.ledger import kept_at, opened
from handrail.cli.out import GOOD, Misused, say
from handrail.ledger.archive import move
from handrail.ledger.archive.part import parts
from handrail.ledger.entry import now
from handrail.ledger.location import shown
from handrail.ledger.people import os_user
from handrail.ledger.seam import Ledger
from handrail.naming import ticked

DAYS = 90
_LEDGER = click.option(
    "--ledger",
    metavar="URL",
    envvar="LEDGER_URL",
    default="",
    help="a path or postgresql://…; else $LEDGER_URL, else the one file in state/ledgers",
)


@click.command
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=DAYS,
    show_default=True,
    help="runs that ended later stay",
)
@click.option(
    "--to", "into", metavar="DIR", default="", help="where the file goes; else beside the ledger"
)
@_LEDGER
def archive(ledger: str, older_than: float, into: str) -> int:
    """Move old runs from the ledger into a file.

    The chain goes on from the file, and `handrail verify` reads it. What is open stays, and so does
    what the same command would find again: the newest run of each runbook.
    """
    held, file = opened(ledger), kept_at(ledger).file
    folder, was = file.parent, _size(file)
    before = now() - timedelta(days=older_than)
    part = move.archive(held, folder, Path(into or folder), before, os_user())
    if part is None:
        say(["Nothing was archived: each run is younger, not over, or the newest of its runbook."])
        return GOOD
    where = shown(part.path(folder).absolute())
    many = f"{len(part.runs)} runs" if len(part.runs) > 1 else "1 run"
    say(
        [
            f"Entries {part.first} to {part.last}, of {many}, are in {where}.",
            *([f"The ledger had {was}, and has {_size(file)}."] if was else []),
            "Keep the file: `handrail verify` reads it, and misses it.",
            f"    bring one back: handrail unarchive {part.runs[-1]}",
        ]
    )
    return GOOD


@click.command
@click.argument("run", default="", metavar="[RUN]")
@_LEDGER
def unarchive(ledger: str, run: str) -> int:
    """Bring archived runs back into the ledger.

    All of them where RUN is left out, else as far back as it. The files stay where they are.
    """
    held = opened(ledger)
    _refuse_unknown(held, run)
    back = move.bring_back(held, kept_at(ledger).file.parent, run, os_user())
    if not back:
        say(["Nothing is archived."])
        return GOOD
    names = ", ".join(chain.from_iterable(part.runs[:3] for part in reversed(back)))
    say([f"Back in the ledger, which begins with entry {back[-1].first} now: {names}."])
    return GOOD


def _refuse_unknown(held: Ledger, run: str) -> None:
    known = list(chain.from_iterable(part.runs for part in parts(held)))
    if run and run not in known:
        there = ticked(known[-3:]) or "none"
        what = "nothing was brought back"
        raise Misused(what, f"no run `{run}` is archived", f"the newest that are: {there}")


def _size(file: Path) -> str:
    """Return how large a ledger is; nothing where a server keeps it."""
    return f"{file.stat().st_size / 1_000_000:.1f} MB" if file.exists() else ""
