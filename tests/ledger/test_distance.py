"""What a task takes is reckoned for the way to databases that are further than where it ran."""

from handrail.ledger.task import Declared
from handrail.ledger.views import distance
from handrail.ledger.views.times import Expected

LOAD = Declared("8.6", "data.load", "production", "Load")
SMOKE = Declared("10", "smoke.health", "production", "Look")


def further(here, then, source="rehearsal", scale=lambda call, found: 1.0):
    """Return what is expected of a task of 2 s with 100 round trips, and of one with none."""
    factor = distance.by_distance(scale, here, then, {"data.load": 100})
    expected = Expected(2.0, 3.0, 5, source)
    return [round(2.0 * factor(call, expected), 6) for call in (LOAD, SMOKE)]


def test_a_task_takes_its_way_longer_where_the_way_is_longer():
    """A hundred round trips of 80 ms more are 8 s; who goes no way takes no longer."""
    assert further(0.08, {}) == [10.0, 2.0]
    assert further(0.08, {"rehearsal": 0.03}) == [7.0, 2.0]


def test_what_was_measured_here_has_its_way_in_it():
    """The same environment, the same way; rows count as before."""
    assert further(0.08, {"production": 0.08}, source="production") == [2.0, 2.0]
    assert further(0.08, {}, scale=lambda call, found: 3.0) == [14.0, 6.0]


def test_a_shorter_way_takes_nothing_below_zero():
    """Measured far away, asked nearby."""
    assert further(0.001, {"rehearsal": 0.5}) == [0.0, 2.0]


def test_a_way_is_noted_beside_a_ledger_that_is_not_there_yet(tmp_path):
    """The longest of the ways counts; what cannot be read tells nothing."""
    ledger = tmp_path / "ledgers" / "prod.sqlite"
    assert distance.noted(ledger) is None
    distance.note(ledger, {"production: source": 0.0801234, "production: destination": 0.02})
    assert distance.noted(ledger) == 0.080123
    assert [path.name for path in ledger.parent.iterdir()] == ["prod.distance.json"]
    ledger.with_suffix(distance.SUFFIX).write_text("[1]")
    assert distance.noted(ledger) is None
