"""The tables of a ledger file: as they are made today, as they were, and the way between."""

FORMAT = 2  # of the tables below; a ledger with a higher number was written by a newer program

FIELDS = (
    *("seq", "format", "run", "attempt", "at", "event", "task", "step"),
    *("target", "actor", "reason", "token", "body", "prev", "sha256"),
)
NUMBERS = {"seq", "format", "attempt", "token"}
LEASE = ("token", "machine", "pid", "started", "actor", "taken_at", "seconds", "held")

_TABLES = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY CHECK (seq > 0), format INTEGER NOT NULL, run TEXT NOT NULL,
    attempt INTEGER NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL, task TEXT NOT NULL,
    step TEXT NOT NULL, target TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
    token INTEGER NOT NULL, body TEXT NOT NULL, prev TEXT NOT NULL, sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX entries_of_a_run ON entries (run, seq);
CREATE INDEX runs_in_order ON entries (seq) WHERE event = 'run.opened';
CREATE INDEX runs_of_a_runbook ON entries (
    CASE WHEN json_valid(body) THEN json_extract(body, '$.runbook') END, seq
) WHERE event = 'run.opened';
CREATE INDEX rollbacks_of_a_run ON entries (
    CASE WHEN json_valid(body) THEN json_extract(body, '$.undoes') END, seq
) WHERE event = 'run.opened';
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), token INTEGER NOT NULL, machine TEXT NOT NULL,
    pid INTEGER NOT NULL, started TEXT NOT NULL, actor TEXT NOT NULL, taken_at TEXT NOT NULL,
    seconds REAL NOT NULL, held INTEGER NOT NULL
) STRICT;
CREATE TABLE anchor (
    id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE vault (id INTEGER PRIMARY KEY CHECK (id = 1), fingerprint TEXT NOT NULL) STRICT;
"""
_ABOUT = "CREATE TABLE about (environment TEXT NOT NULL, created_at TEXT NOT NULL) STRICT;\n"
_FIRST = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY CHECK (seq > 0), run TEXT NOT NULL, attempt INTEGER NOT NULL,
    at TEXT NOT NULL, event TEXT NOT NULL, task TEXT NOT NULL, step TEXT NOT NULL,
    target TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, fence INTEGER NOT NULL,
    body TEXT NOT NULL, prev TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), fence INTEGER NOT NULL, machine TEXT NOT NULL,
    pid INTEGER NOT NULL, started TEXT NOT NULL, actor TEXT NOT NULL, heartbeat TEXT NOT NULL,
    held INTEGER NOT NULL
) STRICT;
"""

SCHEMAS = {1: _FIRST + _ABOUT, FORMAT: _TABLES + _ABOUT}

_COPY_ENTRIES = f"""
INSERT INTO entries ({", ".join(FIELDS)})
SELECT seq, 1, run, attempt, at, event, task, step, target, actor, reason, fence, body, prev, sha256
FROM entries_1
"""
_COPY_LEASE = f"""
INSERT INTO lease (id, {", ".join(LEASE)})
SELECT id, fence, machine, pid, started, actor, heartbeat, 60, held FROM lease_1
"""
# What makes a file of format 1 one of today: its entries stay as they are, digests and all.
FROM_FIRST = (
    "ALTER TABLE entries RENAME TO entries_1",
    "ALTER TABLE lease RENAME TO lease_1",
    "DROP TRIGGER entries_never_change",
    "DROP TRIGGER entries_never_go",
    _TABLES,
    _COPY_ENTRIES,
    _COPY_LEASE,
    "DROP TABLE entries_1",
    "DROP TABLE lease_1",
    f"PRAGMA user_version = {FORMAT}",
)

_OLD_NAMES = {"format": "1", "token": "fence", "taken_at": "heartbeat", "seconds": "60"}


def columns(names: tuple[str, ...], version: int) -> str:
    """Return a SELECT list that reads these fields from a file of a format."""
    if version == FORMAT:
        return ", ".join(names)
    return ", ".join(f"{_OLD_NAMES.get(name, name)} AS {name}" for name in names)
