"""What is at stake is on from the intent on, until what ends it is done or the step is undone."""

from handrail.ledger.arming import armed_in
from handrail.ledger.run import Run
from handrail.ledger.views.stakes import stakes_of, stakes_on

from .told import Told, at, timestamp

PLAN = ["1 a.take web", "2 freeze.writes web", "3 c.load web", "4 d.switch web", "5 e.watch web"]
HOLDS = [("users-back", "Users work as before", "1"), ("switched", "Users are there", "4")]
STAKE = {"stake": "the database refuses writes", "until": "4"}


def frozen(**stake):
    """Return a night in which writes are stopped and rows move."""
    told = Told().open("one", PLAN, holds=HOLDS).act("1", 0, 1)
    return told.act("2", 10, 12, **(stake or STAKE)).act("3", 12)


def texts(told):
    """Return what is at stake now."""
    return [each.text for each in stakes_on(told.runs()["one"])]


def test_a_stake_is_on_from_the_intent_on():
    """With since when, where, and how far back a rollback has to go to end it."""
    told = Told().open("one", PLAN, holds=HOLDS).act("1", 0, 1).act("2", 10, **STAKE)

    [stake] = stakes_on(told.runs()["one"])

    assert (stake.text, stake.target) == ("the database refuses writes", "web")
    assert stake.since == timestamp(at(10))
    assert stake.back_to == "users-back"


def test_a_stake_ends_with_the_task_that_ends_it():
    """Not before it is done."""
    told = frozen().say(40, "step.changed", "3", "web", digest="d").act("4", 40)
    assert texts(told) == ["the database refuses writes"]

    told.say(50, "step.changed", "4", "web", digest="d")

    assert texts(told) == []


def test_a_stake_ends_with_a_hold():
    """By its label."""
    told = frozen(stake="it is read-only", until="switched").act("4", 40)
    assert texts(told) == ["it is read-only"]
    assert texts(told.say(50, "step.changed", "4", "web", digest="d")) == []


def test_a_stake_without_an_end_lasts_until_the_run_is_through():
    """Every later task may be what its author had in mind."""
    told = frozen(stake="nobody watches")
    for task in "345":
        assert texts(told) == ["nobody watches"]
        told.say(60, "step.changed", task, "web", digest="d")

    assert texts(told) == []


def test_a_stake_ends_when_its_step_is_put_back():
    """And lasted as long as that took; a second one of the same run is told apart."""
    told = frozen()
    told.open("back", ["3 c.load web", "2 freeze.writes web"], 100, undoes="one")
    told.act("3", 100, 110)
    assert texts(told) == ["the database refuses writes"]
    told.act("2", 110, 115)
    assert texts(told) == []

    [past] = stakes_of(told.entries, "one")

    assert (past.since, past.ended) == (timestamp(at(10)), timestamp(at(115)))


def test_the_way_back_goes_so_far_that_nothing_is_at_stake_then():
    """A hold between would let the first stake be on again, whose end would be undone."""
    holds = [*HOLDS, ("loaded", "Every row is there", "3")]
    told = Told().open("one", PLAN, holds=holds).act("1", 0, 1).act("2", 10, 12, **STAKE)
    told.act("3", 12, 20).act("4", 20, 30, stake="nobody watches", until="5")

    [stake] = stakes_on(told.runs()["one"])

    assert (stake.text, stake.back_to) == ("nobody watches", "users-back")


def test_the_way_back_goes_to_the_task_before_where_no_hold_stands_there():
    """A stake of the first task ends by a whole rollback only."""
    second = Told().open("one", PLAN).act("1", 0, 1).act("2", 10, 12, stake="b")
    both = Told().open("one", PLAN).act("1", 0, 1, stake="a").act("2", 10, 12, stake="b")

    assert [each.back_to for each in stakes_on(second.runs()["one"])] == ["1"]
    assert [each.back_to for each in stakes_on(both.runs()["one"])] == ["", ""]


def test_a_run_without_stakes_is_asked_at_no_cost(monkeypatch):
    """Each entry asks; going through all that was done would make a long run longer and longer."""
    run = Told().open("one", PLAN, holds=HOLDS).act("1", 0, 1).act("2", 10).runs()["one"]
    monkeypatch.setattr(Run, "receipts", None)
    monkeypatch.setattr(Run, "outcome", None)

    assert (stakes_on(run), armed_in(run)) == ([], [])
