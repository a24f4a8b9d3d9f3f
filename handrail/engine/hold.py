"""A hold: a labelled place in a runbook where a run may be told to stop."""

from pyinfra.context import host

from handrail.engine.attempt.opening import current
from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError


def hold(*, label: str, name: str) -> None:
    """Name the place between two calls: ``to=LABEL`` stops there, on the way forward and back.

    Args:
        label: What an operator types: ``frozen``.
        name: What is true there, as a sentence: "Nobody writes; both sides can still serve".

    Raises:
        Refused: it stands before the first step, or its label cannot be typed or stands twice.
    """
    attempt = current()
    try:
        attempt.calls.hold(label, name, host.name)
    except RunbookError as error:
        attempt.refusal = error
        raise refuse(error) from None
