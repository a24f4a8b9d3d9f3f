"""With which exit status an attempt ends."""

from dataclasses import dataclass

PROVEN, NOT_PROVEN, WRONG, HELD = 0, 1, 2, 3


@dataclass(frozen=True)
class EndFacts:
    """How an attempt, or the plan of one, ended.

    Args:
        wrong: The command was wrong: a key or a task that nobody knows.
        stops: Something was refused or asked, or the end is not on record; in a plan, would be.
        signalled: The status of a signal that ended it: 130 for Ctrl-C, 143 for SIGTERM.
        proven: Every step is proven, or everything is rolled back.
        held: It was told to hold, and does, with no doubt open.
        planned: Nothing was to be done but to look.
    """

    wrong: bool
    stops: bool
    signalled: int = 0
    proven: bool = False
    held: bool = False
    planned: bool = False


def exit_status(facts: EndFacts) -> int:
    """Return it: 0 proven, 1 not, 2 a wrong command, 3 held, else that of the signal."""
    rows = (
        (facts.signalled, facts.signalled),
        (facts.wrong, WRONG),
        (facts.stops, NOT_PROVEN),
        (facts.held, HELD),
        (facts.proven or facts.planned, PROVEN),
    )
    return next((status for applies, status in rows if applies), NOT_PROVEN)
