"""What every way back took, held against what it may take."""

import json
from dataclasses import replace

import pytest

from handrail.cli.__main__ import main
from handrail.ledger.views.recovery import Recovery, as_text, held_against, spreads
from tests.engine.lab.bench import Bench

ONE = Recovery(
    "lab", "up", "back-1", "up-1", "", "2026-10-03T14:00:00Z", 60.0, whole=True, rows=0,
    objective_seconds=None,
)  # fmt: skip


def after(*seconds):
    """Return ways back that took so long."""
    return [replace(ONE, seconds=float(each)) for each in seconds]


def test_half_and_ninety_five_of_a_hundred_are_told():
    """By nearest rank, as every duration is; what went back in part is no measure of the whole."""
    (spread,) = spreads([*after(*range(1, 101)), replace(ONE, seconds=1e6, whole=False)])

    assert (spread.count, spread.p50_seconds, spread.p95_seconds) == (100, 50.5, 95.0)
    assert spread.met is None


@pytest.mark.parametrize(("minutes", "met", "word"), [(2, True, "within"), (0.5, False, "OVER")])
def test_the_objective_of_who_asks_counts_where_a_drill_had_none(minutes, met, word):
    """Staging need not say what production wants."""
    found = held_against(after(60, 60), minutes)

    assert next(spreads(found)).met is met
    assert f"{word} the " in as_text(found)[-1]


def test_runs_and_drills_are_listed_with_their_ways_back(tmp_path, capsys):
    """Of this ledger and of those beside it; 1 where that takes too long."""
    with Bench(tmp_path / "lab") as lab:
        lab.runbook('steps.write(path=f"{room}/a", text="1", task="1")')
        for drilled in ((), ("--data", "drill=d")):
            assert lab.run(*drilled).code == lab.roll_back(*drilled).code == 0
        lab.inventory("lab", undo_minutes=0.00001)
        assert lab.run().code == 0

        status = main(["runs", "--recovery", "--json", "--ledger", str(lab.ledger)])

    found = json.loads(capsys.readouterr().out)
    assert status == 1
    assert [each["drill"] for each in found["recoveries"]] == ["", "d"]
    assert {each["met"] for each in found["recoveries"]} == {False}
    assert found["spreads"][0]["count"] == 2
