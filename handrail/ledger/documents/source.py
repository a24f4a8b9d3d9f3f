"""What a document is made of: the place in a chain up to which it tells what is on record."""

from collections.abc import Iterator

from handrail.ledger.chain import Head
from handrail.ledger.report.markdown import text
from handrail.ledger.report.model import Report


def head_of(report: Report) -> Head:
    """Return the newest entry that a report knows of."""
    return Head(report.verification["newest"], report.verification["head"])


def source(environment: str, head: Head) -> Iterator[str]:
    """Yield the last section of a document."""
    yield from ("", "## Source", "")
    yield (
        f"Made from the steps' contracts and the ledger of {text(environment)}, up to entry "
        f"{head.seq}. Its head is `{head.sha256}`; `handrail verify --head {head.sha256}` finds "
        "whether anything up to there was changed since."
    )
