"""`handrail report`: what became of a run, for a change board, a ticket, a program."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from handrail.cli.ledger import kept_at, opened, reads
from handrail.cli.out import GOOD, say, say_json, status_of
from handrail.ledger.audit import Audit
from handrail.ledger.errors import RunbookError
from handrail.ledger.measure import known_times
from handrail.ledger.report import html as pages
from handrail.ledger.report import markdown
from handrail.ledger.report.build import build
from handrail.ledger.report.drilled import drill_of
from handrail.ledger.report.model import Report
from handrail.ledger.views import report as texts
from handrail.ledger.views.evidence import Evidence, gather

FORMS: Mapping[str, Callable[[Report], None]] = {  # of the whole report; text tells less
    "html": lambda report: say([pages.render(report)]),
    "json": lambda report: say_json(asdict(report)),
    "markdown": lambda report: say(markdown.render(report)),
}


@click.command
@click.argument("run", default="", metavar="[RUN]")
@click.option(
    "--format", "form", type=click.Choice(["text", *FORMS]), default="text", help="what to print"
)
@click.option("--html", metavar="FILE", default="", help="as one HTML file")
@click.option("--schema", "of_json", is_flag=True, help="print the JSON Schema of --format json")
@reads
def report(ledger: str, run: str, form: str, html: str, *, of_json: bool, as_json: bool) -> int:
    """Write the report of a run.

    The newest run where RUN is left out. All forms tell the same; the page and JSON tell all of it.
    """
    if of_json:
        from handrail.ledger.report.schema import schema_text  # noqa: PLC0415  pydantic takes long

        say([schema_text().rstrip("\n")])
        return GOOD
    evidence, audit, whole = gathered(ledger, run)
    if html:
        _write(Path(html), pages.render(whole()))
    elif as_json:
        FORMS["json"](whole())
    elif form == "text":
        say(texts.render(evidence, audit))
    else:
        FORMS[form](whole())
    return status_of(audit.good)


def gathered(ledger: str, run: str) -> tuple[Evidence, Audit, Callable[[], Report]]:
    """Return a run as gathered, what was found of its ledger, and what makes its report."""
    held, kept = opened(ledger), kept_at(ledger)
    evidence, audit = gather(held, run), kept.audit(whole=False)

    def whole() -> Report:
        this = evidence.run
        known = known_times(held.environment, held.runs(), this, kept, before=this.opened_at)
        own = held.of_runs([this.id])
        return build(evidence, own, audit, known, drill_of(this, kept))

    return evidence, audit, whole


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunbookError(
            f"the report was not written to `{path}`",
            f"{error.strerror}",
            f"see `ls -ld {path.parent}`; or give another file with `--html`",
        ) from None
    say([f"Report written to {path}."])
