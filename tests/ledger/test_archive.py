"""Old runs in a file of their own: the chain goes on from it, and nothing of it can be forged."""

import gzip
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handrail.ledger.archive import file, move
from handrail.ledger.archive.part import end_of, parts
from handrail.ledger.audit import audit
from handrail.ledger.entry import Event
from handrail.ledger.errors import LedgerDamaged, RunbookError, RunLocked
from handrail.ledger.recompute import NAMES, digest
from handrail.ledger.run import fold
from handrail.ledger.store import SqliteLedger
from handrail.ledger.views.evidence import choose
from tests.ledger.script import Script, cutover, forging
from tests.ledger.test_command import runbook

VERIFIER = Path(__file__).parents[2] / "docs" / "verify.mjs"
LATER = datetime.now(UTC) + timedelta(days=1)


def again(path, run):
    """Write one more cutover that is proven."""
    script = Script(path)
    script.start(run)
    for task in ("1.1", "2.1", "2.2"):
        script.act(task)
    script.gate("3.1", errors=0)
    script.end("proven")
    return script


@pytest.fixture
def path(tmp_path):
    """A cutover, its rollback, and three cutovers that are proven."""
    path = tmp_path / "lab.sqlite"
    cutover(path)
    for number in (2, 3, 4):
        again(path, f"cutover-{number}")
    return path


def archived(path, before=LATER):
    """Archive what may go; return the part."""
    return move.archive(SqliteLedger(path), path.parent, path.parent, before, "ada")


def what(found):
    """Return what an audit found, as one text."""
    return "\n".join(each.what for each in found.problems)


def test_what_is_over_goes_and_the_newest_of_its_runbook_stays(path):
    """The file shrinks, the chain is whole, and each run reads as it did."""
    whole, size = fold(SqliteLedger(path).entries()), path.stat().st_size
    head = audit(path).head

    part = archived(path)

    ledger = SqliteLedger(path)
    assert part.runs == ("cutover-1", "rollback-1", "cutover-2", "cutover-3")
    assert list(ledger.newest()) == ["cutover-4"]
    assert ledger.runs()["cutover-4"] == whole["cutover-4"]
    assert path.stat().st_size < size
    assert ledger.trusted_head().seq == ledger.entries()[-1].seq
    found = audit(path, head)
    assert found.problems == []
    assert found.runs == 5
    assert "1 entries were added since" in found.published
    assert part.path(path.parent).stat().st_mode & 0o777 == 0o400


def test_a_part_may_lie_elsewhere_and_is_found_beside_the_ledger_later(path, monkeypatch):
    """Named from the current directory, it is found from every other; a moved one by its name."""
    monkeypatch.chdir(path.parent)
    folder = Path("kept/elsewhere")
    part = move.archive(SqliteLedger(path), path.parent, folder, LATER, "ada")
    monkeypatch.chdir("/")

    assert Path(path.parent, part.file) == path.parent / folder / Path(part.file).name
    assert audit(path).problems == []
    part.path(path.parent).rename(path.parent / Path(part.file).name)
    assert audit(path).problems == []


def test_a_part_outside_of_the_ledger_s_folder_is_named_whole(path, monkeypatch, tmp_path_factory):
    """So that no current directory matters."""
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.chdir(outside)
    part = move.archive(SqliteLedger(path), path.parent, Path("archives"), LATER, "ada")
    monkeypatch.chdir("/")

    assert Path(part.file).parent == outside / "archives"
    assert audit(path).problems == []


def test_a_run_of_the_day_stays(path):
    """Nothing is old enough, so nothing is written."""
    assert archived(path, datetime.now(UTC) - timedelta(days=90)) is None
    assert list(path.parent.glob("*.gz")) == []
    assert parts(SqliteLedger(path)) == []


def test_what_is_open_and_all_after_it_stays(tmp_path):
    """A run whose end is not on record may be carried on; what it left is needed."""
    path = tmp_path / "lab.sqlite"
    again(path, "check-1")
    script = Script(path)
    script.start("cutover-1")
    script.act("1.1", end=None)
    again(path, "check-2")
    again(path, "check-3")

    part = archived(path)

    assert part.runs == ("check-1",)
    assert list(SqliteLedger(path).newest()) == ["check-3", "check-2", "cutover-1"]


def test_a_run_that_the_same_command_would_find_stays(path):
    """The newest was rolled back, so the one before it is the one that stands."""
    script = Script(path)
    script.start("rollback-2", undoes="cutover-4", plan=[])
    for task in ("2.2", "2.1", "1.1"):
        script.put_back(task)
    script.say(Event.RUN_ROLLED_BACK, run="cutover-4")
    script.end("proven")

    assert archived(path).runs == ("cutover-1", "rollback-1", "cutover-2")


def test_the_ledger_goes_on_and_is_archived_once_more(path):
    """Each part follows the one before it, and the newest entry knows them all."""
    first = archived(path)
    again(path, "cutover-5")
    second = archived(path)

    assert second.first == first.last + 1
    assert (second.prev, second.runs) == (first.head, ("cutover-4",))
    assert end_of(SqliteLedger(path)).seq == second.last
    found = audit(path)
    assert (found.problems, found.runs) == ([], 6)


def test_a_part_that_is_away_is_missed_and_the_rest_is_checked(path):
    """No entry that nobody looked at passes; where it is meant to be away, that is told."""
    part = archived(path)
    part.path(path.parent).rename(path.parent / "elsewhere")

    missed = audit(path)
    let_be = audit(path, whole=False)

    assert "which is not here, so nothing of them was checked" in what(missed)
    assert let_be.problems == []
    assert "nothing of them was checked" in let_be.warnings[0].what
    with forging(path, anchor=False) as db:
        db.execute("UPDATE entries SET prev = sha256 WHERE seq = ?", (part.last + 1,))
    assert "does not follow the entry before it" in what(audit(path, whole=False))


def edited(lines):
    """Change a word, and nothing else."""
    lines[3]["actor"] = "mallory"


def edited_well(lines):
    """Change a word, and every digest after it."""
    edited(lines)
    prev = lines[2]["sha256"]
    for line in lines[3:]:
        line["prev"] = prev
        fields = {name: line[name] for name in NAMES}
        body = json.dumps(line["body"], sort_keys=True, separators=(",", ":"))
        prev = line["sha256"] = digest(fields, body, line["body"])


FORGERIES = {
    "an edit": edited,
    "an edit with new digests": edited_well,
    "a cut tail": lambda lines: lines.pop(),
    "a cut head": lambda lines: lines.pop(0),
    "an entry twice": lambda lines: lines.insert(4, lines[3]),
    "no entry": lambda lines: lines.__setitem__(5, {"seq": 6}),
    "nothing": list.clear,
    "the same, packed anew": lambda lines: None,
}


def forge(place, forgery):
    """Put another file in the place of a part."""
    lines = list(file.lines(place))
    FORGERIES[forgery](lines)
    place.chmod(0o600)
    with gzip.open(place, "wt") as forged:
        forged.writelines(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_part_is_found_and_never_brought_back(path, forgery):
    """Its entries are in the chain, its bytes in the entry that says where they lie."""
    part = archived(path)
    forge(part.path(path.parent), forgery)

    assert not audit(path).good
    if forgery != "the same, packed anew":  # these entries are what was archived
        with pytest.raises(LedgerDamaged):
            move.bring_back(SqliteLedger(path), path.parent, "", "ada")
        assert end_of(SqliteLedger(path)).seq == part.last


def by_node(path, *given):
    """Return the last line of what the verifier in another language says of the export."""
    lines = [json.dumps(entry.as_json()) for entry in SqliteLedger(path).entries()]
    command = ["node", VERIFIER, *map(str, given)]
    said = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=False
    )
    return said.stdout.splitlines()[-1]


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
def test_the_verifier_in_another_language_goes_through_the_parts(path):
    """One after the other, as if nothing had been moved; and back when they are back."""
    first = audit(path).head
    archived(path)
    again(path, "cutover-5")
    moved = archived(path).path(path.parent)
    found = audit(path)
    good = f"good: {found.newest} entries, head {found.head}"

    assert by_node(path, "--archives", path.parent, "--head", first) == good
    assert by_node(path).startswith("not good: ")
    (path.parent / "kept").mkdir()
    moved.rename(path.parent / "kept" / moved.name)
    away = ["--archives", path.parent, "--archives", path.parent / "kept"]
    assert by_node(path, *away) == good
    (path.parent / "kept" / moved.name).rename(moved)
    move.bring_back(SqliteLedger(path), path.parent, "", "ada")
    assert by_node(path) == f"good: {audit(path).newest} entries, head {audit(path).head}"


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
def test_the_verifier_in_another_language_finds_a_forged_part(path):
    """As ours does, each of them."""
    place = archived(path).path(path.parent)
    whole = place.read_bytes()
    for forgery in FORGERIES:
        place.chmod(0o600)
        place.write_bytes(whole)
        assert by_node(path, "--archives", path.parent).startswith("good: ")
        forge(place, forgery)
        assert by_node(path, "--archives", path.parent).startswith("not good: "), forgery


def test_a_part_that_is_torn_is_told_in_words(path):
    """A disk that lost the end of it."""
    place = archived(path).path(path.parent)
    place.chmod(0o600)
    place.write_bytes(place.read_bytes()[:-20])

    assert "cannot be read" in what(audit(path))


def test_what_is_archived_comes_back_as_it_was(path):
    """All of it, with every entry under its number, and it may go again."""
    before = [entry.sha256 for entry in SqliteLedger(path).entries()]
    part = archived(path)

    with pytest.raises(RunbookError, match="is archived in") as refused:
        choose(SqliteLedger(path).runs(), "cutover-2")
    assert "handrail unarchive cutover-2" in refused.value.fix
    back = move.bring_back(SqliteLedger(path), path.parent, "cutover-2", "ada")

    ledger = SqliteLedger(path)
    assert back == [part]
    assert [entry.sha256 for entry in ledger.entries()][: len(before)] == before
    assert choose(ledger.runs(), "cutover-2").outcome == "proven"
    assert audit(path).problems == []
    assert archived(path).runs == part.runs
    assert audit(path).problems == []


def test_nothing_is_moved_while_somebody_writes(path):
    """Neither out nor in."""
    script = Script(path)
    script.start("cutover-5")
    with pytest.raises(RunLocked, match="nothing was moved"):
        archived(path)
    script.end("stopped")


@pytest.mark.parametrize("at", ["write", "move_out"])
def test_a_killed_move_leaves_the_ledger_as_it_was(path, monkeypatch, at):
    """Before the one transaction nothing is gone; the same command moves it then."""

    def die(*_):
        raise KeyboardInterrupt

    place = (file, "write") if at == "write" else (SqliteLedger, "move_out")
    whole = SqliteLedger(path).entries()
    with monkeypatch.context() as patch:
        patch.setattr(*place, die)
        with pytest.raises(KeyboardInterrupt):
            archived(path)

    assert SqliteLedger(path).entries() == whole
    assert archived(path) is not None
    assert audit(path).problems == []


def test_the_command_says_what_went_where_and_how_it_comes_back(path):
    """What it prints can be pasted."""
    home = path.parent
    took = runbook("archive", "--older-than", 0, "--ledger", path, where=home)
    shown = runbook("show", "cutover-3", "--ledger", path, where=home)
    listed = runbook("runs", "--ledger", path, where=home)
    back = runbook("unarchive", "cutover-3", "--ledger", path, where=home)
    wrong = runbook("unarchive", "cutover-9", "--ledger", path, where=home)

    assert (took[0], shown[0], back[0], wrong[0]) == (0, 1, 0, 2)
    assert "handrail unarchive cutover-3" in took[1]
    assert "handrail unarchive cutover-3" in shown[2]
    assert re.search(r"Archived in `.*gz`: .*cutover-3", listed[1])
    assert "begins with entry 1 now" in back[1]
    assert runbook("show", "cutover-3", "--ledger", path, where=home)[0] == 0


def test_a_ledger_moves_and_takes_back_wherever_it_is_kept(kept):
    """A file and a server: the same part, the same chain, no entry lost."""
    cutover(kept)
    again(kept, "cutover-2")
    ledger, folder = kept.read(), kept.file.parent
    whole = ledger.entries()

    part = move.archive(ledger, folder, folder, LATER, "ada")

    assert part.runs == ("cutover-1", "rollback-1")
    found = kept.audit(whole[-1].sha256)
    assert (found.problems, found.runs) == ([], 3)
    assert ledger.trusted_head().seq == ledger.entries()[-1].seq == whole[-1].seq + 1
    away = part.path(folder).rename(folder / "elsewhere")
    assert "which is not here" in what(kept.audit())
    assert kept.audit(whole=False).problems == []
    away.rename(part.path(folder))
    again(kept, "cutover-3")
    move.bring_back(kept.read(), folder, "", "ada")
    assert kept.read().entries()[: len(whole)] == whole
    assert kept.audit().problems == []
