"""What would happen, and why: asked, not done, and written nowhere."""

from collections.abc import Iterator
from typing import Any

from pyinfra.api.command import FunctionCommand, PyinfraCommand

from handrail.clients.errors import ClientError
from handrail.engine.act import Act
from handrail.engine.attempt.attempt import Attempt, Planned
from handrail.engine.attempt.command import is_dry
from handrail.engine.contract import Contract, ask, chosen, claim
from handrail.engine.finding import Verdict
from handrail.engine.output import NotToldYet
from handrail.engine.secrecy import shown
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Declared, TaskState

QUIET = {"unchanged", "skipped", "done"}  # decisions after which pyinfra has nothing to run
ACTING = {"would run", "would run again"}  # decisions after which a step's body runs


def preview_step(
    attempt: Attempt,
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Say what would happen to a step as things stand now, and why."""
    declared = attempt.task(task).declared
    text = ""
    try:
        act = Act.of(attempt, contract, task, plain)
        decision, why = decide(act)
        if decision in ACTING and is_dry():  # else nobody reads it, and it may take its time
            text = in_full(act)
    except NotToldYet as error:
        decision, why = "not told yet", error.why
    except RunbookError as error:
        decision, why = "would refuse", error.why
    yield from preview(attempt, declared, decision, why, text)


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
        redone = act.attempt.choices.drift == "redo" and act.attempt.choices.reason
        return "would run again" if redone else "would refuse", f"drift: {why}"
    if task.settled:
        return "would run again", f"its arguments changed; {why}"
    if task.state is TaskState.ROLLED_BACK:
        return "would run again", f"it was rolled back; {why}"
    return "would run", why


def _doubtful(act: Act, *, passed: bool, why: str) -> tuple[str, str]:
    """Return what becomes of an interrupted step."""
    choice = act.attempt.settlement(act.task)
    if choice == "skip":
        return "would skip", f"it was interrupted, and an operator says so; {why}"
    if passed or choice == "adopt":
        return "would adopt", f"it was interrupted; {why or 'its effect is there'}"
    if act.contract.idempotent or choice == "retry":
        return "would run again", f"it was interrupted; {why}"
    return "would ask", f"it was interrupted, and is not idempotent; {why}"


def in_full(act: Act) -> str:
    """Return what the step says it would do, or why it cannot say; nothing where it never does.

    The rest of the plan is wanted all the same, so whatever goes wrong here becomes a line of it.
    """
    if act.contract.preview is None:
        return ""
    try:
        text = str(act.contract.preview(**chosen(act.contract.preview, act.live)))
        if what := shown(act.live, text):
            why = f"it holds {what}"
            raise ClientError("it was withheld", why, "leave the value out of the step's preview")
    except (ClientError, RunbookError) as error:
        return f"no preview: {error.what}.\n    why:  {error.why}\n    next: {error.fix}"
    except Exception as bug:  # noqa: BLE001  see above; its text could hold anything
        name = f"{act.contract.name}: {type(bug).__name__}"
        return f"no preview: unforeseen, in the preview of {name}."
    return text


def preview(
    attempt: Attempt, declared: Declared, decision: str, why: str, text: str = ""
) -> Iterator[PyinfraCommand]:
    """Keep a decision for the closing lines; yield a mark where pyinfra would have work."""
    attempt.plan.append(Planned(declared, decision, why, text))
    if decision not in QUIET:
        yield FunctionCommand(_mark, (), {})


def _mark() -> None:
    """Stand for the work in pyinfra's table of detected changes; planning never runs it."""
    raise AssertionError("a preview was executed")
