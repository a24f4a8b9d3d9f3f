"""`handrail document`: what a plan asks to be documented, made from contracts and ledger."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from handrail.cli.inventory_data import hosts_of
from handrail.cli.ledger import kept_at, ledger_option, opened
from handrail.cli.out import GOOD, Misused, say
from handrail.cli.report import gathered
from handrail.engine.documents import bounds, standing, ways
from handrail.ledger.documents import backups, completion, rollback
from handrail.ledger.documents.rollback import Subject
from handrail.ledger.documents.source import head_of
from handrail.ledger.measure import known_times
from handrail.ledger.report.html import verdict
from handrail.ledger.report.model import Report
from handrail.ledger.views import plain
from handrail.ledger.views.clock import clock_of
from handrail.ledger.views.evidence import Evidence

KINDS = ("rollback", "backups", "completion")


@click.command
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("run", default="", metavar="[RUN]")
@click.option("--inventory", metavar="FILE", default="", help="else the one that the run was of")
@ledger_option
def document(ledger: str, kind: str, run: str, inventory: str) -> int:
    """Print the rollback, backups or completion document of a run, as Markdown.

    Rollback: when to go back and whom to call by the inventory, each way back by its contract, its
    time by the ledger, what is kept and lost. Backups: where they lie, digests, how to restore, how
    long that took. Completion: of this run and those after it, what was done and what proves it.
    No target is connected to, and no host is looked for.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # where pyinfra finds a project's steps, too
    evidence, _, whole = gathered(ledger, run)
    report = whole()
    if kind == "backups":
        say(backups.render(report))
    elif kind == "completion":
        later = standing(opened(ledger), after=report)
        reports = [report, *(gathered(ledger, each)[2]() for each in later)]
        say(completion.render(reports, verdict(reports[-1])))
    else:
        say(_rollback(ledger, evidence, report, inventory))
    return GOOD


def _rollback(ledger: str, evidence: Evidence, report: Report, inventory: str) -> Iterator[str]:
    """Return the document of a run as it stands now."""
    held, kept, run = opened(ledger), kept_at(ledger), evidence.run
    times = known_times(held.environment, held.runs(), run, kept)
    data = hosts_of(inventory or _inventory_of(report), look_only=True).values()
    subject = Subject(
        held.environment, run, inventory or _inventory_of(report), run.holds, head_of(report),
        f", as it stood at {plain.moment(report.ended_at)}", "now",
    )  # fmt: skip
    found = list(ways(run, times))
    return rollback.render(subject, found, clock_of(run, times), bounds(data))


def _inventory_of(report: Report) -> str:
    """Return the inventory that the run was of, where it is there.

    Raises:
        Misused: it is not on record, or not there.
    """
    found = next(filter(None, (each.inventory for each in reversed(report.attempts))), "")
    if found and Path(found).is_file():
        return found
    why = f"the run was of `{found}`, which is not here" if found else "the run names no inventory"
    raise Misused("nothing was documented", why, "name it: `--inventory inventory/prod.py`")
