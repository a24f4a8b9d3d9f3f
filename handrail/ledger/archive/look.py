"""Archived entries as an audit reads them: raw, and by no code that wrote them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from handrail.ledger.archive.file import lines, sha256_of, unreadable
from handrail.ledger.recompute import text_of

ARCHIVES = (
    "SELECT body FROM entries WHERE run = 'archive' AND event IN ('ledger.archived', "
    "'ledger.restored') ORDER BY seq DESC LIMIT 1"
)


def lying_elsewhere(said: str) -> list[dict[str, Any]]:  # Any: JSON
    """Return the parts that the newest entry about archives names; empty where there is none."""
    try:
        found = json.loads(said)["parts"] if said else []
        return [each for each in found if isinstance(each["file"] + each["head"], str)]
    except (ValueError, TypeError, KeyError):
        return []  # then the entries before the first are missing, and that is told


def file_of(part: dict[str, Any], folder: Path) -> Path | None:  # Any: JSON
    """Return the file of a part; None where it is not there."""
    put = folder / part["file"]
    return next((each for each in (put, folder / put.name) if each.is_file()), None)


def is_as_archived(path: Path, part: dict[str, Any]) -> bool:  # Any: JSON
    """Tell whether a file is, to the byte, the one that was made."""
    return bool(sha256_of(path) == part["sha256"])


def rows_of(
    path: Path, columns: Sequence[str], environment: str
) -> Iterator[tuple[Any, ...]]:  # Any: raw columns
    """Yield the entries of a file as rows of a ledger.

    Raises:
        LedgerDamaged: a line of it is no entry.
    """
    for said in lines(path):
        try:
            body = text_of(said["format"], said["body"])
            row = said | {"body": body, "environment": environment}
            yield tuple(row[name] for name in columns)
        except (TypeError, KeyError, ValueError) as error:
            raise unreadable(path, f"a line of it is not an entry: {error!r}") from None
