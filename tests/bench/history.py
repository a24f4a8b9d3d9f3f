"""A ledger with a long history, written in bulk as the engine would have written it."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from handrail.ledger.chain import Head
from handrail.ledger.entry import Entry, Event, canonical, timestamp
from handrail.ledger.schema import FIELDS
from handrail.ledger.store import SqliteLedger

STEPS = 200  # of each run: two entries a step, and four around them
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = (
    f"INSERT INTO entries ({', '.join(FIELDS)}) VALUES ({', '.join(f':{name}' for name in FIELDS)})"
)


def write(path: Path, environment: str, entries: int) -> None:
    """Make a ledger of so many entries, every run in it proven, an anchor at its end."""
    SqliteLedger.create(path, environment)
    head = Head()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        for row in rows(environment, entries):
            db.execute(ROWS, row)
            head = Head(row["seq"], row["sha256"])
        db.execute("INSERT INTO anchor VALUES (1, ?, ?)", (head.seq, head.sha256))
        lease = (entries, "elsewhere/boot/-", 1, "1", "ada", timestamp(BEGAN))
        db.execute("INSERT INTO lease VALUES (1, ?, ?, ?, ?, ?, ?, 60, 0)", lease)
        db.execute("COMMIT")


def rows(environment: str, count: int) -> Iterator[dict[str, object]]:
    """Yield the columns of entry after entry, a chain from the first one on."""
    head = Head()
    for seq, said in zip(range(1, count + 1), facts(), strict=False):
        fields = {"task": "", "step": "", "target": "", "reason": "", "attempt": 1} | said
        at = timestamp(BEGAN + timedelta(seconds=seq))
        entry = Entry(
            **fields, seq=seq, at=at, actor="ada", prev=head.sha256, environment=environment
        )
        body = canonical(entry.body)
        sealed = entry.sealed(body)
        head = Head(seq, sealed.sha256)
        yield vars(sealed) | {"body": body}


def facts() -> Iterator[dict[str, object]]:
    """Yield what run after run says."""
    number = 0
    while True:
        number += 1
        about = {"run": f"history-{number}", "token": number}
        yield about | {"event": Event.RUN_OPENED, "body": {"runbook": "history"}}
        declared = [[f"{n}", "lab.steps.write", "one", "Write"] for n in range(STEPS)]
        yield about | {"event": Event.ATTEMPT_STARTED, "body": {"declared": declared}}
        for n in range(STEPS):
            call = about | {"task": f"{n}", "step": "lab.steps.write", "target": "one"}
            digest = hashlib.sha256(f"{n}".encode()).hexdigest()
            arguments = {"path": f"/rooms/one/{n}", "text": "1"}
            intent = {"arguments": arguments, "before": None, "digest": digest}
            yield call | {"event": Event.STEP_STARTED, "body": intent}
            done = {"digest": digest, "after": digest, "facts": {"size_bytes": n}}
            yield call | {"event": Event.STEP_CHANGED, "body": done}
        yield about | {"event": Event.RUN_PROVEN, "body": {}}
        ended = {"outcome": "proven", "stopped_by": ""}
        yield about | {"event": Event.ATTEMPT_ENDED, "body": ended}
