"""A verification as one HTML file: no script, nothing fetched, fit for print."""

from collections.abc import Iterable, Sequence
from html import escape

from handrail.transfer.verify.compare import Cell, Difference
from handrail.transfer.verify.verify import Report

STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 2rem 1.5rem; max-width: 64rem;
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid #8884; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bad { font-weight: 600; color: #b3261e; }
@media (prefers-color-scheme: dark) { .bad { color: #ff8f84; } }
@media print { body { padding: 0; max-width: none; font-size: 9.5pt; } tr { break-inside: avoid; } }
"""
SHOWN = 500  # differences on the page; the JSON beside it has all that were named


def page(report: Report) -> str:
    """Return the page: the verdict first, then counts before and after, then each discrepancy."""
    reasons = report.reasons()
    verdict = "Everything is explained." if report.good else f"{len(reasons)} not explained."
    parts = [
        "<h1>Verification</h1>",
        f"<p class='{'good' if report.good else 'bad'}'>{escape(verdict)}</p>",
        f"<p>Checked {escape(report.checked_at)}, mapping <code>{report.digest[:12]}</code>.</p>",
        _list(reasons),
        "<h2>Rows before and after</h2>",
        _table(
            ("Table", "From", "Before", "Kept out", "Expected", "Found", "Rows"),
            (
                (
                    each.table, each.source, each.source_rows, each.quarantined, each.expected,
                    each.found, "equal" if each.equal else "differ",
                )
                for each in report.tables
            ),
            bad="differ",
        ),
    ]  # fmt: skip
    if report.differences:
        parts += ["<h2>Rows that differ</h2>", _differences(report.differences)]
    claims = (
        (e.claim, e.table, e.subject, e.said, ", ".join(e.keys), _word(e.good))
        for e in report.findings
    )
    parts += [
        "<h2>Claims</h2>",
        _table(("Claim", "Table", "Of", "Found", "Keys", "Holds"), claims, bad="no"),
        "<h2>Held against the legacy text</h2>",
        _table(
            ("Table", "Column", "Rows", "Wrong", "Keys"),
            ((e.table, e.column, e.rows, e.wrong, ", ".join(e.keys)) for e in report.inverses),
        ),
    ]
    if report.links is not None:
        parts += ["<h2>Files</h2>", _table(("Kind", "Addresses"), report.links.counts().items())]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Verification</title>"
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _differences(differences: Sequence[Difference]) -> str:
    rows = [
        (each.table, each.key, each.kind, cell.column, cell.source, cell.destination)
        for each in differences[:SHOWN]
        for cell in each.cells or (Cell("", None, None),)
    ]
    more = len(differences) - SHOWN
    note = f"<p>{more} more stand in the JSON file.</p>" if more > 0 else ""
    return _table(("Table", "Key", "Kind", "Column", "Before", "Now"), rows) + note


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], *, bad: str | None = None
) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    lines = []
    for row in rows:
        cells = []
        for value in row:
            kind = "number" if isinstance(value, int) else "bad" if value == bad else ""
            text = "" if value is None else escape(str(value))
            cells.append(f"<td class='{kind}'>{text}</td>" if kind else f"<td>{text}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li class='bad'>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _word(good: bool) -> str:  # noqa: FBT001  the value
    return "yes" if good else "no"
