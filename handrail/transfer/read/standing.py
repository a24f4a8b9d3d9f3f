"""A preflight on file: its answer stands while plan and rows are what they were.

Inside a freeze nothing changes, so that export and load need not read every row once more.
"""

import hashlib
import json
from pathlib import Path

from handrail.clients import private_folder
from handrail.transfer.session import mark
from handrail.transfer.session.connection import Connection
from handrail.transfer.session.quoting import literal
from handrail.transfer.sql.plan import Plan

FILE = "preflight.json"


def stands(file: Path, plan: Plan, session: Connection) -> bool:
    """Say whether a good preflight of this plan, and of the rows as they are now, is on file.

    Args:
        file: Where it would be.
        plan: The compiled mapping.
        session: Session inside one snapshot of the source.
    """
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["digest"] != plan.digest or kept["preflight"]["good"] is not True:
            return False
        return _is_same(kept["mark"], kept["rows"], plan, session)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # none, or none of ours: then all rows are looked at


def _is_same(frozen_as: str | None, rows: str, plan: Plan, session: Connection) -> bool:
    """Say whether the source is still frozen by the same freeze, or holds the same rows."""
    now = mark.read(session)
    return (now is not None and frozen_as == now) or rows == rows_of(plan, session)


def keep(file: Path, told: dict[str, object], plan: Plan, session: Connection) -> None:
    """Put a preflight on file, whole or not at all; only its owner reads it.

    Args:
        file: Where it goes.
        told: The preflight as plain data.
        plan: The compiled mapping.
        session: Session inside the snapshot that it was made of.
    """
    state = {"mark": mark.read(session), "rows": rows_of(plan, session)}
    text = json.dumps({"digest": plan.digest, **state, "preflight": told}, indent=1)
    private_folder.write(file, text)


def rows_of(plan: Plan, session: Connection) -> str:
    """Return a sha256 of how many rows the mapped source tables hold and what these come to."""
    sides = sorted({(table.origin, table.source_rows) for table in plan.tables})
    sums = "concat_ws(' ', count(*), sum(hashtextextended(s::text, 0)))"
    parts = (f"select {literal(origin)}, {sums} from {rows} s" for origin, rows in sides)
    found = session.execute(" union all ".join(parts)).fetchall()
    return hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest()
