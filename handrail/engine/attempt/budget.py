"""What a way back may take: no hold is crossed beyond it, unless an operator says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from pyinfra.context import host

from handrail.engine.attempt.command import runbook_file, said, to_paste
from handrail.engine.attempt.measured import known
from handrail.engine.needs import is_amount
from handrail.ledger.entry import now
from handrail.ledger.errors import PreconditionUnmet, WrongCommand
from handrail.ledger.task import Task
from handrail.ledger.views.clock import Clock, clock_of

if TYPE_CHECKING:
    from handrail.engine.attempt.attempt import Attempt


@dataclass(frozen=True)
class Budget:
    """How long a way back may take, and when the window ends; None and empty where nobody says.

    Args:
        undo_minutes: What it may take.
        window_ends: By when it must have ended, RFC 3339 with a zone.
    """

    undo_minutes: float | None = None
    window_ends: str = ""

    @classmethod
    def here(cls) -> Self:
        """Read what the inventory, or the command, says.

        Raises:
            WrongCommand: a value is not of its kind.
        """
        minutes, ends = host.data.get("undo_minutes"), said("window_ends")
        if minutes is not None and not is_amount(minutes):
            raise _wrong("undo_minutes", minutes, "a number of minutes above 0")
        if ends and not _is_moment(ends):
            raise _wrong("window_ends", ends, "a moment with a zone, as `2026-11-27T05:00:00Z`")
        return cls(minutes, ends)

    def said(self) -> dict[str, Any]:  # Any: JSON
        """Return what the ledger keeps of it."""
        return {"undo_minutes": self.undo_minutes, "window_ends": self.window_ends}


def clock_now(attempt: "Attempt") -> Clock:
    """Return the rollback clock of a run as it stands now."""
    return clock_of(attempt.run, known(attempt))


def refuse_beyond_budget(attempt: "Attempt", task: str) -> None:
    """Raise where a step would cross a hold, and the way back no longer fits.

    A hold is crossed once: what stands after it and was begun goes on.

    Raises:
        PreconditionUnmet: with the way on, and the way back.
    """
    if attempt.budget == Budget() or "budget" in attempt.choices.overrides:
        return
    hold = attempt.calls.hold_before(task)
    if hold is None or _is_crossed(attempt, hold.label):
        return
    if why := clock_now(attempt).refusal(now()):
        again = to_paste(runbook_file(), override="budget", reason="…")
        back = f"to={hold.label}"
        raise PreconditionUnmet(
            f"hold `{hold.label}` was not crossed",
            why,
            f"roll back, to this hold with `--data {back}`; or go on, on record: `{again}`",
        )


def _is_crossed(attempt: "Attempt", label: str) -> bool:
    """Tell whether anything that stands after a hold was begun."""
    places = attempt.calls.places
    begun = [name for (name, _), task in attempt.run.tasks.items() if _has_begun(task)]
    return any(attempt.calls.is_beyond(name, label) for name in begun if name in places)


def _has_begun(task: Task) -> bool:
    return task.settled or task.started_at is not None


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _wrong(key: str, value: object, wanted: str) -> WrongCommand:
    why = f"`{key}` is `{value}`, not {wanted}"
    return WrongCommand("the run did not start", why, f"correct `{key}`")
