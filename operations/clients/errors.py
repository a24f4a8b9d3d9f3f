"""What a client says when the outside world did not do as asked."""


class ClientError(Exception):
    """A client could not do, or could not see, what it was asked for.

    The engine turns it into a refusal, never into "not done".

    Args:
        what: What was tried, on what; one clause.
        why: What the other side answered, or that it did not.
        fix: A command to paste or a page to open.
    """

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why
        self.fix = fix
