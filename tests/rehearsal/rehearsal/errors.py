"""What the rehearsal world says when it cannot be brought up."""


class WorldError(Exception):
    """A part of the rehearsal world could not be started or reached.

    Args:
        what: What was tried; one clause.
        why: What stood in the way.
        fix: A command to paste or a page to open.
    """

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(f"{what}\n    why:  {why}\n    next: {fix}")
        self.what = what
        self.why = why
        self.fix = fix
