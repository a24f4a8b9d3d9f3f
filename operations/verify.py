"""Gates of tasks 8, 9.4, 10 and 16: the mapping and the rows fit, both sides are equal."""

import json
from pathlib import Path

from handrail.clients import private_folder
from handrail.clients.postgres import Database
from handrail.engine import FROM_RUN, FROM_TARGET, Finding, fails, gate, holds
from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.read import preflight
from handrail.transfer.read.standing import FILE
from handrail.transfer.sql.plan import Plan
from handrail.transfer.verify import verify as verification
from handrail.transfer.verify.page import page

from .evidence import REPORTS
from .left_aside import left_aside
from .rows import opened

SHOWN = 5  # reasons in a message; the report has all


@gate(fix="correct the mapping file at the lines it names, then the same command again")
def mapping_fits(
    source: Database = FROM_TARGET, destination: Database = FROM_TARGET, mapping: str = FROM_TARGET
) -> Finding:
    """The mapping says what becomes of every column, and agrees with both live catalogs."""
    try:
        plan = opened(mapping, source, destination)
    except MappingRefused as refused:
        return fails(refused.why, refused.fix)
    return holds(tables=len(plan.tables), digest=plan.digest)


@gate(fix="correct the rows, or declare in the mapping what becomes of them")
def rows_fit(
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    mapping: str = FROM_TARGET,
    directory: str = FROM_TARGET,
    run: str = FROM_RUN,
) -> Finding:
    """Every row of the legacy database can be held, or is declared to be kept out."""
    urls = (source.url.reveal(), destination.url.reveal())
    record = Path(directory) / run / FILE
    found = preflight.check(opened(mapping, source, destination), *urls, record=record)
    reasons = found.reasons()
    if reasons:
        return fails(shortened(reasons))
    moved = sum(table.moved for table in found.tables)
    return holds(rows=moved, quarantined=sum(table.quarantined for table in found.tables))


@gate(fix="the verification would pass over missing rows: do not go on; report it as a bug")
def notices_missing_rows(
    source: Database = FROM_TARGET, destination: Database = FROM_TARGET, mapping: str = FROM_TARGET
) -> Finding:
    """The verification refuses the destination while the rows are not there."""
    plan = opened(mapping, source, destination)
    try:
        report = compared(plan, source, destination)
    except verification.NothingLoaded as refused:
        return holds(f"it says: {refused.why}")
    return fails("it calls an empty destination good") if report.good else holds()


@gate(fix="read the report it names; load again, or roll back", round_trips=30)
def rows_are_equal(
    source: Database = FROM_TARGET,
    destination: Database = FROM_TARGET,
    mapping: str = FROM_TARGET,
    directory: str = FROM_TARGET,
    run: str = FROM_RUN,
) -> Finding:
    """Every row, relation, unique, sequence and file address is equal or explained.

    Nothing outside the two databases is asked, so that no freeze waits for it.
    """
    plan = opened(mapping, source, destination)
    report = compared(plan, source, destination)
    place, shown = (Path(directory) / run / name for name in REPORTS)
    private_folder.write(place, json.dumps(report.as_json(), indent=2, default=str))
    private_folder.write(shown, page(report))
    if not report.good:
        return fails(f"{shortened(report.reasons())}; all of it is in {place}")
    rows = sum(table.found for table in report.tables)
    aside = left_aside(place.parent)
    return holds(
        rows=rows,
        tables=len(report.tables),
        report=str(place),
        mark=report.mark,
        counts=[counted(table) for table in report.tables],
        kept_out=aside["kept_out"],
        adjusted=aside["adjusted"],
    )


def counted(table: verification.TableReport) -> dict[str, str | int | bool]:
    """Return the counts of a table on both sides, for the report of the run."""
    return {
        "table": table.table,
        "before": table.source_rows,
        "kept_out": table.quarantined,
        "expected": table.expected,
        "after": table.found,
        "equal": table.equal,
    }


@gate(fix="mend the rows it names, or roll back; then the same command again")
def rows_hold_together(
    source: Database = FROM_TARGET, destination: Database = FROM_TARGET, mapping: str = FROM_TARGET
) -> Finding:
    """Every relation, unique and sequence of the new database holds, after all that users wrote."""
    plan = opened(mapping, source, destination)
    claims = verification.kept(plan, destination.url.reveal())
    wrong = [str(each) for each in claims if not each.good]
    return fails(shortened(wrong)) if wrong else holds(claims=len(claims), tables=len(plan.tables))


def compared(plan: Plan, source: Database, destination: Database) -> verification.Report:
    """Verify both sides."""
    return verification.verify(plan, source.url.reveal(), destination.url.reveal())


def shortened(reasons: list[str]) -> str:
    """Return the first reasons, and how many more there are."""
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "; ".join(reasons[:SHOWN]) + more
