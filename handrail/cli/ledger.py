"""Subcommands that read a ledger: what it holds, whether to trust it, the report of a run."""

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import click

from handrail.cli.out import GOOD, Misused, complain, say, say_json, status_of, tell
from handrail.cli.sealed import good_seals
from handrail.clients.errors import ClientError
from handrail.clients.ledger_address import address_of, key_of
from handrail.ledger.archive.part import Part, parts
from handrail.ledger.audit import LIMITS
from handrail.ledger.entry import now
from handrail.ledger.errors import LedgerDamaged, RunbookError
from handrail.ledger.kept import Kept
from handrail.ledger.location import LEDGERS, path_of, project_of, shown
from handrail.ledger.measure import known_times
from handrail.ledger.neighbours import neighbours
from handrail.ledger.run import Outcome, fold
from handrail.ledger.seam import Ledger
from handrail.ledger.views import audited
from handrail.ledger.views import recovery as recoveries
from handrail.ledger.views import show as shows
from handrail.ledger.views.evidence import choose, gather
from handrail.naming import ticked

_SHA256 = re.compile(r"[0-9a-f]{64}")
C = TypeVar("C", bound=Callable[..., int])


def ledger_option(command: C) -> C:
    """Give a subcommand the option that names its ledger."""
    option = click.option(
        "--ledger",
        metavar="URL",
        envvar="LEDGER_URL",
        default="",
        help="a path or postgresql://…; else $LEDGER_URL, else the one file in state/ledgers",
    )
    return option(command)


def reads(command: C) -> C:
    """Give a subcommand the two options that all of them here take."""
    as_json = click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
    return ledger_option(as_json(command))


def kept_at(ledger: str) -> Kept:
    """Return where the ledger is: as named, else the only one there is.

    Raises:
        Misused: it is no address, or none is named and there is not one.
    """
    project = project_of(Path.cwd())
    if ledger:
        return _named(ledger, project)
    found = sorted((project / LEDGERS).glob("*.sqlite"))
    if len(found) == 1:
        return Kept(found[0])
    what, fix = "no ledger was chosen", "name one: `--ledger PATH`, or set LEDGER_URL"
    if found:
        raise Misused(what, f"there are {len(found)}: {ticked(map(shown, found))}", fix)
    none = f"there is none in `{LEDGERS}` of this directory or its project"
    raise Misused(what, none, f"go to the project's folder, where a run makes one; or {fix}")


def _named(ledger: str, project: Path) -> Kept:
    try:
        address = address_of(ledger)
        kept = Kept.at(address, project, "", key_of(None))
    except LedgerDamaged:  # a server that cannot be asked is no wrong command
        raise
    except (RunbookError, ClientError) as refusal:
        raise Misused(refusal.what, refusal.why, refusal.fix) from None
    if kept.server is None and path_of(address).exists():
        return Kept(path_of(address))
    return kept


def opened(ledger: str) -> Ledger:
    """Open a ledger to look at it; a vault that is gone is told, and hides nothing else."""
    kept = kept_at(ledger)
    held = kept.read()
    if kept.server is not None and not kept.has_key:
        return held
    try:
        kept.vault(held, planning=True).fingerprint()
    except (LedgerDamaged, ClientError) as lost:
        complain(lost)
    return held


@click.command
@click.option("--recovery", is_flag=True, help="how long each way back took, against the objective")
@reads
def runs(ledger: str, *, recovery: bool, as_json: bool) -> int:
    """List every run; with --recovery, every way back of runs and drills.

    With --recovery those of environments whose ledgers lie beside this one count, too, and the exit
    status is 1 where 95 of 100 take longer than `undo_minutes` allows.
    """
    held = opened(ledger)
    if recovery:
        return _recoveries(held, neighbours(kept_at(ledger)), as_json=as_json)
    found, away = fold(held.entries()), parts(held)
    archived = (f"Archived in `{part.file}`: {', '.join(part.runs)}." for part in away)
    tell(
        lambda: shows.runs_as_json(held.environment, found) | {"archived": _listed(away)},
        chain(shows.runs_as_text(held.environment, found), archived),
        as_json=as_json,
    )
    return GOOD


def _listed(away: Iterable[Part]) -> list[dict[str, str]]:
    return [{"run": run, "file": part.file} for part in away for run in part.runs]


def _recoveries(held: Ledger, others: Iterable[Kept], *, as_json: bool) -> int:
    """Print how long each way back took, here and in other environments that can be read."""
    found = recoveries.recoveries(held.environment, held.entries())
    for kept in others:
        with suppress(RunbookError):
            other = kept.read()
            found += recoveries.recoveries(other.environment, other.entries())
    newest = next(held.runs().forward(), None)
    found = recoveries.held_against(found, newest.undo_minutes if newest else None)
    data = {"environment": held.environment} | recoveries.as_json(found)
    tell(lambda: data, recoveries.as_text(found), as_json=as_json)
    return status_of(all(each.met is not False for each in recoveries.spreads(found)))


@click.command
@click.argument("run", default="", metavar="[RUN]")
@reads
def status(ledger: str, run: str, *, as_json: bool) -> int:
    """Tell where a run stands; exit status 0 only where it is proven.

    The newest run where RUN is left out.
    """
    held = opened(ledger)
    runs = held.runs()
    evidence = gather(held, run, runs)
    if as_json:
        say_json(shows.status_as_json(held.environment, evidence.run))
    else:
        known = known_times(held.environment, runs, evidence.run, kept_at(ledger))
        say(shows.status_as_text(runs, evidence, known, held.writer(), now()))
    return status_of(evidence.run.outcome is Outcome.PROVEN)


@click.command
@click.argument("run", metavar="RUN")
@reads
def show(ledger: str, run: str, *, as_json: bool) -> int:
    """Tell everything about the tasks of a run.

    RUN is its id, or `latest`.
    """
    held = opened(ledger)
    evidence = gather(held, run)
    tell(partial(shows.run_as_json, evidence), shows.run_as_text(evidence), as_json=as_json)
    return GOOD


@click.command(epilog=LIMITS)
@click.option("--head", metavar="SHA256", default="", help="a head kept elsewhere")
@click.option("--without-archives", is_flag=True, help="check what the ledger itself holds")
@click.option(
    "--seal",
    "seals",
    metavar="FILE",
    multiple=True,
    help="a seal, a folder of them, or git:REPOSITORY",
)
@click.option("--signers", metavar="FILE", default="", help="who may have signed: public keys")
@reads
def verify(
    ledger: str,
    head: str,
    seals: tuple[str, ...],
    signers: str,
    *,
    without_archives: bool,
    as_json: bool,
) -> int:
    """Check the chain of entries, through the archives too."""
    if head and not _SHA256.fullmatch(head):
        raise Misused(
            "the ledger was not verified",
            f"`{head}` is not a head: 64 digits of 0-9 and a-f",
            "give the whole head that an earlier `handrail verify` printed",
        )
    known = good_seals(seals, signers)
    found = kept_at(ledger).audit(head, known, whole=not without_archives)
    tell(found.as_json, audited.as_text(found), as_json=as_json)
    return status_of(found.good)


@click.command
@click.argument("run", default="", metavar="[RUN]")
@reads
def export(ledger: str, run: str, *, as_json: bool) -> int:  # noqa: ARG001 - it is JSON anyway
    """Print entries as JSON, one a line.

    Those of all runs where RUN is left out.
    """
    held = opened(ledger)
    entries = held.of_runs([choose(held.runs(), run).id]) if run else held.entries()
    say(json.dumps(entry.as_json(), ensure_ascii=False) for entry in entries)
    return GOOD
