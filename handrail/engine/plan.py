"""What would happen, and why: asked, not done, and written nowhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pyinfra.api.command import FunctionCommand, PyinfraCommand

from handrail.clients.errors import ClientError
from handrail.engine.act import Act
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.beside import is_withdrawn
from handrail.engine.clause import chosen
from handrail.engine.contract import Contract
from handrail.engine.decide import decide
from handrail.engine.decide.decision import Decision, Do, Planned
from handrail.engine.decide.step import StepFacts
from handrail.engine.finding import fails
from handrail.engine.output import NotToldYet
from handrail.engine.secrecy import shown
from handrail.engine.standing import step_facts
from handrail.ledger.errors import RunbookError

QUIET = {Do.LEAVE, Do.NOTE, Do.CONFIRM}  # decisions after which pyinfra has nothing to run


def preview_step(
    attempt: Attempt,
    contract: Contract,
    task: str,
    plain: dict[str, Any],  # Any: JSON
) -> Iterator[PyinfraCommand]:
    """Say what would happen to a step as things stand now, and why."""
    declared = attempt.task(task).declared
    text = unseen = ""
    stale = None
    try:
        act = Act.of(attempt, contract, task, plain)
        facts = step_facts(act)
        decision, later = decide(facts), decide(replace(facts, void=True))
        stale = partial(_once_stale, facts)
        if (decision.is_worth_showing or later.is_worth_showing) and is_wanted(attempt, contract):
            text, unseen = in_full(act)
    except NotToldYet as error:
        decision = later = Decision(Do.LOOK, "not told yet", error.why)
    except RunbookError as error:
        decision = later = Decision(Do.REFUSE, "would refuse", error.why, error.fix)
    planned = Planned(declared, decision, later, text, unseen, plain, contract.follows, stale)
    yield from preview(attempt, planned)


def _once_stale(facts: StepFacts) -> Decision:
    """Return what would happen to a step once what its claim is about was written anew."""
    return decide(
        replace(facts, void=True, ensures=lambda: fails("what it is made of was changed"))
    )


def is_wanted(attempt: Attempt, contract: Contract) -> bool:
    """Tell whether somebody asked for what a step would do in full."""
    return bool(attempt.choices.sql) if contract.previews_sql else attempt.choices.diff


def in_full(act: Act) -> tuple[str, str]:
    """Return what the step says it would do, and why it cannot say; nothing where it never does.

    The rest of the plan is wanted all the same, so whatever goes wrong here becomes a line of it.
    """
    if act.contract.preview is None:
        return "", ""
    try:
        text = str(act.contract.preview(**chosen(act.contract.preview, act.live)))
        if what := shown(act.live, text):
            why = f"it holds {what}"
            raise ClientError("it was withheld", why, "leave the value out of the step's preview")
    except (ClientError, RunbookError) as error:
        return "", f"no preview: {error.what}.\n    why:  {error.why}\n    next: {error.fix}"
    except Exception as bug:  # noqa: BLE001  see above; its text could hold anything
        name = f"{act.contract.name}: {type(bug).__name__}"
        return "", f"no preview: unforeseen, in the preview of {name}."
    return text, ""


def preview(attempt: Attempt, planned: Planned) -> Iterator[PyinfraCommand]:
    """Keep a decision for the closing lines; yield a mark where pyinfra would have work."""
    attempt.plan.append(planned)
    if planned.decision.do not in QUIET:
        yield FunctionCommand(_mark, (), {})


def as_the_run_would(attempt: Attempt) -> list[tuple[Planned, Decision]]:
    """Return each decision as the run would come to it, in the order of the runbook.

    Each call was asked as things stand now. Where a step before it would act first, a gate that
    passed is asked again, what fails is void and no drift, and what cannot be told, or required,
    yet is told when its turn comes. While another command is at work nothing that stops is told.
    """
    order = attempt.calls.order()
    told: list[tuple[Planned, Decision]] = []
    acting: dict[str, Planned] = {}
    for each in sorted(attempt.plan, key=lambda each: (order[each.declared.task],
                                                       each.declared.target)):  # fmt: skip
        decision = _in_turn(attempt, each, acting)
        if decision.acts:
            acting[each.declared.task] = each
        told.append((each, decision))
    return told


def _in_turn(attempt: Attempt, call: Planned, acting: Mapping[str, Planned]) -> Decision:
    """Return what would happen to a call after those that would act before it."""
    task = call.declared.task
    before = bool(acting.keys() - {task})
    decision = call.later if before or _is_withdrawn(attempt, call) else call.decision
    if decision.do in QUIET:
        decision = _once_others_acted(call, list(acting.values())) or decision
    return _when_its_turn_comes(attempt, task, decision, before=before)


def _is_withdrawn(attempt: Attempt, call: Planned) -> bool:
    known = attempt.run.tasks.get(call.declared.key)
    return known is not None and is_withdrawn(attempt, known)


def _once_others_acted(call: Planned, acting: Sequence[Planned]) -> Decision | None:
    """Return what would happen to a call whose claim is about what others would do first.

    Where a call like it acts between them, or where it would stop, that is seen when its turn
    comes. None where nobody does anything that it is about.
    """
    made = [place for place, other in enumerate(acting) if call.comes_after(other)]
    if not made or call.stale is None:
        return None
    why = f"{acting[made[0]].declared.task} changes what it is made of"
    decision = call.stale()
    alike = {each.declared.step for each in acting[made[-1] + 1 :]}
    if decision.acts and call.declared.step not in alike:
        return replace(decision, why=why, brief="")
    return Decision(Do.LOOK, "not told yet", why)


def _when_its_turn_comes(
    attempt: Attempt, task: str, decision: Decision, *, before: bool
) -> Decision:
    """Return what is told of a call: not what is beyond the hold, nor what may be otherwise then.

    Args:
        attempt: What is planned.
        task: The call's.
        decision: As things stand now.
        before: A step before it would act first.
    """
    if attempt.is_beyond(task):
        return Decision(Do.LEAVE, "not reached", f"the run holds at {attempt.choices.to}")
    if decision.stops and (attempt.beside or (before and decision.may_change)):
        return replace(decision, do=Do.LOOK, word="not told yet", brief="")
    return decision


def _mark() -> None:
    """Stand for the work in pyinfra's table of detected changes; planning never runs it."""
    raise AssertionError("a preview was executed")
