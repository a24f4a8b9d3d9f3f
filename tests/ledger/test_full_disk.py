"""A disk that is full is told as a full disk, to writers and to readers."""

import subprocess
import sys

import pytest

APART = ["unshare", "--mount", "sh", "-c"]  # mounts of its own, gone with the process
SMALL = 'mount -t tmpfs -o size=300k none "$1" && exec "$2" -c "$3" "$1"'
FULL = """
import sys
from pathlib import Path
from handrail.ledger.entry import Event
from handrail.ledger.errors import RunbookError
from handrail.ledger.lease import Owner
from handrail.ledger.seam import Fact
from handrail.ledger.store import SqliteLedger

path = Path(sys.argv[1]) / "lab.sqlite"
ledger = SqliteLedger.create(path, "lab")
token = ledger.take_lease(Owner.this_process("ada")).token
said = Fact(Event.RUN_OPENED, "r", 1, "ada", body={"runbook": "x" * 500})
written = 0
try:
    while True:
        written += len(ledger.append([said], token))
except RunbookError as refusal:
    print("WRITER", refusal)
filler = path.with_name("filler").open("wb", buffering=0)
try:
    while filler.write(bytes(4096)):
        pass
except OSError:
    pass
try:
    print("READER", len(SqliteLedger(path).entries()) == written)
except RunbookError as refusal:
    print("READER", refusal)
try:
    SqliteLedger.create(path.with_name("other.sqlite"), "lab")
except RunbookError as refusal:
    print("MAKER", refusal)
filler.close()
path.with_name("filler").unlink()
print("AFTER", len(SqliteLedger(path).entries()) == written)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What writer, reader and maker of ledgers say on a disk of 300 KB, and a reader afterwards."""
    folder = tmp_path_factory.mktemp("small")
    ran = subprocess.run(
        [*APART, SMALL, "sh", folder, sys.executable, FULL],
        capture_output=True,
        text=True,
        check=False,
    )
    if "WRITER" not in ran.stdout:
        pytest.skip(f"this user may not mount: {ran.stderr}")
    return ran.stdout


def section(told, name):
    """Return what one of them said."""
    return told.split(f"{name} ", 1)[1].split("\n\n")[0]


def test_writer_is_told_that_the_disk_is_full(told):
    """With the command that shows it; nothing is done that could not be recorded."""
    assert "No space left on device" in section(told, "WRITER")
    assert "nothing is done that could not be recorded" in section(told, "WRITER")
    assert "df -h" in section(told, "WRITER")


def test_reader_reads_or_is_told_that_the_disk_is_full(told):
    """It is not told of an input/output error, as if the file were rotten."""
    said = section(told, "READER")
    assert said.startswith("True") or "No space left on device" in said


def test_maker_is_told_that_the_disk_is_full(told):
    """A new ledger cannot be made there, and why."""
    assert "No space left on device" in section(told, "MAKER")


def test_nothing_recorded_is_lost_once_there_is_room(told):
    """Every acknowledged entry is read again, and the refused one is not there."""
    assert section(told, "AFTER").startswith("True")
