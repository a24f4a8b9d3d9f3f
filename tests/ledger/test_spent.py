"""Where the time of a run went: at work, waiting, or in between; each second counts once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.ledger.entry import WAITED, Entry, Event, timestamp
from handrail.ledger.views.spent import spent

NOON = datetime(2026, 10, 3, 12, tzinfo=UTC)


def said(seconds, event, task="", target="one", attempt=1):
    """Return an entry of so many seconds after noon."""
    at = timestamp(NOON + timedelta(seconds=seconds))
    return Entry(1, "r", attempt, at, event, task, "lab.write", target, "ada", "", 1, {}, "")


STARTED, ENDED = Event.ATTEMPT_STARTED, Event.ATTEMPT_ENDED
BEGUN, DONE = Event.STEP_STARTED, Event.STEP_CHANGED
OPENED, PASSED = Event.GATE_OPENED, Event.GATE_PASSED
NIGHT = [
    said(0, STARTED),
    said(1, BEGUN, "1"),
    said(1, BEGUN, "1", "two"),
    said(4, DONE, "1"),
    said(5, DONE, "1", "two"),
    said(6, OPENED, "2"),
    said(9, PASSED, "2"),
    said(10, ENDED),
]


def test_targets_side_by_side_count_once():
    """Two steps of 3 and 4 s that began together took 4 s of the night."""
    found = spent(NIGHT)

    assert (found.total, found.work, found.wait, found.asking) == (10, 4, 3, 3)
    assert [(each.task, each.target, each.seconds) for each in found.longest] == [
        ("1", "two", 4), ("1", "one", 3), ("2", "one", 3),
    ]  # fmt: skip


def test_the_hours_between_two_attempts_are_nobody_s():
    """What was killed has no end; its time is in between, and the pause does not count."""
    later = [replace(each, attempt=2, at=timestamp(datetime.fromisoformat(each.at)
             + timedelta(hours=3))) for each in NIGHT]  # fmt: skip

    found = spent([*NIGHT[:3], *later])

    assert (found.total, found.work, found.wait) == (11, 4, 3)


def test_pauses_of_a_step_are_told_apart_and_targets_wait_side_by_side():
    """A deploy's four seconds of work are two of ours, however many targets paused together."""
    paused = [
        replace(each, body={"facts": {WAITED: 2.0 if each.target == "two" else 1.5}})
        if each.event is DONE
        else each
        for each in NIGHT
    ]
    found = spent(paused)

    assert (found.work, found.waited) == (4, 2.0)
    assert found.as_json()["longest"][0]["waited"] == 2.0
    assert "steps at work 4.0 s, 2.0 s of it in pauses for others" in found.as_text()[0]


def test_what_people_say_beside_it_takes_no_time():
    """An approval an hour before the run began, under the same attempt."""
    beside = said(-3600, Event.APPROVAL_GIVEN, "1")

    assert spent([beside, *NIGHT]) == spent(NIGHT)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 50), st.integers(0, 50), st.integers(0, 3)),
        max_size=12,
    )
)
def test_the_parts_make_the_whole(acts):
    """However the stretches of several targets overlap."""
    entries = [said(0, STARTED), said(100, ENDED)]
    for number, (gate, began, took, target) in enumerate(acts):
        events = (OPENED, PASSED) if gate else (BEGUN, DONE)
        for second, event in zip((began, began + took), events, strict=True):
            entries.append(said(second, event, f"{number}", f"t{target}"))
    found = spent(sorted(entries, key=lambda each: each.at))

    assert found.work + found.wait + found.asking == pytest.approx(found.total) == 100
    assert min(found.work, found.wait, found.asking) >= 0


def test_a_run_without_an_attempt_says_nothing():
    """There is no sentence about no time."""
    assert spent([]).as_text() == []
