"""`handrail verify` finds every kind of forgery, and says what it cannot find."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.ledger.audit import audit
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.store import SqliteLedger
from tests.ledger.script import Script, cutover, forging, rehash, renumber, standing
from tests.team import poured

CHANGED = "it was changed after it was written: its digest does not match"
COLUMNS = (
    *("run", "at", "event", "task", "step", "target"),
    *("actor", "reason", "body", "prev", "sha256"),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A sound ledger; copied before anybody forges it."""
    path = tmp_path_factory.mktemp("written") / "lab.sqlite"
    cutover(path)
    return path


@pytest.fixture
def path(written, tmp_path):
    """A copy of the sound ledger."""
    return shutil.copy(written, tmp_path / "lab.sqlite")


@pytest.fixture(autouse=True)
def on_a_server(team_server, tmp_path_factory):
    """Let `problems` look at the same entries on a server, too."""
    PLACES[:] = [team_server, tmp_path_factory.mktemp("server")]


PLACES = []


def problems(path, head="", *, only_here=False):
    """Return what an audit objects to, each with its entry; the same on a server."""
    found = [(each.seq, each.what) for each in audit(path, head).problems]
    if not only_here:
        there = poured(path, *PLACES).audit(head).problems
        assert [(each.seq, each.what) for each in there] == found
    return found


def refused(path):
    """Tell whether the engine, too, refuses the ledger."""
    try:
        SqliteLedger(path).entries()
    except LedgerDamaged:
        return True
    return False


def seq_of(path, event):
    """Return the number of the first entry of a kind."""
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT min(seq) FROM entries WHERE event = ?"
        return db.execute(query, (event,)).fetchone()[0]


def test_verify_finds_nothing_in_a_sound_ledger(path):
    """A ledger with a killed attempt, a takeover and a rollback is good."""
    found = audit(path)

    assert found.problems == []
    assert found.warnings == []
    assert (found.environment, found.runs, found.attempts) == ("lab", 2, 3)
    assert found.head == SqliteLedger(path).entries()[-1].sha256


def test_verify_leaves_the_file_as_it_was(path):
    """It opens the ledger for reading only."""
    before = path.read_bytes()

    audit(path)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_verify_finds_an_edited_body(path):
    """Content that was changed does not match its digest."""
    with forging(path) as db:
        body = json.dumps({"runbook": "harmless"}, separators=(",", ":"))
        db.execute("UPDATE entries SET body = ? WHERE seq = 1", (body,))

    assert problems(path) == [(1, CHANGED)]
    assert refused(path)


def test_verify_finds_a_respaced_body(path):
    """The same content in another form is not what was written."""
    with forging(path) as db:
        db.execute("UPDATE entries SET body = replace(body, ':', ': ') WHERE seq = 1")

    assert problems(path) == [(1, "its body is not JSON in the form the ledger writes")]
    assert refused(path)


def test_verify_finds_an_edited_entry_with_a_new_digest(path):
    """Making one digest fit again breaks the link of the next entry."""
    with forging(path) as db:
        db.execute("UPDATE entries SET actor = 'mallory' WHERE seq = 4")
        rehash(db, 4, 4)

    assert [seq for seq, _ in problems(path)] == [5]
    assert refused(path)


def test_verify_finds_a_deleted_entry(path):
    """An entry taken out of the middle leaves a gap."""
    with forging(path) as db:
        db.execute("DELETE FROM entries WHERE seq = 4")

    assert (5, "entry 4 before it is missing") in problems(path)
    assert refused(path)


def test_verify_finds_a_deleted_entry_whose_gap_was_closed(path):
    """Renumbering what follows does not hide it."""
    with forging(path) as db:
        db.execute("DELETE FROM entries WHERE seq = 4")
        renumber(db, 5, -1)

    assert 4 in [seq for seq, _ in problems(path)]
    assert refused(path)


def test_verify_finds_two_swapped_entries(path):
    """Entries stand in the order in which they were written."""
    with forging(path) as db:
        for was, becomes in ((4, 999), (5, 4), (999, 5)):
            db.execute("UPDATE entries SET seq = ? WHERE seq = ?", (becomes, was))

    assert {4, 5, 6} <= {seq for seq, _ in problems(path)}
    assert refused(path)


def test_verify_finds_an_inserted_entry(path):
    """Nothing fits in between, whatever its own digest is."""
    with forging(path) as db:
        renumber(db, 5, 1)
        db.execute(
            "INSERT INTO entries SELECT 5, format, run, attempt, at, event, task, step, target, "
            "actor, reason, token, body, sha256, 'x' FROM entries WHERE seq = 4"
        )
        rehash(db, 5, 5)

    assert 6 in [seq for seq, _ in problems(path)]
    assert refused(path)


def test_verify_finds_a_cut_tail_by_the_published_head(path):
    """A chain alone cannot tell that its end is gone; a head kept elsewhere can."""
    head = audit(path).head
    with forging(path) as db:
        db.execute("DELETE FROM entries WHERE seq > 10")

    assert problems(path) == []
    assert [seq for seq, _ in problems(path, head)] == [None]
    assert "cut off" in problems(path, head)[0][1]


def test_verify_finds_a_full_rewrite_by_the_published_head(path):
    """A chain alone cannot tell that it was made anew; a head kept elsewhere can."""
    head = audit(path).head
    with forging(path) as db:
        db.execute("UPDATE entries SET actor = 'mallory'")
        rehash(db)

    assert problems(path) == []
    assert "rewritten" in problems(path, head)[0][1]


def test_verify_accepts_a_ledger_that_grew_since_its_head_was_published(path):
    """An earlier head is an entry of the ledger for ever."""
    early = SqliteLedger(path).entries()[9].sha256

    found = audit(path, early)

    assert found.good
    assert "is entry 10" in found.published


@pytest.mark.parametrize("rewrite", [False, True])
def test_verify_finds_a_forged_fence(path, rewrite):
    """A fence token never goes back, even where the chain was written anew."""
    seq = seq_of(path, "run.proven")
    with forging(path) as db:
        db.execute("UPDATE entries SET token = 1 WHERE seq = ?", (seq,))
        if rewrite:
            rehash(db)

    assert seq in [found for found, _ in problems(path)]
    assert any("its token 1 was stale" in what for _, what in problems(path))


FORGED_STORIES = {
    "an outcome without an intent": (
        "DELETE FROM entries WHERE event = 'step.started' AND task = '1.1'",
        "without an intent",
    ),
    "an adoption of what never began": (
        (
            "DELETE FROM entries WHERE event = 'step.started' AND task = '2.1' AND attempt = 1 "
            "AND run = 'cutover-1'"
        ),
        "without an interrupted act",
    ),
    "a gate that passed unasked": (
        "DELETE FROM entries WHERE event = 'gate.opened'",
        "without `gate.opened`",
    ),
    "a run called proven that is not": (
        "DELETE FROM entries WHERE event = 'gate.passed'",
        "is called proven",
    ),
    "a rollback that is not whole": (
        "DELETE FROM entries WHERE event = 'step.rolled_back' AND task = '2.1'",
        "is called rolled back",
    ),
    "a rollback of what was not done": (
        "DELETE FROM entries WHERE task = '2.2' AND run = 'cutover-1'",
        "without a receipt",
    ),
    "an attempt that overlaps": (
        "DELETE FROM entries WHERE event = 'lock.taken_over'",
        "overlaps attempt 1",
    ),
    "an entry after the goodbye": (
        "UPDATE entries SET event = 'attempt.ended', task = '' WHERE event = 'gate.opened'",
        "had ended",
    ),
    "an attempt left out": (
        "UPDATE entries SET attempt = 5 WHERE attempt = 2",
        "follows attempt 1",
    ),
    "a run without a beginning": ("DELETE FROM entries WHERE seq = 1", "never opened"),
    "an event nobody knows": (
        "UPDATE entries SET event = 'step.blessed' WHERE event = 'gate.passed'",
        "is not known",
    ),
    "a body that lacks what its event needs": (
        "UPDATE entries SET body = '{}' WHERE event = 'attempt.started'",
        "lacks what",
    ),
    "a time that is none": (
        "UPDATE entries SET at = 'yesterday' WHERE seq = 3",
        "not of the form",
    ),
}


@pytest.mark.parametrize("forgery", FORGED_STORIES)
def test_verify_finds_what_cannot_have_happened(path, forgery):
    """Even a chain written anew has to tell a possible story."""
    statement, objection = FORGED_STORIES[forgery]
    with forging(path) as db:
        db.execute(statement)
        seqs = [seq for (seq,) in db.execute("SELECT seq FROM entries ORDER BY seq").fetchall()]
        for place, seq in enumerate(seqs, start=1):
            db.execute("UPDATE entries SET seq = ? WHERE seq = ?", (place, seq))
        rehash(db)

    assert objection in " ".join(what for _, what in problems(path))


def test_verify_warns_where_time_runs_backwards(path):
    """A clock that was set right is no forgery; it is told and does not fail."""
    with forging(path) as db:
        db.execute("UPDATE entries SET at = '2031-01-01T00:00:00.000000Z' WHERE seq = 3")
        rehash(db)

    found = audit(path)

    assert found.good
    assert [each.seq for each in found.warnings] == [4]


def test_verify_finds_a_lease_that_was_set_back(path):
    """A lower fence token would let a stale process write again."""
    with forging(path) as db:
        db.execute("UPDATE lease SET token = 1")

    assert any("lease was set back" in what for _, what in problems(path))


def test_verify_finds_missing_triggers(path):
    """A file that no longer refuses edits is told of, edited or not."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER entries_never_go")

    assert any("triggers" in what for _, what in problems(path, only_here=True))


def test_verify_finds_a_second_environment(path):
    """A ledger belongs to one environment."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO about VALUES ('production', 'now')")

    assert any("2 environments" in what for _, what in problems(path, only_here=True))
    assert refused(path)


def test_verify_accepts_a_run_that_stopped(tmp_path):
    """A run that did not get through is no fault of its ledger."""
    standing(tmp_path / "lab.sqlite")

    assert audit(tmp_path / "lab.sqlite").good


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_any_field_is_found(written, tmp_path_factory, data):
    """Auditor and engine both see a single changed byte, wherever it stands in an entry."""
    path = shutil.copy(written, tmp_path_factory.mktemp("forged") / "lab.sqlite")
    with forging(path) as db:
        count = db.execute("SELECT count(*) FROM entries").fetchone()[0]
        seq = data.draw(st.integers(1, count), label="seq")
        column = data.draw(st.sampled_from(COLUMNS), label="column")
        query = f"SELECT CAST({column} AS BLOB) FROM entries WHERE seq = ?"
        content = bytearray(db.execute(query, (seq,)).fetchone()[0])
        place = data.draw(st.integers(0, max(len(content) - 1, 0)), label="place")
        if content:
            content[place] ^= data.draw(st.integers(1, 255), label="flip")
        else:
            content += b"x"
        change = f"UPDATE entries SET {column} = CAST(? AS TEXT) WHERE seq = ?"
        db.execute(change, (bytes(content), seq))

    assert problems(path, only_here=True)
    assert refused(path)


@pytest.mark.parametrize("column", ["attempt", "token", "format"])
def test_any_changed_number_is_found(path, column):
    """Numbers are under the digest like everything else."""
    with forging(path) as db:
        db.execute(f"UPDATE entries SET {column} = {column} + 1 WHERE seq = 6")

    found = (
        "its format is not known, or older than that of an entry before it"
        if column == "format"
        else CHANGED
    )
    assert (6, found) in problems(path)
    assert refused(path)


def test_verify_finds_an_exchanged_environment(path):
    """The environment's name is in every digest: a ledger renamed is the ledger of nobody."""
    with forging(path) as db:
        db.execute("UPDATE about SET environment = 'production'")

    assert problems(path, only_here=True)[0] == (1, CHANGED)
    with pytest.raises(LedgerDamaged, match="entry 1 was changed"):
        SqliteLedger(path, "production").entries()


def test_verify_finds_an_older_copy_by_the_published_head(path, tmp_path):
    """A copy from before is whole in itself; only a head kept elsewhere tells that it is old."""
    copy = shutil.copy(path, tmp_path / "older.sqlite")
    script = Script(path)
    script.start("cutover-2")
    script.end("stopped")

    assert problems(copy) == []
    assert "cut off" in problems(copy, audit(path).head)[0][1]
    assert audit(path, audit(copy).head).good


def test_verify_finds_a_lost_vault(tmp_path):
    """A backup without its vault could put no secret back."""
    script = Script(tmp_path / "lab.sqlite")
    script.start("cutover-1")
    script.ledger.bind_vault(script.vault.fingerprint())
    script.end("stopped")
    assert audit(script.path).good

    shutil.rmtree(script.vault.directory)

    assert "its folder is gone" in problems(script.path, only_here=True)[0][1]


def test_verify_finds_an_anchor_that_was_moved(path):
    """An anchor beyond what was checked would hide an edit from every start."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE anchor SET seq = seq - 1")

    assert any("is not the one that the last attempt left" in what for _, what in problems(path))
