"""A ledger of the first format: it goes on being read, verified and written."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from handrail.ledger.audit import audit
from handrail.ledger.entry import Event
from handrail.ledger.errors import LedgerDamaged, RunLocked
from handrail.ledger.lease import Owner
from handrail.ledger.run import fold
from handrail.ledger.schema import SCHEMAS
from handrail.ledger.seam import Fact
from handrail.ledger.store import SqliteLedger
from handrail.ledger.views.evidence import gather
from tests.ledger.script import forging, proven

BODY = {"runbook": "cutover", "ratio": 1.0, "count": 2**60}


def first_form(value):
    """Return the JSON that the first format hashed, from its description alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.fixture
def path(tmp_path):
    """A ledger as the program of that time left it, killed in the middle of a run."""
    path = tmp_path / "lab.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(SCHEMAS[1])
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO about VALUES ('lab', '2026-01-01T00:00:00.000000Z')")
        lease = (1, 1, "elsewhere/boot/-", 99, "1", "eve", "2026-01-01T00:00:00.000000Z", 1)
        db.execute("INSERT INTO lease VALUES (?,?,?,?,?,?,?,?)", lease)
        prev = "0" * 64
        declared = {"declared": [["1", "backup.take", "production", "Back up"]]}
        for seq, (event, body) in enumerate(
            [("run.opened", BODY), ("attempt.started", declared)], start=1
        ):
            texts = dict.fromkeys(("task", "step", "target", "reason"), "")
            entry = texts | {
                "seq": seq, "run": "cutover-1", "attempt": 1, "event": event, "actor": "eve",
                "at": f"2026-01-01T00:00:0{seq}.000000Z", "fence": 1, "body": body, "prev": prev,
            }  # fmt: skip
            prev = entry["sha256"] = hashlib.sha256(first_form(entry).encode()).hexdigest()
            row = entry | {"body": first_form(body)}
            names = ", ".join(row)
            places = ", ".join(f":{name}" for name in row)
            db.execute(f"INSERT INTO entries ({names}) VALUES ({places})", row)
    return path


def carried_on(path):
    """Take the lease over and say one thing more."""
    ledger = SqliteLedger(path)
    lease = ledger.take_lease(Owner.this_process("ada"))
    ledger.append(
        [
            Fact(Event.LOCK_TAKEN_OVER, "cutover-1", 2, "ada", reason=lease.took_over),
            Fact(Event.ATTEMPT_STARTED, "cutover-1", 2, "ada", body={"declared": []}),
        ],
        lease.token,
    )
    ledger.release_lease(lease.token)
    return ledger


def test_it_is_read_and_verified_as_it_stands(path):
    """Looking at it changes nothing of it."""
    before = path.read_bytes()

    entries = SqliteLedger(path, "lab").entries()

    assert (entries[0].format, entries[0].token, entries[0].body) == (1, 1, BODY)
    assert fold(entries)["cutover-1"].runbook == "cutover"
    assert gather(SqliteLedger(path), "").run == fold(entries)["cutover-1"]
    assert audit(path).problems == []
    assert path.read_bytes() == before


def test_it_is_carried_on_in_the_format_of_today(path):
    """What stands keeps its digests, what is added gets today's, and both are one chain."""
    was = [entry.sha256 for entry in SqliteLedger(path).entries()]

    entries = carried_on(path).entries()

    assert [entry.sha256 for entry in entries][:2] == was
    assert [(entry.format, entry.token) for entry in entries] == [(1, 1), (1, 1), (2, 2), (2, 2)]
    assert "process 99 of eve is gone" in entries[2].reason
    assert audit(path).problems == []


def test_an_edit_of_its_old_entries_is_found(path):
    """The first format's own form is held to, too."""
    carried_on(path)
    for edit in ("actor = 'mallory'", "body = replace(body, ':', ': ')", "format = 2"):
        forged = shutil.copy(path, path.with_name("forged.sqlite"))
        with forging(forged) as db:
            db.execute(f"UPDATE entries SET {edit} WHERE seq = 1")

        assert audit(forged).problems[0].seq == 1
        with pytest.raises(LedgerDamaged):
            SqliteLedger(forged).entries()


def test_its_lease_is_respected(path):
    """A writer of that time, on another machine and heard of just now, is not disturbed."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE lease SET heartbeat = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")

    with pytest.raises(RunLocked, match="eve is at work"):
        carried_on(path)
    assert audit(path).problems == []


def test_it_cannot_be_made_of_a_ledger_of_today(tmp_path):
    """An entry of the old format after one of today's is a forgery."""
    path = tmp_path / "lab.sqlite"
    proven(path)
    with forging(path) as db:
        db.execute("UPDATE entries SET format = 1 WHERE seq = 3")

    assert 3 in [each.seq for each in audit(path).problems]
