"""A ledger is found from its project's folder, and one that was lost is not begun anew."""

import pytest

from handrail.ledger.errors import LedgerDamaged
from handrail.ledger.location import project_of, refuse_loss
from handrail.ledger.store import open_ledger
from tests.ledger.script import cutover, standing


@pytest.mark.parametrize("mark", ["state/ledgers", "pyproject.toml", ".git"])
def test_project_is_the_nearest_folder_with_a_mark_of_one(tmp_path, mark):
    """Whichever folder below it a command names a file in."""
    (tmp_path / "outer" / "inner" / "inventory").mkdir(parents=True)
    (tmp_path / "outer" / mark).mkdir(parents=True)

    assert project_of(tmp_path / "outer" / "inner" / "inventory") == tmp_path / "outer"


def test_folder_without_any_mark_is_its_own_project(tmp_path):
    """A lonely inventory keeps its ledger beside itself."""
    (tmp_path / "lonely").mkdir()

    assert project_of(tmp_path / "lonely") == tmp_path / "lonely"


@pytest.mark.parametrize("left", ["lab.log", "lab.sqlite-wal", "lab.sqlite-beat", "lab.sealed/key"])
@pytest.mark.parametrize("create", [True, False])
def test_ledger_missing_beside_what_it_left_is_a_loss(tmp_path, left, create):
    """Planned or run: to begin anew would be to do again what was done."""
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).write_text("x")

    with pytest.raises(LedgerDamaged, match=r"it is missing, and `.*` of it stands there") as told:
        open_ledger(tmp_path / "lab.sqlite", "lab", create=create)

    assert "on purpose, move" in told.value.fix
    assert not (tmp_path / "lab.sqlite").exists()


def test_ledger_is_begun_where_nothing_of_it_stands(tmp_path):
    """Another environment's files are none of its business."""
    standing(tmp_path / "other.sqlite")
    (tmp_path / "other.log").write_text("x")

    refuse_loss(tmp_path / "lab.sqlite")

    assert open_ledger(tmp_path / "lab.sqlite", "lab", create=True).entries() == []


def test_ledger_that_is_there_is_no_loss(tmp_path):
    """Log and vault stand beside every ledger."""
    cutover(tmp_path / "lab.sqlite")

    refuse_loss(tmp_path / "lab.sqlite")
