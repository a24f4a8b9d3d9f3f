"""A verification as one HTML file: no script, nothing fetched, fit for print."""

from collections.abc import Iterator

from handrail import pages
from handrail.transfer.verify.compare import Cell
from handrail.transfer.verify.integrity import Claim
from handrail.transfer.verify.verify import Report, TableReport

SHOWN = 500  # differences on the page; the JSON beside it has all that were named


def page(report: Report) -> str:
    """Return the page: the verdict first, then counts before and after, then each discrepancy."""
    reasons = report.reasons()
    return pages.render(
        "verification.html",
        report=report,
        reasons=reasons,
        verdict="Everything is explained." if report.good else f"{len(reasons)} not explained.",
        tables=[
            (
                *(each.table, each.source, each.source_rows, each.quarantined, each.expected),
                *(each.found, _verdict(each)),
            )
            for each in report.tables
        ],
        differences=list(_differences(report)),
        more=len(report.differences) - SHOWN,
        claims=list(map(_claim, report.findings)),
        inverses=[(e.table, e.column, e.rows, e.wrong, ", ".join(e.keys)) for e in report.inverses],
        links=list(report.links.counts().items()) if report.links is not None else [],
    )


def _differences(report: Report) -> Iterator[tuple[str | None, ...]]:
    """Yield a line for each value that differs, or for a row that is on one side only."""
    for each in report.differences[:SHOWN]:
        for cell in each.cells or (Cell("", None, None),):
            yield each.table, each.key, each.kind, cell.column, cell.source, cell.destination


def _claim(claim: Claim) -> tuple[str, ...]:
    told = (claim.claim, claim.table, claim.subject, claim.said, ", ".join(claim.keys))
    return *told, "yes" if claim.good else "no"


def _verdict(table: TableReport) -> str:
    verdict = "equal" if table.equal else "differ"
    return f"{verdict}, {table.rewritten} rewritten since" if table.rewritten else verdict
