"""The watch's samples and what they say, over a day that is simulated."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from operations.soak import (
    Counted,
    Limits,
    Sample,
    covered_seconds,
    longest_gap,
    next_sample,
    over_the_limit,
    window,
)

START = datetime(2026, 10, 3, 1, 0, tzinfo=UTC)
LIMITS = Limits(budget_percent=0.5, error_percent=5, p95_seconds=1.0)
PAUSE = 60


def watched(*spells, per_look=50):
    """Watch through spells of time.

    Args:
        spells: Minutes, errors of 100 requests, and what 95 of 100 take; None: nobody looks.
        per_look: Requests from look to look.
    """
    now, samples, requests, errors = START, [], 0, 0.0
    for minutes, percent, p95 in spells:
        for _ in range(minutes):
            now += timedelta(minutes=1)
            requests += per_look
            errors += per_look * (percent or 0) / 100
            if percent is not None:
                counted = Counted(requests, round(errors), p95, "Render")
                samples.append(next_sample(samples, counted, now, START, PAUSE))
    return samples, now


def told(*spells, **more):
    """Return what a watch through spells of time comes to."""
    samples, now = watched(*spells, **more)
    return over_the_limit(samples, now, LIMITS)


def test_a_quiet_day_is_within_every_limit():
    """Half of the budget, for a day."""
    assert told((24 * 60, 0.2, 0.2)) == ""


def test_a_fast_burn_shows_within_minutes_of_the_long_window():
    """Eight in a hundred is over the bound of any moment, and four is not; for an hour it burns."""
    assert "over 5 %" in told((600, 0.0, 0.2), (5, 8.0, 0.2))
    assert told((600, 0.0, 0.2), (5, 4.9, 0.2)) == ""
    strict = Limits(budget_percent=0.2, error_percent=5, p95_seconds=1.0)
    samples, now = watched((600, 0.0, 0.2), (60, 4.0, 0.2))
    assert "more than 14.4 times" in over_the_limit(samples, now, strict)


def test_a_slow_burn_shows_over_hours():
    """Four in a hundred for six hours: seldom enough for every moment, too much for a day."""
    assert told((600, 0.0, 0.2), (60, 4.0, 0.2)) == ""
    assert "more than 6 times" in told((600, 0.0, 0.2), (360, 4.0, 0.2))


def test_what_is_over_is_no_reason_to_go_back():
    """The short window ends the alarm: an outage that was mended is not rolled back for."""
    assert told((60, 12.0, 0.2), (60, 0.0, 0.2)) == ""


def test_slow_answers_are_a_reason_and_a_slow_one_is_not():
    """Ninety-five of a hundred, over five minutes."""
    assert "up to 1.20 s" in told((60, 0.0, 0.2), (5, 0.0, 1.2))
    assert told((60, 0.0, 0.2), (5, 0.0, 0.9)) == ""


def test_few_requests_say_nothing():
    """One of three failed, at night."""
    samples, now = watched((5, 34.0, 3.0), per_look=3)
    assert over_the_limit(samples, now, LIMITS) == ""


def test_a_gap_is_no_data():
    """Three hours in which the operator's machine was down count as not looked at."""
    samples, _ = watched((60, 0.0, 0.2), (180, None, None), (60, 0.0, 0.2))

    assert covered_seconds(samples) == 120 * 60
    assert longest_gap(samples) == timedelta(hours=3)


def test_what_a_source_counted_in_a_gap_is_not_lost():
    """Render counts on while nobody looks; its requests are those of the next look."""
    samples, now = watched((60, 0.0, 0.2), (10, None, None), (1, 0.0, 0.2))

    assert window(samples, now - timedelta(minutes=1, seconds=1)).requests == 11 * 50
    assert window(samples, START).requests == 71 * 50


def test_another_source_counts_from_its_own_beginning():
    """Our own reads after Render fell silent are not held against Render's total."""
    samples, now = watched((10, 0.0, 0.2))
    own = Counted(5, 1, 0.1, "our own reads")

    later = next_sample(samples, own, now + timedelta(minutes=1), START, PAUSE)

    assert (later.requests, later.errors) == (5, 1)


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from([None, 0.0, 50.0])), max_size=6))
def test_no_more_is_covered_than_has_passed(spells):
    """And what a sample says survives the ledger."""
    samples, now = watched(*((minutes, percent, 0.2) for minutes, percent in spells))

    assert covered_seconds(samples) <= (now - START).total_seconds()
    assert [Sample.read(each.as_json() | {"more": 1}) for each in samples] == samples
