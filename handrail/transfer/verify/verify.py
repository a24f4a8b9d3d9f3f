"""Hold the whole destination against the whole source, and report every difference by name."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from handrail.clients.errors import ClientError
from handrail.transfer.read.sizes import small_tables
from handrail.transfer.session import mark
from handrail.transfer.session.asking import (
    Line,
    Question,
    enter,
    only,
    side_by_side,
    together,
)
from handrail.transfer.session.connection import BEGIN, Connection, connect, reading, value
from handrail.transfer.sql import evidence
from handrail.transfer.sql.plan import Plan
from handrail.transfer.verify import integrity, inverse, links, mapped_back
from handrail.transfer.verify.compare import Comparison, Difference
from handrail.transfer.verify.integrity import Claim
from handrail.transfer.verify.inverse import Inverse
from handrail.transfer.verify.links import LinkReport

# Values that are there twice are looked for without an index: a table of them stays in memory.
GENEROUS = "set work_mem = '64MB'"


class NothingLoaded(ClientError):
    """The destination holds no load, so no verdict on it can be given."""


@dataclass(frozen=True)
class TableReport:
    """Counts of one table before and after: source = moved + kept out, destination = moved.

    `truncated` says that more rows differ than are named; `rewritten` counts those of which the new
    application has written anew what the mapping says it may.
    """

    table: str
    source: str
    source_rows: int
    quarantined: int
    expected: int
    found: int
    equal: bool
    truncated: bool
    rewritten: int

    def reason(self) -> str | None:
        """Say what is not explained of it, if anything is not."""
        more = ", more than are named" if self.truncated else ""
        if self.found != self.expected:
            return f"`{self.table}`: {self.expected} rows expected, {self.found} found{more}"
        return None if self.equal else f"`{self.table}`: rows differ{more}"


@dataclass(frozen=True)
class Report:
    """The outcome of a verification; nothing unexplained and something to look at makes it good.

    `mark` names the freeze of the source that it was compared in.
    """

    digest: str
    mark: str | None
    checked_at: str
    loaded: bool
    tables: tuple[TableReport, ...]
    differences: tuple[Difference, ...]
    inverses: tuple[Inverse, ...]
    findings: tuple[Claim, ...]
    links: LinkReport | None
    links_lost: tuple[str, ...]
    links_died: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Say whether everything is explained; an empty destination never is."""
        return not self.reasons()

    def reasons(self) -> list[str]:
        """List what is not explained, one line each."""
        lines = list(self._emptiness())
        lines += filter(None, map(TableReport.reason, self.tables))
        lines += (item.reason() for item in self.inverses if item.wrong)
        lines += (str(item) for item in self.findings if not item.good)
        lines += map("file address lost: {}".format, self.links_lost)
        lines += map("file gone since: {}".format, self.links_died)
        return lines

    def _emptiness(self) -> Iterator[str]:
        """Say that there is nothing to verify, where it is so."""
        if not self.loaded:
            yield "no load of this mapping was carried to its end there"
        if not any(table.found for table in self.tables):
            yield "the destination is empty"

    def as_json(self) -> dict[str, object]:
        """Return plain data for a report."""
        told = {key: item for key, item in asdict(self).items() if key != "links"}
        files = self.links.counts() if self.links else None
        return {"good": self.good, "reasons": self.reasons(), "files": files, **told}


def verify(
    plan: Plan,
    source: str,
    destination: str,
    *,
    ask_links: bool = False,
    links_before: LinkReport | None = None,
) -> Report:
    """Verify a load; both databases are only read.

    Args:
        plan: The compiled mapping.
        source: URL of the legacy database, whose writes are frozen.
        destination: URL of the new database.
        ask_links: Ask for every file address, which reaches out to the network.
        links_before: What was alive before, to tell what died since.

    Raises:
        NothingLoaded: no load was ever begun there.
    """
    with ExitStack() as stack:
        to_open = partial(reading, source), partial(connect, destination, name="destination")
        ours, theirs = enter(stack, *to_open)
        ours.execute(GENEROUS)
        theirs.execute(f"{GENEROUS}; {BEGIN}")
        loaded = _is_loaded(plan, theirs)
        our_second, their_second = _beside(stack, plan, ours, theirs)
        looks = [mapped_back.looking(plan, each, ours, theirs, our_second) for each in plan.tables]
        asked: list[Line[Any]] = [
            side_by_side(looks),
            _counted(plan, our_second),
            mark.reading(our_second),
            integrity.checking(plan, our_second, their_second),
            links.collecting(plan, our_second, source=True),
            links.collecting(plan, their_second, source=False),
        ]
        looked, rows, frozen_as, findings, before, after = together(asked)
        comparisons, inverses = zip(*looked, strict=True)
        closer = _looked_at_closely(plan, inverses, ours, destination)
    report = links.check(after) if ask_links else None
    return Report(
        plan.digest,
        frozen_as,
        dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        loaded,
        tuple(_reported(plan, item, rows[item.table]) for item in comparisons),
        tuple(itertools.chain.from_iterable(item.differences for item in comparisons)),
        closer,
        tuple(findings),
        report,
        tuple(links.lost(before, after)),
        tuple(links.died(links_before, report)) if report else (),
    )  # fmt: skip


def _beside(
    stack: ExitStack, plan: Plan, ours: Connection, theirs: Connection
) -> tuple[Connection, Connection]:
    """Open a second session on each side, in the first one's snapshot, where there are many rows.

    Rows are then compared beside all else that is asked; to open one takes longer than few rows do.
    """
    if len(small_tables(plan, ours)) == len(plan.tables):
        return ours, theirs
    ask = "select pg_export_snapshot()"
    our_snapshot, their_snapshot = together([only(each, ask) for each in (ours, theirs)])
    beside = enter(
        stack,
        partial(reading, ours.address, snapshot=our_snapshot),
        partial(reading, theirs.address, snapshot=their_snapshot, name="destination"),
    )
    for each in beside:
        each.execute(GENEROUS)
    return beside[0], beside[1]


def _reported(plan: Plan, compared: Comparison, rows: int) -> TableReport:
    """Return the counts of one table, whose source holds so many rows."""
    return TableReport(
        compared.table, plan.table(compared.table).source, rows, rows - compared.source_rows,
        compared.source_rows, compared.destination_rows, compared.equal, compared.truncated,
        compared.rewritten,
    )  # fmt: skip


def kept(plan: Plan, destination: str) -> list[Claim]:
    """Look at what must hold of the destination for good: keys, uniques, sequences, triggers.

    Users may have written since the load; no row is held against the source.
    """
    with connect(destination, name="destination") as session:
        session.execute(f"{GENEROUS}; {BEGIN}")
        (claims,) = together([integrity.keeping(plan, session)])
    return list(claims)


def _counted(plan: Plan, source: Connection) -> Line[dict[str, int]]:
    """Count the rows of the legacy tables."""
    counts = [f"select count(*) from {table.source_rows}" for table in plan.tables]
    found = yield [Question(source, query) for query in counts]
    return {table.name: each[0][0] for table, each in zip(plan.tables, found, strict=True)}


def _looked_at_closely(
    plan: Plan, told: Sequence[list[Inverse] | None], source: Connection, destination: str
) -> tuple[Inverse, ...]:
    """Bring the legacy texts over of those tables whose sums do not tell that all maps back."""
    if None not in told:
        return tuple(itertools.chain.from_iterable(filter(None, told)))
    with connect(destination, name="destination") as session:
        found = (
            inverse.check(plan, table, source, session) if of_table is None else of_table
            for table, of_table in zip(plan.tables, told, strict=True)
        )
        return tuple(itertools.chain.from_iterable(found))


def _is_loaded(plan: Plan, theirs: Connection) -> bool:
    """Say whether this plan's load was carried to its end there.

    Raises:
        NothingLoaded: no load was ever begun there.
    """
    if not evidence.exists(theirs):
        raise NothingLoaded(
            "there is nothing to verify",
            "no load was ever begun on this destination",
            "load it first; check that the address of the destination is the right one",
        )
    done = "select count(*) from _migration.run where digest = %s and finished_at is not null"
    return bool(value(theirs, done, plan.digest))
