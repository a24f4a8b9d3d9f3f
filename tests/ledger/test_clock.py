"""The rollback clock: what a way back takes, whether it fits, and when it must have begun."""

from datetime import timedelta

import pytest

from handrail.ledger.run import Hold
from handrail.ledger.views.clock import clock_of
from handrail.ledger.views.scale import by_rows, rows_of
from handrail.ledger.views.times import measured
from tests.ledger.told import Told, at

PLAN = ["1 a.take web", "2 a.load web"]
HOLDS = [Hold("ready", "All is ready", "1")]


def drilled(rows=1000, undo=(60, 600)):
    """Return a drill: its run told how many rows it carried, and its way back took so long."""
    told = Told().open("up", PLAN).act("1", 0, 10).act("2", 10, 40)
    told.entries[-1].body["facts"] = {"rows": rows}
    told.open("back", PLAN, 100, undoes="up").act("2", 100, 100 + undo[1])
    return told.act("1", 900, 900 + undo[0]).runs().values()


def night(rows=None, **said):
    """Return a run that has done both steps."""
    told = Told().open("now", PLAN, holds=[("ready", "All is ready", "1")])
    told.entries[-1].body.update(said)
    told.act("1", 0, 10).act("2", 10, 40)
    told.entries[-1].body["facts"] = {"rows": rows} if rows else {}
    return told.runs()["now"]


def clock(run, drill):
    """Return its clock, scaled by rows."""
    known = measured("prod", [], {"staging": drill}).scaled(by_rows(run, {"staging": drill}))
    return clock_of(run, known)


def test_a_way_back_takes_what_it_took_in_the_drill():
    """Every receipt counts, and to a hold those after it."""
    seen = clock(night(), drilled())

    assert seen.whole.seconds == 660
    assert [(hold.label, each.seconds) for hold, each in seen.to_holds] == [("ready", 600)]


def test_three_times_the_rows_take_three_times_as_long():
    """Only the step that carries rows is longer; the budget that fitted then is red now."""
    then = clock(night(1000, undo_minutes=15), drilled(1000))
    seen = clock(night(3000, undo_minutes=15), drilled(1000))

    assert (then.fits, seen.fits) == (True, False)
    assert seen.whole.seconds == 60 + 3 * 600
    assert "a way back takes 31 min now, and 15 min is allowed" in seen.refusal(at(0))


def test_what_nobody_measured_is_not_said_to_fit():
    """No data never passes."""
    seen = clock(night(undo_minutes=15), [])

    assert seen.fits is None
    assert "Nobody measured" in seen.words()


def test_without_a_budget_there_is_nothing_to_fit():
    """An inventory that says nothing asks for nothing."""
    seen = clock(night(), [])

    assert (seen.fits, seen.refusal(at(0))) == (True, "")


def test_the_latest_safe_moment_is_the_end_of_the_window_less_the_way_back():
    """After it nobody goes on."""
    ends = at(3600).isoformat()
    seen = clock(night(window_ends=ends), drilled())

    assert seen.latest_start == at(3600) - timedelta(seconds=660)
    assert seen.refusal(at(2900)) == ""
    assert "it had to begin by" in seen.refusal(at(2950))


@pytest.mark.parametrize("said", [None, True, "12", -0.5])
def test_rows_are_counted_where_they_are_counts(said):
    """What else a step tells under that name is not taken for rows."""
    assert rows_of(night(said)) == 0
