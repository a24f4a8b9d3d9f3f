"""Look at every row of the source before anything is written, and say what would go wrong."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psycopg

from handrail.clients.errors import ClientError
from handrail.transfer.read import (
    derived,
    forms,
    left_out,
    parents,
    raising,
    standing,
    surroundings,
    trial,
    uniques,
    writable,
    zones,
)
from handrail.transfer.read.counts import TableCount, count
from handrail.transfer.read.misfits import Misfit
from handrail.transfer.session.asking import Line, answered, enter, together
from handrail.transfer.session.connection import Connection, connect, reading, value
from handrail.transfer.sql.plan import Plan, TablePlan


@dataclass(frozen=True)
class Preflight:
    """The verdict over all rows of all tables."""

    digest: str
    tables: tuple[TableCount, ...]
    findings: tuple[Misfit, ...]
    notes: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Say whether a load may begin; a source without a row never may."""
        return not self.reasons()

    def reasons(self) -> list[str]:
        """List what keeps a load from beginning, one line each."""
        lines = [finding.told for finding in self.findings if finding.verdict == "refused"]
        lines += filter(None, map(TableCount.reason, self.tables))
        if not any(table.rows for table in self.tables):
            lines.append("the source holds no row at all")
        return lines

    def as_json(self) -> dict[str, object]:
        """Return plain data for a report."""
        return {"good": self.good, "reasons": self.reasons(), **asdict(self)}


class PreflightFailed(ClientError):
    """The rows of the source do not fit the mapping; `preflight` holds all that was found."""

    def __init__(self, preflight: Preflight, file: str) -> None:
        listing = "\n".join(f"    {line}" for line in preflight.reasons())
        super().__init__(
            "the preflight found rows that cannot be moved, nothing was written",
            f"{len(preflight.reasons())} reasons:\n{listing}",
            f"declare a treatment in `{file}`, or mend them on the source, then run it again",
        )
        self.preflight = preflight


def check(
    plan: Plan,
    source: str,
    destination: str,
    *,
    snapshot: str | None = None,
    record: Path | None = None,
) -> Preflight:
    """Read every row of every table, and find all that keeps it from arriving as it should.

    What the mapping says is counted on the source; what the destination's own checks, types and
    indexes say is asked there, in temporary tables that are rolled back.

    Args:
        plan: The compiled mapping.
        source: URL of the legacy database; only read.
        destination: URL of the new database; nothing is left there.
        snapshot: An exported snapshot to look at; else a new one.
        record: File that the answer goes to, for `require` to find.

    Raises:
        ClientError: no temporary table can be made on the destination.
    """
    counts: list[TableCount] = []
    findings: list[Misfit] = []
    with ExitStack() as stack:
        to_read = partial(reading, source, snapshot=snapshot)
        ours, theirs = enter(stack, to_read, partial(connect, destination, name="destination"))
        for total, counted in _counted(ours, plan):
            counts.append(total)
            findings += counted
        findings += writable.check(plan, theirs)
        findings += surroundings.check(plan, ours, theirs)
        findings += derived.check(plan, ours, theirs)
        if not any(total.failed for total in counts):
            found_there = together([*_looks(ours, theirs, plan), left_out.check(ours, plan)])
            findings += itertools.chain.from_iterable(found_there)
            findings += trial.check(plan, ours, theirs)
        found = Preflight(plan.digest, tuple(counts), tuple(findings), plan.notes)
        if record is not None:
            standing.keep(record, found.as_json(), plan, ours)
    return found


def _looks(
    session: Connection, destination: Connection, plan: Plan
) -> Iterator[Line[list[Misfit]]]:
    """Yield what is looked for in each table."""
    for table in plan.tables:
        yield uniques.check(session, plan, table)
        yield forms.check(session, table)
        yield zones.check(session, table)
        yield parents.check(session, destination, plan, table)


def _counted(session: Connection, plan: Plan) -> list[tuple[TableCount, list[Misfit]]]:
    """Count all tables; where an expression fails, each by itself."""
    try:
        with session.transaction():
            return together([count(session, table) for table in plan.tables])
    except psycopg.Error:
        return [_alone(session, table) for table in plan.tables]


def _alone(session: Connection, table: TablePlan) -> tuple[TableCount, list[Misfit]]:
    try:
        with session.transaction():
            return answered(count(session, table))
    except psycopg.Error as error:
        return raising.look(session, table, error)


def require(
    plan: Plan,
    source: str,
    destination: str,
    *,
    within: Connection | None = None,
    record: Path | None = None,
) -> None:
    """Check, and refuse unless good; not again while an answer that is on record stands.

    Args:
        plan: The compiled mapping.
        source: URL of the legacy database; only read.
        destination: URL of the new database; nothing is left there.
        within: A session on the source inside a snapshot, whose rows are looked at; else those of
            a new one.
        record: File of the answer; see `standing`.

    Raises:
        PreflightFailed: with every reason.
    """
    with nullcontext(within) if within is not None else reading(source) as session:
        if record is not None and standing.stands(record, plan, session):
            return
        snapshot = str(value(session, "select pg_export_snapshot()"))
        found = check(plan, source, destination, snapshot=snapshot, record=record)
    if not found.good:
        raise PreflightFailed(found, plan.file)
