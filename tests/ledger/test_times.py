"""What is expected is what was measured: here first, then where it was rehearsed, else nothing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.ledger.entry import now
from handrail.ledger.task import Declared
from handrail.ledger.views.evidence import gather
from handrail.ledger.views.live import as_json, live
from handrail.ledger.views.times import (
    Estimate,
    Expected,
    Measured,
    measured,
    outlook,
    remaining,
    way_back,
)
from handrail.ledger.views.watched import as_text
from tests.ledger.script import Script

from .told import Told, at

PLAN = ["1 a.take web", "2 b.put web", "3 c.ask web"]
HOLDS = [("ready", "All is ready", "2")]
LOAD = Declared("2", "b.put", "web", "")


def night(*seconds, run="one", undo=()):
    """Return the runs of a night whose task 2 took so long each, and its undo so long."""
    told = Told()
    for number, took in enumerate(seconds):
        told.open(f"{run}-{number}", PLAN, holds=HOLDS).act("1", 0, 10).act("2", 10, 10 + took)
        for back in undo:
            told.open(f"{run}-{number}-back", ["2 b.put web"], 500, undoes=f"{run}-{number}")
            told.act("2", 500, 500 + back)
    return list(told.runs().values())


def test_the_median_counts_and_the_slow_one_is_told_beside_it():
    """Of 20 runs, one slow one does not move what is expected; p95 is the second slowest."""
    known = measured("prod", night(*([60] * 18), 70, 600)).of(LOAD)

    assert known == Expected(60, 70, 20, "prod")


def test_what_a_call_says_itself_counts_before_what_was_measured():
    """What a person does in a drill takes no time; its way back is measured all the same."""
    known = measured("prod", night(3, undo=[5])).saying({"2": 600})

    assert known.of(LOAD) == Expected(600, 600, 0, "")
    assert known.of(LOAD, back=True) == Expected(5, 5, 1, "prod")


def test_the_same_environment_counts_before_a_drill():
    """A drill tells only what was never measured here."""
    own, drill = night(40), night(5, undo=[3])

    known = measured("prod", own, {"rehearsal": drill})

    assert known.of(LOAD) == Expected(40, 40, 1, "prod")
    assert known.of(LOAD, back=True) == Expected(3, 3, 1, "rehearsal")
    assert measured("prod", [], {"rehearsal": drill}).of(LOAD).source == "rehearsal"


def test_a_target_of_another_name_is_measured_by_the_step():
    """A drill's targets have names of their own."""
    known = measured("prod", [], {"drill": night(5)})

    assert known.of(Declared("2", "b.put", "production", "")) == Expected(5, 5, 1, "drill")
    assert known.of(Declared("2", "other.step", "production", "")) is None


def test_what_failed_or_is_in_doubt_is_no_measure():
    """It ended too early."""
    told = Told().open("one", PLAN).act("1", 0)
    told.say(2, "step.failed", "1", "web", digest="d", why="it broke")

    assert measured("prod", told.runs().values()).of(Declared("1", "a.take", "web", "")) is None


def test_more_rows_take_longer():
    """By whatever factor is given for a task."""
    known = measured("prod", night(10)).scaled(
        lambda call, found: 3.0 if call.task == "2" and found.source == "prod" else 1.0
    )

    assert known.of(LOAD).seconds == 30
    assert known.of(Declared("1", "a.take", "web", "")).seconds == 10


def test_what_is_to_come_is_told_to_the_next_hold_and_to_the_end():
    """The task at work counts with what is left of it; what nobody measured is counted apart."""
    known = measured("prod", night(40))
    run = Told().open("two", PLAN, holds=HOLDS).act("1", 0, 10).act("2", 10).runs()["two"]

    seen = outlook(run, known, at(25))

    assert [(each.call.task, each.elapsed_seconds) for each in seen.running] == [("2", 15)]
    assert seen.running[0].left_seconds == 25
    assert seen.hold.label == "ready"
    assert (seen.to_hold.seconds, seen.to_hold.unmeasured) == (25, 0)
    assert (seen.to_end.seconds, seen.to_end.unmeasured, seen.to_end.tasks) == (25, 1, 2)


def test_a_task_that_takes_longer_than_ever_is_expected_to_end_now():
    """Not a minute ago."""
    known = measured("prod", night(40))
    run = Told().open("two", PLAN).act("1", 0, 10).act("2", 10).runs()["two"]

    (late,), (soon,) = (outlook(run, known, at(seconds)).running for seconds in (400, 52))

    assert late.left_seconds == 0
    assert (late.late_seconds, soon.late_seconds) == (350, 0)


def test_what_is_late_is_told_to_who_watches(tmp_path):
    """In words and as a number, beside how long it is at work."""
    script = Script(tmp_path / "lab.sqlite")
    script.start("cutover-1")
    script.act("2.1", end=None)
    known = Measured({("2.1", "bind.listen"): Expected(60, 60, 3, "lab")})
    later = now() + timedelta(minutes=10)
    evidence = gather(script.ledger, "latest")
    found = live(script.ledger.runs(), evidence, known, script.ledger.writer(), later)

    assert any(", late by 9 min." in line for line in as_text(found))
    assert as_json(found)["running"][0]["late_seconds"] == pytest.approx(540, abs=20)


def test_targets_work_at_once_forward_and_one_by_one_back():
    """As pyinfra carries them out."""
    plan = ["1 a.take web", "1 a.take db"]
    told = Told().open("one", plan).act("1", 0, 10).act("1", 10, 40, "db")
    told.open("back", plan, 100, undoes="one").act("1", 100, 110).act("1", 110, 140, "db")
    again = Told().open("two", plan).runs()["two"]
    done = Told().open("two", plan).act("1", 0, 10).act("1", 10, 40, "db").runs()["two"]
    known = measured("prod", told.runs().values())

    assert remaining(again, known, at(0)).seconds == 30
    assert way_back(done, known).seconds == 40


def test_the_way_back_ends_at_a_hold_and_leaves_out_what_has_none():
    """A step without a way back takes no time on it."""
    known = measured("prod", night(40, undo=[7]))
    told = Told().open("two", PLAN, holds=HOLDS).act("1", 0, 10, rollback="")
    run = told.act("2", 10, 20, rollback="Take it back").runs()["two"]

    assert way_back(run, known) == Estimate(7, 7, 0, 1)
    assert way_back(run, known, "1") == Estimate(7, 7, 0, 1)
    assert way_back(run, known, "ready") == Estimate()


@given(st.lists(st.integers(1, 500), min_size=1, max_size=15), st.integers(0, 900))
def test_what_is_left_is_never_less_than_nothing(seconds, spent):
    """Nor more than the slowest of what was measured, whatever has passed."""
    known = measured("prod", night(*seconds)).of(LOAD)
    left = Estimate().plus(known, spent)

    assert 0 <= left.seconds <= max(seconds)
    assert left.seconds <= left.p95_seconds + known.seconds
    assert min(seconds) <= known.seconds <= known.p95_seconds <= max(seconds)


@pytest.mark.parametrize("tasks", [0, 3])
def test_nothing_to_do_is_known(tasks):
    """And three tasks that nobody measured are not."""
    assert Estimate(0, 0, tasks, tasks).known is (tasks == 0)
