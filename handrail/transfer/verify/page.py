"""A verification as one HTML file: no script, nothing fetched, fit for print."""

from handrail import pages
from handrail.transfer.verify.compare import Cell
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
        differences=[
            (each.table, each.key, each.kind, cell.column, cell.source, cell.destination)
            for each in report.differences[:SHOWN]
            for cell in each.cells or (Cell("", None, None),)
        ],
        more=len(report.differences) - SHOWN,
        claims=[
            (e.claim, e.table, e.subject, e.said, ", ".join(e.keys), "yes" if e.good else "no")
            for e in report.findings
        ],
        inverses=[(e.table, e.column, e.rows, e.wrong, ", ".join(e.keys)) for e in report.inverses],
        links=list(report.links.counts().items()) if report.links is not None else [],
    )


def _verdict(table: TableReport) -> str:
    verdict = "equal" if table.equal else "differ"
    return f"{verdict}, {table.rewritten} rewritten since" if table.rewritten else verdict
