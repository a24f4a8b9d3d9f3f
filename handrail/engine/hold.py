"""A hold: a labelled place in a runbook where a run may be told to stop."""

from pyinfra.context import host

from handrail.engine.attempt.opening import current
from handrail.engine.person import approve
from handrail.engine.telling import refuse
from handrail.ledger.errors import RunbookError


def hold(
    *,
    label: str,
    name: str,
    task: str = "",
    role: str = "",
    people: int = 1,
    expires_minutes: float = 60,
) -> None:
    """Name the place between two calls: ``to=LABEL`` stops there, on the way forward and back.

    With a task id it is a point of no return: a hold with an approval of its own, without which
    nothing after it starts.

    Args:
        label: What an operator types: ``frozen``.
        name: What is true there, as a sentence: "Nobody writes; both sides can still serve".
        task: Id of the approval, as `handrail approve RUN TASK` names it; none where it is empty.
        role: Whom to ask for it.
        people: How many must approve.
        expires_minutes: How long an approval counts.

    Raises:
        Refused: it stands before the first step, or its label cannot be typed or stands twice.
    """
    attempt = current()
    try:
        attempt.calls.hold(label, name, host.name)
    except RunbookError as error:
        attempt.refusal = error
        raise refuse(error) from None
    if task:
        approve(
            task=task,
            on=None,
            name=f"Go on from here: {name}",
            role=role,
            people=people,
            expires_minutes=expires_minutes,
        )
