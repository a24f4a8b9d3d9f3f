"""Writes the ledger that a story leaves behind, the way the engine writes it; and forges it."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import rfc8785

from handrail.ledger.chain import Head
from handrail.ledger.entry import Event
from handrail.ledger.kept import Kept
from handrail.ledger.lease import Owner
from handrail.ledger.seam import Fact, Ledger
from handrail.ledger.secrets import Vault

CANARY = "sesame-7f3c-open"  # a secret that must be found nowhere but in the vault
PLAN = [
    ("1.1", "backup.take", "production", "Take a backup of the legacy database"),
    ("2.1", "bind.listen", "repository", "Listen on every address"),
    ("2.2", "env.put", "production", "Set the new secret key"),
    ("3.1", "monitor.soak", "production", "Watch <errors> for 24 hours"),
]


@dataclass
class Script:
    """A ledger in the making."""

    kept: Path | Kept
    ledger: Ledger = field(init=False)
    vault: Vault = field(init=False)
    token: int = 0
    run: str = ""
    attempt: int = 0
    undoes: str = ""
    environment: str = "lab"

    def __post_init__(self):
        """Make the ledger."""
        self.kept = self.kept if isinstance(self.kept, Kept) else Kept(self.kept)
        self.ledger = self.kept.open(self.environment, create=True)
        self.vault = self.kept.vault(self.ledger)

    @property
    def path(self):
        """The file."""
        return self.kept.file

    def say(self, event, task="", *, run="", reason="", actor="ada", **body):
        """Append one entry."""
        step, target = next(((s, t) for i, s, t, _ in PLAN if i == task), ("", ""))
        said = Fact(event, run or self.run, self.attempt, actor, task, step, target, reason, body)
        return self.ledger.append([said], self.token)[0]

    def start(self, run, attempt=1, *, undoes="", plan=PLAN, reason=""):
        """Begin an attempt, opening its run where it is the first."""
        held = self.ledger.lease()
        if held and held.held:
            self.ledger.release_lease(held.token)
        self.token = self.ledger.take_lease(Owner.this_process("ada")).token
        self.run, self.attempt, self.undoes = run, attempt, undoes
        if held and held.held:
            self.say(Event.LOCK_TAKEN_OVER, reason="process 1 of ada is gone")
        if attempt == 1:
            opened = {"runbook": run.rpartition("-")[0]} | ({"undoes": undoes} if undoes else {})
            self.say(Event.RUN_OPENED, reason=reason, **opened)
        self.say(Event.ATTEMPT_STARTED, reason=reason, declared=[list(call) for call in plan])

    def act(self, task, *, end=Event.STEP_CHANGED, before=None, reason="", **facts):
        """Do a step: intent, then its outcome, or none where the process dies."""
        digest = hashlib.sha256(task.encode()).hexdigest()
        intent = {"arguments": {"service": "web"}, "before": before, "digest": digest}
        self.say(Event.STEP_STARTED, task, reason=reason, **intent)
        if end:
            self.say(end, task, digest=digest, facts=facts)

    def put_back(self, task):
        """Undo a step in a rollback."""
        self.say(
            Event.STEP_STARTED, task, arguments={}, before=None, digest="d", undoes=self.undoes
        )
        self.say(Event.STEP_ROLLED_BACK, task, digest="d", undoes=self.undoes)

    def gate(self, task, event=Event.GATE_PASSED, **facts):
        """Ask a gate."""
        self.say(Event.GATE_OPENED, task, digest="g")
        self.say(event, task, digest="g", facts=facts, why="it was quiet")

    def end(self, outcome, stopped_by=""):
        """Say goodbye and let go of the lease."""
        if outcome == "proven":
            self.say(Event.RUN_PROVEN)
        last = self.say(Event.ATTEMPT_ENDED, outcome=outcome, stopped_by=stopped_by)
        self.ledger.release_lease(self.token, Head(last.seq, last.sha256))


def cutover(path):
    """Write a cutover that was killed once, resumed, proven, and then rolled back."""
    script = Script(path)
    script.start("cutover-1")
    script.act("1.1", size_bytes=4096, file="backup.dump")
    script.act("2.1", before={"bind": "127.0.0.1"}, end=None)  # killed here
    script.start("cutover-1", 2, reason="the laptop slept")
    script.say(Event.STEP_ADOPTED, "2.1", reason="seen in the log", digest="d", facts={})
    script.act("2.2", before={"value": {"sealed": script.vault.seal(CANARY)}})
    script.gate("3.1", errors=0, requests=1200)
    script.end("proven")
    script.start("rollback-1", undoes="cutover-1", plan=PLAN[:3], reason="logins <failed>")
    for task in ("2.2", "2.1"):
        script.put_back(task)
    script.say(Event.STEP_SKIPPED, "1.1", digest="d", why="a backup is kept")
    script.say(Event.RUN_ROLLED_BACK, run="cutover-1", reason="logins <failed>")
    script.end("proven")
    return script


def standing(path):
    """Write a cutover that stopped at its third task."""
    script = Script(path)
    script.start("cutover-1")
    script.act("1.1", size_bytes=4096)
    script.act("2.1", before={"bind": "127.0.0.1"})
    script.say(Event.STEP_REFUSED, "2.2", digest="d", why="the service does not answer")
    script.end("stopped", "env.put on production")
    return script


def proven(path):
    """Write a cutover whose every task is proven."""
    script = Script(path)
    script.start("cutover-1")
    for task, _, _, _ in PLAN[:3]:
        script.act(task)
    script.gate("3.1", errors=0)
    script.end("proven")
    return script


@contextmanager
def forging(path: Path, *, anchor: bool = True) -> Iterator[sqlite3.Connection]:
    """Open a ledger to edit it, its triggers put aside and left as they were.

    A forger who knows of the anchor moves it to the newest entry that is left, too.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        triggers = db.execute(query).fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        yield db
        for _, sql in triggers:
            db.execute(sql)
        if anchor and db.execute("PRAGMA user_version").fetchone()[0] > 1:
            db.execute(
                "UPDATE anchor SET (seq, sha256) = (newest.seq, newest.sha256) "
                "FROM (SELECT seq, sha256 FROM entries ORDER BY seq DESC LIMIT 1) AS newest"
            )


def rehash(db, first=1, last=None):
    """Write links and digests anew, as somebody would who knows how the chain is made."""
    db.row_factory = sqlite3.Row
    rows = db.execute("SELECT * FROM entries ORDER BY seq").fetchall()
    environment = db.execute("SELECT environment FROM about").fetchone()[0]
    prev = "0" * 64
    for row in rows:
        fields = dict(row) | {"body": json.loads(row["body"]), "environment": environment}
        stored = fields.pop("sha256")
        if row["seq"] >= first and (last is None or row["seq"] <= last):
            fields["prev"] = prev
            stored = hashlib.sha256(rfc8785.dumps(fields)).hexdigest()
            change = "UPDATE entries SET prev = ?, sha256 = ? WHERE seq = ?"
            db.execute(change, (prev, stored, row["seq"]))
        prev = stored
    db.row_factory = None


def renumber(db, start, by):
    """Move every entry from a number on, by one or more places."""
    order = "DESC" if by > 0 else "ASC"
    query = f"SELECT seq FROM entries WHERE seq >= ? ORDER BY seq {order}"
    for (seq,) in db.execute(query, (start,)).fetchall():
        db.execute("UPDATE entries SET seq = ? WHERE seq = ?", (seq + by, seq))
