"""The facts of one call or one receipt: what is on record, and how the world is asked."""

import socket
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import chain, starmap
from pathlib import Path
from typing import Any

from pyinfra.context import host

from handrail.engine import snapshot
from handrail.engine.act import Act
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.beside import is_withdrawn
from handrail.engine.attempt.command import is_executing
from handrail.engine.attempt.edits import changes
from handrail.engine.clause import Clause, ask, claim
from handrail.engine.contract import Irreversible
from handrail.engine.decide.gate import GateFacts
from handrail.engine.decide.receipt import Reading, Reads, ReceiptFacts
from handrail.engine.decide.step import Arguments, StepFacts
from handrail.engine.finding import Finding, Verdict
from handrail.engine.guard import acts_in_doubt, refuse_orphan
from handrail.engine.names import later_entries
from handrail.ledger.errors import PreconditionUnmet, RunbookError
from handrail.ledger.run import Run
from handrail.ledger.task import Receipt, Standing, Task


def step_facts(act: Act) -> StepFacts:
    """Return the facts of a call; each question is asked at most once, and only if it matters."""
    attempt, task = act.attempt, act.task
    difference = act.other_subject()
    acts = [*_begun(attempt, task), *_begun_back(attempt, task)]
    return StepFacts(
        place=attempt.place(task),
        standing=task.standing,
        attempt=task.attempt,
        arguments=_arguments(act, difference),
        difference=difference,
        idempotent=act.contract.idempotent,
        void=attempt.is_void(task, since=task.proven_seq),
        consent=_choice(act, "settle" if task.in_doubt or task.skipped else "drift"),
        redone=attempt.was_redone(task),
        claim=claim(act.contract.ensures),
        orphan=cache(lambda: orphan(act, acts)),
        ensures=cache(lambda: ask(act.contract.ensures, act.live)),
        unmet=cache(lambda: unmet(act)),
        untouched=cache(lambda: reads_as_left(act, act.task.receipt)),
        edits=_edits(act),
        elsewhere=_elsewhere(act),
    )


def _choice(act: Act, kind: str) -> str:
    """Return what an operator chose about a call; empty where nobody did."""
    consent = act.attempt.consent(kind, act.task)
    return consent.choice if consent else ""


def _begun(attempt: Attempt, task: Task) -> list[str]:
    """Return the acts of a task that began, where nobody can say that it is done."""
    unclear = task.in_doubt or task.skipped or task.unproven
    return acts_in_doubt(attempt.run, task) if unclear else []


def _elsewhere(act: Act) -> tuple[str, str] | tuple[()]:
    """Return the machine and the folder there that hold what a step keeps of a run, if not here.

    A step that takes a `directory` keeps it there, in a folder of the run.
    """
    run, kept = act.attempt.run, act.plain.get("directory")
    machine = run.machines.get(act.task.attempt, "")
    if not isinstance(kept, str) or machine in ("", socket.gethostname()):
        return ()
    folder = Path(kept).absolute() / run.id
    return () if folder.exists() else (machine, str(folder))


def _begun_back(attempt: Attempt, task: Task) -> list[str]:
    """Return the acts of rollbacks on a task that began, and whose end nobody saw."""
    ways = ((run, run.tasks.get(task.declared.key)) for run in attempt.ways_back)
    doubtful = [(run, way) for run, way in ways if way is not None and way.in_doubt]
    return list(chain.from_iterable(starmap(acts_in_doubt, doubtful)))


def gate_facts(act: Act) -> GateFacts:
    """Return the facts of a gate."""
    attempt, task = act.attempt, act.task
    until = attempt.calls.untils.get(task.declared.task, "")
    same = act.is_as_recorded
    withdrawn = is_executing() and is_withdrawn(attempt, task)
    return GateFacts(
        passed=task.settled and same,
        opened=task.opened_at is not None and same,
        void=withdrawn or attempt.is_void(task, since=task.proven_seq),
        until=until,
        until_is_done=attempt.is_done(until),
    )


def receipt_facts(act: Act, receipt: Receipt, undone: Run) -> ReceiptFacts:
    """Return the facts of a receipt in a rollback."""
    attempt, contract = act.attempt, act.contract
    task = undone.tasks[receipt.key]
    acts = _open_acts(act, undone)
    left_out = gone(act, receipt)
    return ReceiptFacts(
        place=attempt.place(act.task),
        begun=act.task.in_doubt and act.task.acted_seq > task.acted_seq,  # not acted again since
        covered_by=_covered_by(act, undone),
        irreversible=contract.no_way_back,
        accepted=is_accepted(act),
        doubtful=task.in_doubt or task.skipped,
        cancels=contract.cancels is not None,
        after=bool(receipt.after) and (not left_out or reads_as_left(act, receipt)),
        blind=is_blind(receipt),
        keeps_since=contract.keeps_since,
        consent=_choice(act, "drift"),
        gone="; ".join(sorted({*left_out.values()})),
        orphan=cache(lambda: orphan(act, acts)),
        reading=cache(lambda: reading(act, receipt)),
        ensures=cache(lambda: ask(contract.ensures, act.live)),
    )


def _open_acts(act: Act, undone: Run) -> list[str]:
    """Return the acts on a receipt, and its way back, whose end nobody saw."""
    task = undone.tasks[act.task.declared.key]
    if not (task.in_doubt or task.skipped or act.task.in_doubt):
        return []
    return acts_in_doubt(undone, task) + acts_in_doubt(act.attempt.run, act.task)


def _covered_by(act: Act, undone: Run) -> str:
    covering = cover(act, undone)
    return covering.declared.step if covering else ""


def cover(act: Act, undone: Run) -> Task | None:
    """Return the task whose way back takes this one back, too, where this rollback undoes it."""
    rollback = act.contract.rollback
    if not isinstance(rollback, Irreversible):
        return None
    wanted = (rollback.undone_by, act.task.declared.target)
    tasks = undone.tasks.values()
    found = [each for each in tasks if (each.declared.step, each.declared.target) == wanted]
    undoing = act.attempt.calls.undoing
    return next((each for each in found if each.rolled_back or each.declared.key in undoing), None)


def reading(act: Act, receipt: Receipt) -> Reading:
    """Look at what a step captures, and hold it against its receipt."""
    if act.contract.captures is None:
        return Reading(Reads.OTHER)
    try:
        if reads_as_before(act, receipt):
            return Reading(Reads.BEFORE)
        return Reading(Reads.AFTER if reads_as_left(act, receipt) else Reads.OTHER)
    except RunbookError as error:
        return Reading(Reads.UNREADABLE, error.why, error.fix)


def is_blind(receipt: Receipt) -> bool:
    """Tell whether what the step captures does not see what its last act did.

    An older entry does not say so; of a step that acted once, what was there before tells.
    """
    if receipt.blind is not None:
        return receipt.blind
    return bool(receipt.after) and receipt.after == snapshot.trace_of(receipt.before)


def reads_as_before(act: Act, receipt: Receipt) -> bool:
    """Tell whether what the step captures reads as it did before the step acted."""
    if act.contract.captures is None:
        return False
    forms, vault = _forms(act, act.contract.captures), act.attempt.vault
    if any(snapshot.same(now, receipt.before, vault) for now in forms):
        return True
    left_out = gone(act, receipt)
    if not left_out:
        return False
    before = snapshot.unseal(receipt.before, vault)
    wanted, *found = [
        snapshot.trace(snapshot.without(each, left_out), vault) for each in (before, *forms)
    ]
    return wanted in found


def gone(act: Act, receipt: Receipt) -> dict[str, str]:
    """Return which entries of what was there before are gone for good, each in a sentence.

    Raises:
        PreconditionUnmet: that cannot be looked at.
    """
    clause = act.contract.gone
    if clause is None or not isinstance(receipt.before, Mapping):
        return {}
    act = replace(
        act, live=act.live | {"before": snapshot.unseal(receipt.before, act.attempt.vault)}
    )
    return dict(act.captured(clause))


def reads_as_left(act: Act, receipt: Receipt | None) -> bool:
    """Tell whether what the step captures reads as it did after the step acted.

    Then nobody changed it since, whatever became of the files and values the step was made from.
    """
    if act.contract.captures is None or receipt is None or not receipt.after:
        return False
    forms = _forms(act, act.contract.captures)
    return receipt.after in (snapshot.trace(now, act.attempt.vault) for now in forms)


def _forms(act: Act, captures: Clause) -> list[Any]:  # Any: snapshots
    """Return what is there now, as the step captures it today, and as it did formerly."""
    now, later = act.captured(captures), later_entries(act.contract.name)
    return [now, snapshot.without(now, later)] if later else [now]


def unmet(act: Act) -> RunbookError | None:
    """Return the refusal of the first requirement that does not hold or cannot be looked at."""
    for requirement in act.contract.requires:
        found = ask(requirement, act.live)
        if not found.passed:
            return PreconditionUnmet(
                f"{act.contract.name} did not start on {host.name}",
                f"it requires that {claim(requirement)}; {told(found)}",
                found.fix or "make it so, then the same command again",
            )
    return None


def told(found: Finding) -> str:
    """Return what was found instead of yes, telling no from unknown."""
    return found.why if found.verdict is Verdict.FAIL else f"that cannot be told: {found.why}"


def orphan(act: Act, acts: list[str]) -> RunbookError | None:
    """Return the refusal where a command of an act whose end nobody saw is still at work."""
    what = f"{act.contract.name} did not start on {host.name}"
    try:
        if acts:
            refuse_orphan(act.attempt.ledger, acts, what)
    except RunbookError as found:
        return found
    return None


def _arguments(act: Act, difference: str) -> Arguments:
    if difference:
        return Arguments.OTHER_SUBJECT
    return Arguments.SAME if act.is_as_recorded else Arguments.CHANGED


def is_accepted(act: Act) -> bool:
    """Tell whether what the step did may stay: said now, by the runbook, or before."""
    before = act.task.standing is Standing.SKIPPED and not act.task.unproven
    said = act.attempt.consent("accept", act.task) is not None
    return said or before or act.task.declared.task in act.attempt.calls.accepts


def _edits(act: Act) -> str:
    """Return which arguments are others than on record, each as it was and as it is."""
    receipt = act.task.receipt
    if receipt is None or act.is_as_recorded:
        return ""
    found = "; ".join(changes(receipt.arguments, act.plain))
    return f": {found}" if found else ": the value of a secret, or a file's text"
