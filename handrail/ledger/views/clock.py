"""The rollback clock: what a way back takes now, what it may take, and when it must have begun."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from handrail.ledger.run import Hold, Run
from handrail.ledger.task import Declared
from handrail.ledger.views import plain
from handrail.ledger.views.times import Estimate, Measured, one_after_the_other, way_back


@dataclass(frozen=True)
class Clock:
    """What a way back takes as things stand now.

    Args:
        whole: All of it.
        to_holds: To each hold that the run has come to, the newest first.
        budget_seconds: What it may take; None where nothing is said of that.
        ends_at: When the window ends, aware; None where nothing is said of that.
    """

    whole: Estimate
    to_holds: tuple[tuple[Hold, Estimate], ...]
    budget_seconds: float | None
    ends_at: datetime | None

    @property
    def fits(self) -> bool | None:
        """Tell whether it is within the budget, 95 times of 100; None where nobody can tell."""
        if self.budget_seconds is None:
            return True
        if self.whole.p95_seconds > self.budget_seconds:
            return False
        return None if self.whole.unmeasured else True

    @property
    def latest_start(self) -> datetime | None:
        """Return when a way back must have begun to end within the window."""
        if self.ends_at is None:
            return None
        return self.ends_at - timedelta(seconds=self.whole.p95_seconds)

    def refusal(self, now: datetime) -> str:
        """Return why nobody should go on, or nothing: out of budget, or out of time."""
        took = plain.rough(self.whole.p95_seconds)
        if self.budget_seconds is not None and self.whole.p95_seconds > self.budget_seconds:
            return f"a way back takes {took} now, and {plain.rough(self.budget_seconds)} is allowed"
        if self.latest_start is not None and now > self.latest_start:
            return (
                f"a way back takes {took} now, and the window ends at {self.ends_at:%H:%M:%S}Z: it "
                f"had to begin by {self.latest_start:%H:%M:%S}Z"
            )
        return ""

    def words(self, when: str = "now") -> str:
        """Return it as one sentence."""
        if not self.whole.known:
            return f"Nobody measured how long a way back takes{self.terms()}"
        told = f"A way back takes about {plain.rough(self.whole.seconds)} {when}"
        if self.whole.unmeasured:
            told += f", without {plain.count(self.whole.unmeasured, 'task')} that nobody measured"
        return told + self.terms()

    def terms(self) -> str:
        """Return what it may take, where that is said; to go on with after what it takes."""
        if not self.whole.known:
            return self._limits()
        told = ""
        if self.budget_seconds is not None:
            told += f"; 95 times of 100 at most {plain.rough(self.whole.p95_seconds)}"
            told += f", of {plain.rough(self.budget_seconds)} allowed"
        if self.latest_start is not None:
            told += f"; the latest safe moment to begin it is {self.latest_start:%H:%M:%S}Z"
        return told

    def _limits(self) -> str:
        """Return what is allowed of what nobody measured."""
        told = ""
        if self.budget_seconds is not None:
            told += f"; {plain.rough(self.budget_seconds)} is allowed"
        if self.ends_at is not None:
            told += f"; the window ends at {self.ends_at:%H:%M:%S}Z"
        return told


def clock_once_done(run: Run, known: Measured, steps: Iterable[Declared]) -> Clock:
    """Return the clock as it is once all of a plan is done, whenever that is.

    Args:
        run: A run of it.
        known: How long tasks took before.
        steps: Its calls that have a way back.
    """
    calls = [(each, 0.0) for each in steps]
    order = run.order

    def to(hold: Hold) -> Estimate:
        after = set(order[order.index(hold.after) + 1 :])
        return one_after_the_other([call for call in calls if call[0].task in after], known)

    return Clock(
        one_after_the_other(calls, known),
        tuple((hold, to(hold)) for hold in reversed(run.holds) if hold.after in order),
        _budget(run),
        None,
    )


def _budget(run: Run) -> float | None:
    """Return the seconds that a way back may take, as the last attempt was told."""
    return None if run.undo_minutes is None else run.undo_minutes * 60


def clock_of(run: Run, known: Measured) -> Clock:
    """Return the clock of a run forward, by what its last attempt was told of budget and window."""
    done = filter(run.has_come_to, reversed(run.holds))
    return Clock(
        way_back(run, known),
        tuple((hold, way_back(run, known, hold.label)) for hold in done),
        _budget(run),
        datetime.fromisoformat(run.window_ends) if run.window_ends else None,
    )
