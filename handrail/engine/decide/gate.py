"""The table of a gate: whether it is asked, and whether what it said stands."""

from collections.abc import Callable
from dataclasses import dataclass

from handrail.engine.decide.decision import Decision, Do


@dataclass(frozen=True)
class GateFacts:
    """What is known of one gate on one target.

    Args:
        passed: It passed in this run, with the arguments that it has now.
        opened: Its window began, with the arguments that it has now, and has no end on record.
        void: A step that stands before it acted since it passed, or since its window began.
        until: The task after which its claim is history; empty where there is none.
        until_is_done: That task is done, on every target.
    """

    passed: bool
    opened: bool
    void: bool
    until: str
    until_is_done: bool


def _is_history(facts: GateFacts) -> Decision | None:
    if facts.passed and facts.until and facts.until_is_done:
        why = f"it passed in this run, and is history since task {facts.until} is done"
        return Decision(Do.LEAVE, "done", why)
    return None


def _stands(facts: GateFacts) -> Decision | None:
    if facts.passed and not facts.void:
        return Decision(Do.LEAVE, "done", "it passed in this run")
    return None


def _window_goes_on(facts: GateFacts) -> Decision | None:
    if facts.opened and not facts.void:
        return Decision(Do.LOOK, "would be asked", "its window goes on")
    return None


def _is_asked(facts: GateFacts) -> Decision | None:
    why = "it passed, and a step before it acted since" if facts.passed else ""
    return Decision(Do.LOOK, "would be asked", why)


ROWS: tuple[Callable[[GateFacts], Decision | None], ...] = (
    _is_history,
    _stands,
    _window_goes_on,
    _is_asked,
)
WINDOW_GOES_ON = ROWS.index(_window_goes_on) + 1
