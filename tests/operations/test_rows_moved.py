"""A load tells how far it is: of all rows, and of the table at hand."""

import json
from types import SimpleNamespace

from pyinfra.context import ctx_host

from handrail.engine import telling
from operations.rows_moved import RowsMoved, said


def chunk(table, rows):
    """Return a chunk that was moved."""
    sums = SimpleNamespace(rows=rows)
    return SimpleNamespace(chunk=SimpleNamespace(table=table), expected=SimpleNamespace(sums=sums))


def test_rows_are_told_of_all_that_the_preflight_counted(tmp_path, monkeypatch):
    """Without one on file, nobody knows of how many."""
    heard = []
    monkeypatch.setattr(telling, "_listeners", [lambda *told: heard.append(told)])
    moved = RowsMoved(tmp_path / "preflight.json")
    with ctx_host.use(SimpleNamespace(name="production")):
        moved.tell(chunk("cadets", 500))
        tables = [{"table": "cadets", "moved": 1_000}, {"table": "records", "moved": 1_900_000}]
        (tmp_path / "preflight.json").write_text(json.dumps({"preflight": {"tables": tables}}))
        moved.tell(chunk("cadets", 500))
        moved.tell(chunk("records", 1_200_000))

    assert [what for _, what, _ in heard] == [
        "cadets 500", "cadets 1000 of 1000", "records 1.2 M of 1.9 M",
    ]  # fmt: skip
    assert [share and round(share, 3) for *_, share in heard] == [None, 0.001, 0.632]


def test_numbers_are_said_as_people_say_them():
    """Short where they are large."""
    assert [said(rows) for rows in (812, 54_321, 1_900_000)] == ["812", "54 k", "1.9 M"]
