"""Refusals: what happened, why, and the command to run next."""


class RunbookError(Exception):
    """An expected refusal, told to the operator without a traceback.

    Args:
        what: What did not happen, and where; a whole clause.
        why: The reason, with the values as the operator typed them.
        fix: A command to paste or a page to open.
    """

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        """Return the three lines an operator reads."""
        return f"{self.what}.\n    why:  {self.why}\n    next: {self.fix}"


class WrongCommand(RunbookError):
    """What was typed cannot be meant: no target, a key or a task that nobody knows."""


class PreconditionUnmet(RunbookError):
    """A step's `requires` does not hold, or could not be looked at."""


class NotProven(RunbookError):
    """A step acted, and its `ensures` does not hold."""


class DriftFound(RunbookError):
    """What a receipt says was done is no longer so."""


class InDoubt(RunbookError):
    """A step was interrupted, its effect is unknown, and it must not simply run again."""


class LedgerDamaged(RunbookError):
    """The ledger cannot be read, was edited, or is newer than this program."""


class LedgerUnwritable(RunbookError):
    """The ledger refused an entry; nothing may happen that it would not remember."""


class RunLocked(RunbookError):
    """Another process is at work on this environment."""
