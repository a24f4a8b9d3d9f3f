"""The ledger: what is appended is read again, and a file that is not sound is refused."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.ledger.audit import audit
from handrail.ledger.entry import Entry, Event, canonical
from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable, RunbookError
from handrail.ledger.lease import Owner
from handrail.ledger.location import path_of
from handrail.ledger.seam import Fact, NoLedger
from handrail.ledger.store import SqliteLedger, open_ledger
from tests.ledger.script import forging, proven

SAID = Fact(Event.RUN_OPENED, "r-1", 1, "ada", body={"runbook": "r"})
NOBODY = 65534
EXACT = 2**53 - 1  # beyond it RFC 8785 has no integers

texts = st.text(max_size=40)  # of any character, halves of surrogate pairs included
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
facts = st.builds(
    Fact,
    event=st.sampled_from(Event),
    run=texts,
    attempt=st.integers(0, 1000),
    actor=texts,
    task=texts,
    step=texts,
    target=texts,
    reason=texts,
    body=st.dictionaries(texts, plain, max_size=4),
)


def opened(path):
    """Make a ledger and become its writer."""
    ledger = SqliteLedger.create(path, "lab")
    return ledger, ledger.take_lease(Owner.this_process("ada")).token


@contextmanager
def without_privileges():
    """Be a user whom file permissions stop."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_directory():
    """A directory that every user may enter; pytest's own are private."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@settings(max_examples=60, deadline=None)
@given(said=st.lists(facts, min_size=1, max_size=3))
def test_what_is_appended_is_read_again(tmp_path_factory, said):
    """Any text and any JSON come back as `append` returned them, and the chain holds."""
    ledger, fence = opened(tmp_path_factory.mktemp("any") / "lab.sqlite")

    written = ledger.append(said, fence)

    assert ledger.entries() == written
    assert [entry.seq for entry in written] == list(range(1, len(said) + 1))


def test_append_takes_bytes_that_are_no_text(tmp_path):
    """An argument in another encoding is kept readable, not refused in the middle of a run."""
    ledger, fence = opened(tmp_path / "lab.sqlite")

    ledger.append([replace(SAID, reason=os.fsdecode(b"caf\xe9"))], fence)

    assert ledger.entries()[0].reason == "caf\ufffd"


def test_append_takes_numbers_as_keys(tmp_path):
    """JSON knows text keys only; sorting them as numbers would break the entry's own digest."""
    ledger, fence = opened(tmp_path / "lab.sqlite")

    ledger.append([replace(SAID, body={10: "ten", 9: "nine"})], fence)

    assert ledger.entries()[0].body == {"10": "ten", "9": "nine"}


@given(fact=facts, field=st.sampled_from(list(Entry.__dataclass_fields__)), data=st.data())
def test_changing_any_field_breaks_the_chain(fact, field, data):
    """No field is outside of the digest."""
    values = vars(fact) | {
        "body": dict(fact.body),
        "seq": 1,
        "at": "t",
        "token": 1,
        "prev": "0" * 64,
    }
    values = {name: surrogate_free(value) for name, value in values.items()}
    entry = Entry(**values)
    entry = entry.sealed(canonical(entry.body))
    was = getattr(entry, field)
    other = {int: st.integers(-EXACT, EXACT), dict: st.dictionaries(st.text("ab"), plain)}
    texts_alike = st.sampled_from(Event) if field == "event" else st.text("0123456789abcdef")
    drawn = data.draw(other.get(type(was), texts_alike).filter(lambda new: differs(new, was)))

    forged = replace(entry, **{field: surrogate_free(drawn)})

    assert entry.digest() == entry.sha256
    assert forged.format not in (1, 2) or forged.digest() != forged.sha256


def surrogate_free(value):
    """Return what `append` makes of a value."""
    if isinstance(value, str) and not isinstance(value, Event):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {surrogate_free(key): surrogate_free(each) for key, each in value.items()}
    return [surrogate_free(each) for each in value] if isinstance(value, list) else value


def differs(new, was):
    """Tell whether two values are two in JSON, too, where 1 and 1.0 are two."""
    return canonical(surrogate_free(new)) != canonical(surrogate_free(was))


def test_a_gap_breaks_the_chain(tmp_path):
    """An entry that is missing is told by its number."""
    ledger = proven(tmp_path / "lab.sqlite").ledger
    with forging(ledger.path) as db:
        db.execute("DELETE FROM entries WHERE seq = 4")

    with pytest.raises(LedgerDamaged, match="entry 4 is missing; the next one found is 5"):
        ledger.entries()


def test_ledger_file_is_private(tmp_path):
    """Nobody else reads it, whatever the umask; nor its write-ahead log."""
    before = os.umask(0)
    try:
        ledger, fence = opened(tmp_path / "deep" / "lab.sqlite")
        with closing(sqlite3.connect(ledger.path)) as reader:
            reader.execute("SELECT * FROM entries").fetchall()
            ledger.append([SAID], fence)
            modes = {
                each.name: stat.S_IMODE(each.stat().st_mode)
                for each in ledger.path.parent.iterdir()
            }
    finally:
        os.umask(before)

    names = ("lab.sqlite", "lab.sqlite-beat", "lab.sqlite-wal", "lab.sqlite-shm")
    assert modes == dict.fromkeys(names, 0o600)


def test_reading_leaves_nothing_behind(tmp_path):
    """Planning reads the ledger and leaves the directory as it was."""
    ledger = proven(tmp_path / "lab.sqlite").ledger
    before = ledger.path.read_bytes()

    SqliteLedger(ledger.path, "lab").entries()

    assert [each.name for each in tmp_path.iterdir()] == ["lab.sqlite"]
    assert ledger.path.read_bytes() == before


def test_ledger_takes_its_environment_from_the_file(tmp_path):
    """A reader need not know which environment a file is of."""
    SqliteLedger.create(tmp_path / "a.sqlite", "staging")

    assert SqliteLedger(tmp_path / "a.sqlite").environment == "staging"


def test_ledger_of_another_environment_is_refused(tmp_path):
    """Staging never writes into production's ledger."""
    SqliteLedger.create(tmp_path / "a.sqlite", "staging")

    with pytest.raises(LedgerDamaged, match="belongs to `staging`, not `production`"):
        SqliteLedger(tmp_path / "a.sqlite", "production")


def test_ledger_of_a_newer_format_is_refused(tmp_path):
    """An old program does not touch what it does not understand."""
    path = tmp_path / "a.sqlite"
    SqliteLedger.create(path, "lab")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(LedgerDamaged, match="format 99"):
        SqliteLedger(path, "lab")


def test_open_ledger_makes_no_file_for_a_plan(tmp_path):
    """Planning an environment where nothing ran leaves no trace."""
    ledger = open_ledger(tmp_path / "lab.sqlite", "lab", create=False)

    assert isinstance(ledger, NoLedger)
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_address_is_refused(tmp_path, monkeypatch):
    """An address it does not know makes no file of that name, and its password is not shown."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(RunbookError, match="postgresql://") as refusal:
        path_of("postgresql://ada:hush@db/ledger")

    assert "hush" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_ledger_path_may_hold_any_character(tmp_path):
    """A question mark in a path is no query."""
    ledger, fence = opened(tmp_path / "a?mode=memory#1%20.sqlite")

    ledger.append([SAID], fence)

    assert len(SqliteLedger(ledger.path, "lab").entries()) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"not a ledger at all" * 99, "file is not a database"),
    ],
)
def test_file_that_is_no_ledger_is_refused(tmp_path, content, why):
    """Neither an empty file nor another one is taken for a ledger, or written over."""
    path = tmp_path / "lab.sqlite"
    path.write_bytes(content)

    with pytest.raises(LedgerDamaged, match=why):
        SqliteLedger.create(path, "lab")

    assert path.read_bytes() == content


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None])
def test_ledger_that_is_no_file_is_refused(tmp_path, make):
    """A directory, or nothing at all, is told as such."""
    make(tmp_path / "lab.sqlite")

    with pytest.raises(LedgerDamaged, match=r"there is no such file|it is not a file"):
        SqliteLedger(tmp_path / "lab.sqlite", "lab")


@pytest.mark.parametrize("kept", [100, 4096, 5000, 12288, -4096])
def test_torn_file_is_refused(tmp_path, kept):
    """A file that lost its end is told damaged, to readers and to writers."""
    ledger = proven(tmp_path / "lab.sqlite").ledger
    ledger.path.write_bytes(ledger.path.read_bytes()[:kept])

    with pytest.raises(LedgerDamaged):
        SqliteLedger(ledger.path, "lab").entries()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_flipped_byte_is_refused_or_harmless(damaged, data):
    """Whatever byte of the file rots, nothing else is ever read than what was written."""
    path, whole, entries = damaged
    for log in path.parent.glob("*-*"):  # of the example before
        log.unlink()
    content = bytearray(whole)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)

    try:
        found = SqliteLedger(path, "lab").entries()
    except LedgerDamaged:
        found = entries  # refused: nothing false was read
    assert found == entries


def test_rotten_table_definition_is_refused(damaged):
    """SQLite quotes what it cannot parse, and the quote is no text either."""
    path, whole, _ = damaged
    path.write_bytes(whole.replace(b"CREATE TABLE about", b"CREATE \xffABLE about"))

    with pytest.raises(LedgerDamaged, match="tables are rotten"):
        SqliteLedger(path, "lab")
    with pytest.raises(LedgerDamaged, match="tables are rotten"):
        audit(path)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A ledger to damage: its path, its bytes, its entries."""
    path = tmp_path_factory.mktemp("damaged") / "lab.sqlite"
    entries = proven(path).ledger.entries()
    return path, path.read_bytes(), entries


def test_entry_is_not_appended_above_a_lower_fence(tmp_path):
    """A lease that was set back is told, not followed."""
    ledger, fence = opened(tmp_path / "lab.sqlite")
    ledger.append([SAID], fence)
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE lease SET token = 0")

    with pytest.raises(LedgerDamaged, match="token"):
        ledger.append([SAID], 0)


def test_lost_lease_does_not_bring_a_fence_back(tmp_path):
    """Without its row, the entries still say which tokens were given out."""
    ledger, _ = opened(tmp_path / "lab.sqlite")
    ledger.release_lease(1)
    fence = ledger.take_lease(Owner.this_process("ada")).token
    ledger.append([SAID], fence)
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("DELETE FROM lease")

    assert ledger.take_lease(Owner.this_process("ada")).token == fence + 1


def test_unreadable_lease_is_told(tmp_path):
    """A lease whose time is no time is a damaged ledger, not a traceback."""
    ledger, _ = opened(tmp_path / "lab.sqlite")
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE lease SET taken_at = 'soon'")

    with pytest.raises(LedgerDamaged, match="lease cannot be read"):
        ledger.refuse_held()


def test_edits_are_refused_by_the_file(tmp_path):
    """The table itself takes neither a change nor a removal."""
    ledger, fence = opened(tmp_path / "lab.sqlite")
    ledger.append([SAID], fence)

    with closing(sqlite3.connect(ledger.path)) as db:
        for statement in ("UPDATE entries SET actor = 'x'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


@pytest.mark.parametrize(
    "edit",
    [
        "body = '[]'",
        "body = '{\"a\":NaN}'",
        'body = \'{"a":"\\ud800"}\'',
        "body = '{\"a\":1e999}'",
        "event = 'step.blessed'",
    ],
)
def test_unreadable_entry_is_told(tmp_path, edit):
    """What no writer wrote is a damaged ledger, not a traceback."""
    ledger, fence = opened(tmp_path / "lab.sqlite")
    ledger.append([SAID], fence)
    with forging(ledger.path) as db:
        db.execute(f"UPDATE entries SET {edit}")

    with pytest.raises(LedgerDamaged, match="entry 1 cannot be read"):
        ledger.entries()


def test_read_only_file_refuses_entries_and_can_be_read(open_directory):
    """What cannot be recorded is refused; what is recorded stays readable."""
    ledger, fence = opened(open_directory / "lab.sqlite")
    ledger.append([SAID], fence)
    ledger.close()
    ledger.path.chmod(0o444)
    open_directory.chmod(0o555)

    with without_privileges():
        with pytest.raises(LedgerUnwritable, match="readonly"):
            ledger.append([SAID], fence)
        assert len(SqliteLedger(ledger.path, "lab").entries()) == 1


def test_read_only_directory_refuses_a_new_ledger(open_directory):
    """A ledger that cannot be made is told before anything is done."""
    open_directory.chmod(0o555)

    with without_privileges(), pytest.raises(LedgerUnwritable, match="Permission denied"):
        SqliteLedger.create(open_directory / "lab.sqlite", "lab")

    assert list(open_directory.iterdir()) == []


def test_file_of_another_user_is_told_unreadable(open_directory):
    """The advice is to look at its permissions, not to restore it."""
    ledger, _ = opened(open_directory / "lab.sqlite")
    ledger.path.chmod(0)

    with without_privileges(), pytest.raises(LedgerDamaged) as refusal:
        SqliteLedger(ledger.path, "lab")

    assert "may be sound" in refusal.value.why
    assert "ls -l" in refusal.value.fix


def test_locked_ledger_is_told_after_a_short_wait(tmp_path, monkeypatch):
    """Another program's lock is not waited for endlessly, and is not taken for damage."""
    monkeypatch.setattr("handrail.ledger.sqlite.LOCK_WAIT_SECONDS", 0.05)
    ledger, fence = opened(tmp_path / "lab.sqlite")

    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnwritable, match="locked"):
            ledger.append([SAID], fence)
        other.execute("ROLLBACK")

    assert ledger.append([SAID], fence)[0].seq == 1


FULL_DISK = """
import resource, sys
from pathlib import Path
from handrail.ledger.entry import Event
from handrail.ledger.errors import LedgerUnwritable
from handrail.ledger.seam import Fact
from handrail.ledger.store import SqliteLedger
from handrail.ledger.lease import Owner
ledger = SqliteLedger(Path(sys.argv[1]), "lab")
fence = ledger.take_lease(Owner.this_process("ada")).token
size = 131072
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
count = 0
try:
    while count < 500:
        ledger.append([Fact(Event.RUN_OPENED, "r", 1, "ada", body={"runbook": "x" * 500})], fence)
        count += 1
except LedgerUnwritable as refusal:
    print(count, refusal)
"""


def test_full_disk_refuses_and_loses_nothing(tmp_path):
    """What was acknowledged is there, the refused entry is not, and room makes it work again."""
    path = tmp_path / "lab.sqlite"
    SqliteLedger.create(path, "lab")

    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=True
    )

    acknowledged = int(child.stdout.split()[0])
    assert "did not take the entry" in child.stdout
    assert "df -h" in child.stdout
    ledger = SqliteLedger(path, "lab")
    assert 0 < acknowledged < 500
    assert len(ledger.entries()) == acknowledged
    fence = ledger.take_lease(Owner.this_process("ada")).token
    assert ledger.append([SAID], fence)[0].seq == acknowledged + 1


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from handrail.ledger.entry import Event
from handrail.ledger.seam import Fact
from handrail.ledger.store import SqliteLedger
from handrail.ledger.lease import Owner
ledger = SqliteLedger.create(Path(sys.argv[1]), "lab")
fence = ledger.take_lease(Owner.this_process("ada")).token
reader = sqlite3.connect(ledger.path)  # keeps the write-ahead log from being tidied away
reader.execute("SELECT * FROM lease").fetchall()
for _ in range(5):
    ledger.append([Fact(Event.RUN_OPENED, "r", 1, "ada", body={"runbook": "r"})], fence)
half = sqlite3.connect(ledger.path, isolation_level=None)
half.execute("PRAGMA cache_size = 1")
half.execute("BEGIN IMMEDIATE")
for seq in range(6, 400):
    row = (seq, 2, "r", 1, "t", "e", "", "", "", "ada", "x" * 500, 1, "{}", "p", str(seq))
    half.execute("INSERT INTO entries VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_log_left_by_a_killed_writer_is_recovered(tmp_path):
    """Every acknowledged entry survives, and half of a transaction does not."""
    path = tmp_path / "lab.sqlite"

    child = subprocess.run([sys.executable, "-c", KILLED, path], check=False)

    assert child.returncode == -signal.SIGKILL
    assert Path(f"{path}-wal").stat().st_size > 100_000
    ledger = SqliteLedger(path, "lab")
    assert [entry.seq for entry in ledger.entries()] == [1, 2, 3, 4, 5]
    lease = ledger.take_lease(Owner.this_process("bob"))
    assert ledger.append([SAID], lease.token)[0].seq == 6


def test_two_processes_may_make_the_same_ledger(tmp_path):
    """Whoever comes second opens what the first one made."""
    first, fence = opened(tmp_path / "lab.sqlite")
    first.append([SAID], fence)
    first.release_lease(fence)

    assert len(SqliteLedger.create(first.path, "lab").entries()) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["lab.sqlite"]
