"""What would happen, and why: asked, not done, and written nowhere."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyinfra.api import FunctionCommand
from pyinfra.api.command import PyinfraCommand

from operations.engine.contract import ask, claim
from operations.engine.finding import Verdict
from state.run import SETTLED, Declared, TaskState

if TYPE_CHECKING:
    from operations.engine.execution import Act
    from operations.engine.session import Session

QUIET = {"unchanged", "skipped", "done"}  # decisions after which pyinfra has nothing to run


def decide(act: "Act") -> tuple[str, str]:
    """Return the decision on a step as things stand now, and its reason."""
    task, contract = act.task, act.contract
    if task.state is TaskState.SKIPPED:
        return "skipped", "an operator said so"
    found = ask(contract.ensures, act.live)
    if found.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
        return "not told yet", found.why
    if task.in_doubt:
        return _doubtful(act, passed=found.passed, why=found.why)
    if found.passed:
        return "unchanged", found.why
    if task.receipt is None and task.state not in SETTLED:
        return "would run", found.why or f"not yet: {claim(contract.ensures).lower()}"
    if task.digest != act.digest:
        return "would run again", f"its arguments changed; {found.why}"
    if act.session.choices.drift == "redo":
        return "would run again", f"drift: {found.why}"
    return "would refuse", f"drift: {found.why}"


def _doubtful(act: "Act", *, passed: bool, why: str) -> tuple[str, str]:
    """Return what becomes of an interrupted step."""
    if passed:
        return "would adopt", "it was interrupted after its effect"
    if act.contract.idempotent or act.session.choices.settlement(act.task.declared.task):
        return "would run again", f"it was interrupted; {why}"
    return "would ask", f"it was interrupted, and is not idempotent; {why}"


def preview(
    session: "Session", declared: Declared, decision: str, why: str
) -> Iterator[PyinfraCommand]:
    """Keep a decision for the closing lines; yield a mark where pyinfra would have work."""
    session.plan.append((declared, decision, why))
    if decision not in QUIET:
        yield FunctionCommand(_mark, (), {})


def _mark() -> None:
    """Stand for the work in pyinfra's table of detected changes; planning never runs it."""
    raise AssertionError("a preview was executed")
