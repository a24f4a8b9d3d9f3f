"""A run remembers: from any directory, under its own name, and never less than it did."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handrail.ledger.archive import move
from handrail.ledger.store import SqliteLedger

WRITE = 'steps.write(path=f"{room}/a", text="1", task="1")'
APPEND = 'steps.append(path=f"{room}/b", line="1", task="2")'


@pytest.fixture
def done(lab):
    """An environment whose run is proven."""
    lab.runbook(WRITE, APPEND)
    assert lab.run().code == 0
    return lab


def test_the_ledger_is_the_same_from_every_directory(done):
    """The project's folder says where it lies; a step that is done is not done again."""
    elsewhere = done.folder.parent / "elsewhere"
    elsewhere.mkdir()
    pyinfra, *rest = done.command()
    paths = [str(done.folder / each) if each.endswith(".py") else each for each in rest]
    where = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(elsewhere), pyinfra, *paths]

    again = done.paste(where, PYTHONPATH=f"{done.env['PYTHONPATH']}:{done.folder}")

    assert again.code == 0, again.said
    assert done.journal() == ["write a", "append b"]
    assert len(done.runs()) == 1
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("dry", [["--dry"], []])
def test_a_ledger_missing_beside_its_log_and_vault_is_refused(done, dry):
    """Nothing is done again because the memory of it was lost."""
    done.ledger.unlink()

    ran = done.run(*dry)

    assert ran.code == 1
    assert "it is missing, and" in ran.said
    assert "Traceback" not in ran.said
    assert done.journal() == ["write a", "append b"]
    assert not done.ledger.exists()


def test_a_record_can_be_forgotten_on_purpose(done):
    """What the refusal says to move away is all that keeps a new one from beginning."""
    done.ledger.unlink()
    done.ledger.with_suffix(".log").unlink()
    shutil.rmtree(done.ledger.with_suffix(".sealed"))

    assert done.run().code == 0
    assert done.journal() == ["write a", "append b"]  # `ensures` held


@pytest.mark.parametrize("dry", [["--dry"], []])
def test_a_lost_vault_is_missed_by_every_command(done, dry):
    """Not only by the rollback that would need what lay in it."""
    shutil.rmtree(done.ledger.with_suffix(".sealed"))

    ran = done.run(*dry)

    assert ran.code == 1
    assert "its folder is gone" in ran.said
    assert f"restore `{done.ledger.with_suffix('.sealed')}` from its backup" in ran.said


def test_a_ledger_under_another_environment_s_name_does_not_run(done):
    """The name stands in every digest."""
    with closing(sqlite3.connect(done.ledger)) as db, db:
        db.execute("UPDATE about SET environment = 'other'")
    group = done.folder / "group_data" / "all.py"
    group.write_text(group.read_text().replace(done.environment, "other"))

    ran = done.run()

    assert ran.code == 1
    assert "is not trusted" in ran.said
    assert "was changed after it was written" in ran.said


def test_a_run_that_is_archived_is_rolled_back_once_it_is_brought_back(done):
    """The refusal says in which file it lies, and the command that brings it back."""
    assert done.roll_back().code == 0
    first = done.runs()[0].id
    assert done.run().code == 0
    ledger = SqliteLedger(Path(done.ledger))
    move.archive(
        ledger, ledger.path.parent, ledger.path.parent, datetime.max.replace(tzinfo=UTC), "ada"
    )

    refused = done.roll_back(run=first)
    planned = done.run("--dry")

    assert (refused.code, planned.code) == (1, 0), refused.said + planned.said
    assert f"run `{first}` is archived in `{done.environment}-1-" in refused.said
    assert f"handrail unarchive {first}" in refused.said
    assert "Traceback" not in refused.said
    move.bring_back(ledger, ledger.path.parent, first, "ada")
    assert "it is already rolled back" in done.roll_back(run=first).said
