"""A power cut at any moment: the ledger opens, verifies, and knows of every effect there was."""

import json
import random
import shutil
from pathlib import Path

import pytest

from handrail.ledger.audit import audit
from handrail.ledger.entry import Event
from handrail.ledger.store import SqliteLedger
from tests.engine.lab.bench import Bench

CALLS = (
    'steps.write(path=f"{room}/a", text="1", task="a")',
    'steps.print_to(path=f"{room}/b", text="2", task="b")',
    'steps.append(path=f"{room}/c", line="3", task="c")',
    'steps.place(path=f"{room}/d", text="4", task="d")',
)
SECTOR = 512  # bytes that a disk writes at once
CUTS = 4  # of each photo, beside what is synced and what is written


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Photos of a run on two targets, and of its rollback, after each commit."""
    folder = tmp_path_factory.mktemp("power")
    with Bench(folder / "lab", ["one", "two"]) as pair:
        pair.runbook(*CALLS)
        ran = pair.run(ALBUM=str(folder / "album" / "1"))
        assert ran.code == 0, ran.said
        back = pair.roll_back(ALBUM=str(folder / "album" / "2"))
        assert back.code == 0, back.said
        yield {half: photos(folder / "album" / half) for half in ("1", "2")}


def photos(folder: Path):
    """Return each photo: its folder, how much of the log was synced by then, and the journals."""
    found, synced = [], 0
    for photo in sorted(folder.iterdir()):
        about = json.loads((photo / "about.json").read_text())
        size = (photo / "lab.sqlite-wal").stat().st_size
        synced = size if about["durable"] else min(synced, size)
        found.append((photo, synced, about["journals"]))
    return found


def cut(photo: Path, place: Path, size: int) -> Path:
    """Return the ledger as a power cut leaves it: so much of its log is there."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(photo, place)
    with (place / "lab.sqlite-wal").open("r+b") as log:
        log.truncate(size)
    return place / "lab.sqlite"


def torn(photo: Path, place: Path, size: int, tail: str, chance: random.Random) -> Path:
    """Return it with a log of full length, whose end the disk has written in part."""
    path = cut(photo, place, (photo / "lab.sqlite-wal").stat().st_size)
    log = place / "lab.sqlite-wal"
    whole = bytearray(log.read_bytes())
    if tail == "a sector":
        first = chance.randrange(size, len(whole), SECTOR)
        whole[first : first + SECTOR] = bytes(len(whole[first : first + SECTOR]))
    elif tail == "zeros":
        whole[size:] = bytes(len(whole) - size)
    else:
        whole[size:] = chance.randbytes(len(whole) - size)
    log.write_bytes(whole)
    return path


@pytest.mark.parametrize("half", ["1", "2"])
def test_no_effect_lacks_its_intent_after_a_power_cut(album, half, tmp_path):
    """However little of what was not synced reached the disk, in the middle of a write or not."""
    chance = random.Random(half)
    for photo, synced, journals in album[half]:
        written = (photo / "lab.sqlite-wal").stat().st_size
        sizes = {synced, written, *(chance.randint(synced, written) for _ in range(CUTS))}
        for size in sorted(sizes):
            check_known(cut(photo, tmp_path / "cut", size), journals)


@pytest.mark.parametrize("tail", ["a sector", "zeros", "garbage"])
@pytest.mark.parametrize("half", ["1", "2"])
def test_no_effect_lacks_its_intent_after_a_torn_write(album, half, tail, tmp_path):
    """The file has its length, and what was not synced is there in part, or is something else."""
    chance = random.Random(half + tail)
    loose = [each for each in album[half]
             if each[1] < (each[0] / "lab.sqlite-wal").stat().st_size]  # fmt: skip
    assert loose, "an outcome is not synced by itself"
    for photo, synced, journals in loose:
        check_known(torn(photo, tmp_path / "cut", synced, tail, chance), journals)


def check_known(path: Path, journals) -> None:
    """Hold a ledger to the promise: whole as far as it goes, and it knows of every effect."""
    begun = {(each.target, each.task) for each in SqliteLedger(path).entries()
             if each.event is Event.STEP_STARTED}  # fmt: skip
    done = {(room, line.split()[1]) for room, text in journals.items()
            for line in text.splitlines()}  # fmt: skip
    assert audit(path).problems == []
    assert done <= begun


def test_one_sync_does_for_a_step_and_for_targets_side_by_side(album):
    """An intent takes the outcome before it along, and those of two targets share a commit."""
    durable = [photo for photo, _, _ in album["1"]
               if json.loads((photo / "about.json").read_text())["durable"]]  # fmt: skip

    assert len(durable) <= len(CALLS) * 2 + 1
    assert any(len(intents_added(photo)) == 2 for photo in durable)


def intents_added(photo: Path) -> list[str]:
    """Return the targets of the intents that this commit added, as one or with others."""
    before = photo.with_name(f"{int(photo.name) - 1:03}")
    known = len(SqliteLedger(before / "lab.sqlite").entries())
    new = SqliteLedger(photo / "lab.sqlite").entries()[known:]
    return [each.target for each in new if each.event is Event.STEP_STARTED]
