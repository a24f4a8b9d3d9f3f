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


class NoAnswer(ClientError):
    """A request went out and nothing came back that says what became of it.

    Args:
        what: What was tried, on what; one clause.
        why: How the silence came about.
        fix: A command to paste or a page to open.
        maybe_done: Whether the other side may have acted on it; false when it cannot have been
            reached at all.
    """

    def __init__(self, what: str, why: str, fix: str, *, maybe_done: bool) -> None:
        super().__init__(what, why, fix)
        self.maybe_done = maybe_done
