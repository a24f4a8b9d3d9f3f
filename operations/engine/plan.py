"""What would happen, and why: asked, not done, and written nowhere."""

from collections.abc import Iterator
from typing import Any

from pyinfra.api.command import FunctionCommand, PyinfraCommand

from operations.engine.act import Act
from operations.engine.contract import Contract, ask, claim
from operations.engine.finding import Verdict
from operations.engine.session import Session
from state.errors import RunbookError
from state.run import Declared, TaskState

QUIET = {"unchanged", "skipped", "done"}  # decisions after which pyinfra has nothing to run


def preview_step(
    session: Session,
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Say what would happen to a step as things stand now, and why."""
    declared = session.task(task).declared
    try:
        decision, why = decide(Act.of(session, contract, task, plain))
    except RunbookError as error:
        decision, why = "would refuse", error.why
    yield from preview(session, declared, decision, why)


def decide(act: Act) -> tuple[str, str]:  # noqa: PLR0911  one line for each decision
    """Return the decision on a step, and its reason.

    Raises:
        RunbookError: the step would refuse.
    """
    task, contract = act.task, act.contract
    if task.state is TaskState.SKIPPED:
        return "skipped", "an operator said so"
    act.refuse_other_subject()
    found = ask(contract.ensures, act.live)
    if found.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
        return "not told yet", found.why
    if task.in_doubt:
        return _doubtful(act, passed=found.passed, why=found.why)
    if found.passed:
        return "unchanged", found.why
    why = found.why or f"not yet so: {claim(contract.ensures)}"
    if act.is_settled:
        redone = act.session.choices.drift == "redo" and act.session.choices.reason
        return "would run again" if redone else "would refuse", f"drift: {why}"
    if task.settled:
        return "would run again", f"its arguments changed; {why}"
    if task.state is TaskState.ROLLED_BACK:
        return "would run again", f"it was rolled back; {why}"
    return "would run", why


def _doubtful(act: Act, *, passed: bool, why: str) -> tuple[str, str]:
    """Return what becomes of an interrupted step."""
    choice = act.session.settlement(act.task)
    if choice == "skip":
        return "would skip", f"it was interrupted, and an operator says so; {why}"
    if passed or choice == "adopt":
        return "would adopt", f"it was interrupted; {why or 'its effect is there'}"
    if act.contract.idempotent or choice == "retry":
        return "would run again", f"it was interrupted; {why}"
    return "would ask", f"it was interrupted, and is not idempotent; {why}"


def preview(
    session: Session, declared: Declared, decision: str, why: str
) -> Iterator[PyinfraCommand]:
    """Keep a decision for the closing lines; yield a mark where pyinfra would have work."""
    session.plan.append((declared, decision, why))
    if decision not in QUIET:
        yield FunctionCommand(_mark, (), {})


def _mark() -> None:
    """Stand for the work in pyinfra's table of detected changes; planning never runs it."""
    raise AssertionError("a preview was executed")
