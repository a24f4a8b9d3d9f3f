"""Looking runs up: what is read is checked, and what nobody asks for is not read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.ledger import history
from handrail.ledger.entry import Event
from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.postgres import history as server_history
from handrail.ledger.run import fold
from handrail.ledger.store import SqliteLedger
from tests.ledger.script import PLAN, Script, cutover, forging, proven


@pytest.fixture
def written(kept):
    """A cutover, its rollback, and a cutover that is proven, in either place."""
    return told(kept)


@pytest.fixture
def ledger(tmp_path):
    """The same in a file, to be forged."""
    return told(tmp_path / "lab.sqlite")


def told(kept):
    """Write it."""
    script = cutover(kept)
    script.start("cutover-2")
    for task, _, _, _ in PLAN[:3]:
        script.act(task)
    script.gate("3.1", errors=0)
    script.end("proven")
    return script.ledger


def test_a_run_looked_up_is_the_run_of_the_whole_fold(written):
    """With what its rollbacks did to it, and the same for a rollback asked for first."""
    whole = fold(written.entries())

    for order in (list(whole), list(reversed(whole))):
        runs = written.runs()
        assert {run: runs[run] for run in order} == whole
        assert runs["rollback-1"] is runs.undoing("cutover-1")[0]
        assert runs["cutover-1"].rolled_back


def test_runs_are_found_newest_first(written):
    """All of them, or those of one runbook; a page at a time."""
    runs = written.runs()

    assert [run.id for run in runs.newest()] == ["cutover-2", "rollback-1", "cutover-1"]
    assert [run.id for run in runs.newest("cutover")] == ["cutover-2", "cutover-1"]
    assert "cutover-3" not in runs
    assert runs.get("cutover-3") is None


def test_more_runs_than_a_page_are_found(kept, monkeypatch):
    """No run is left out or told twice at the edge of a page."""
    for each in (history, server_history):
        monkeypatch.setattr(each, "PAGE", 3)
    script = Script(kept)
    names = [f"check-{number}" for number in range(7)]
    for name in names:
        script.start(name)
        script.end("stopped")

    assert list(script.ledger.newest()) == names[::-1]
    assert list(script.ledger.newest("check")) == names[::-1]


def test_the_chain_is_checked_from_the_anchor_on(ledger):
    """What came before it was checked by the attempt that left it, and by `handrail verify`."""
    head = ledger.trusted_head()
    assert (head.seq, head.sha256) == (len(ledger.entries()), ledger.entries()[-1].sha256)
    script = Script(ledger.path)
    script.start("cutover-3")
    assert script.ledger.trusted_head().seq == head.seq + 2

    with forging(ledger.path, anchor=False) as db:
        db.execute("UPDATE entries SET actor = 'mallory' WHERE seq = ?", (head.seq + 1,))
    with pytest.raises(LedgerDamaged, match=f"entry {head.seq + 1} was changed"):
        ledger.trusted_head()


FORGERIES = {
    "an edit": "UPDATE entries SET actor = 'mallory' WHERE seq = {}",
    "another number": "UPDATE entries SET seq = seq + 1 WHERE seq = {}",
    "another digest": "UPDATE entries SET sha256 = '{:064}' WHERE seq = {}",
    "a cut tail": "DELETE FROM entries WHERE seq >= {}",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_head_is_found_by_the_anchor(ledger, forgery):
    """The entry that the last attempt left is there, and is what it was."""
    seq = ledger.trusted_head().seq
    with forging(ledger.path, anchor=False) as db:
        db.execute(FORGERIES[forgery].format(seq, seq))

    with pytest.raises(LedgerDamaged, match=f"entry {seq}"):
        ledger.trusted_head()


def test_an_old_entry_is_checked_when_it_is_read(ledger):
    """The anchor lies beyond it; whoever asks for its run is told all the same."""
    with forging(ledger.path, anchor=False) as db:
        db.execute("UPDATE entries SET actor = 'mallory' WHERE seq = 3")

    ledger.trusted_head()
    assert ledger.runs()["cutover-2"].outcome == "proven"
    with pytest.raises(LedgerDamaged, match="entry 3 was changed"):
        ledger.runs().get("cutover-1")


def test_a_writer_that_was_taken_over_leaves_no_anchor(kept):
    """What it believes to be the end is not."""
    ledger = proven(kept).ledger
    head = ledger.trusted_head()
    script = Script(kept)
    script.start("cutover-2")

    ledger.release_lease(script.token - 1, head)

    assert ledger.lease().held


@settings(max_examples=30, deadline=None)
@given(
    kinds=st.lists(
        st.sampled_from(
            [Event.STEP_CHANGED, Event.STEP_FAILED, Event.STEP_ROLLED_BACK, Event.STEP_UNCHANGED]
        ),
        max_size=8,
    ),
    undoing=st.booleans(),
)
def test_looking_up_and_folding_all_agree(tmp_path_factory, kinds, undoing):
    """Whatever the order of events, the two ways to a run give the same run."""
    script = Script(tmp_path_factory.mktemp("law") / "lab.sqlite")
    script.start("cutover-1")
    for kind in kinds:
        script.act("1.1", end=kind)
    if undoing:
        script.start("rollback-1", undoes="cutover-1")
        script.put_back("1.1")
    ledger = SqliteLedger(script.path)

    runs = ledger.runs()

    assert {run.id: run for run in runs.newest()} == fold(ledger.entries())
