"""What people do in a run: approve that it goes on, and steps that no program can do."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from pyinfra.context import host

from handrail.clients import ssh_signature
from handrail.clients.errors import ClientError
from handrail.engine.attempt import beside
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.opening import current
from handrail.engine.clause import ask, check
from handrail.engine.contract import Commands, call
from handrail.engine.finding import Finding, fails, holds, unknown
from handrail.engine.signature import FROM_RUN
from handrail.engine.signers import Signers
from handrail.engine.steps import gate, step
from handrail.engine.telling import say
from handrail.ledger.entry import now, timestamp
from handrail.ledger.people import (
    AS_BEFORE,
    DONE,
    NAMESPACE,
    Approval,
    Confirmed,
    approvals,
    confirmed,
)
from handrail.naming import phrase

HOURS = 12.0  # a run waits so long for a person; the same command waits on
POLL_SECONDS = 1.0
SAY_EVERY_SECONDS = 60.0


@gate(fix="handrail approve RUN TASK")
def approve(
    role: str = "",
    people: int = 1,
    expires_minutes: float = 60,
    timeout_seconds: float = HOURS * 3600,
    poll_seconds: float = POLL_SECONDS,
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Finding:
    """Enough people other than the operator approve that the run goes on.

    An approval is for this plan: it is withdrawn when a call of the runbook, an argument, or what a
    step does changes; comments and white space are no change.
    Where the inventory lists ``approvers`` (names, each with a public SSH key or a list of them),
    only what one of these keys signed counts.

    Args:
        role: Whom to ask, for people: "release manager". An approval that was given as somebody
            else does not count; one that names no role does.
        people: How many must approve.
        expires_minutes: How long an approval counts.
        timeout_seconds: How long the run waits; the same command waits on.
        poll_seconds: From one look into the ledger to the next.
        task: Of this call; the engine knows it.
        run: The run; the engine knows it.
    """
    del timeout_seconds, poll_seconds  # the gate reads them
    attempt = current()
    beside.hear(attempt)
    known = attempt.inventory.approvers
    good: dict[str, Approval] = {}
    others = []
    for each in approvals(attempt.run, task):
        name = _person(each, known)
        if against := _against(attempt, each, name, role, expires_minutes):
            others.append(f"the one of {each.actor} does not count: {against}")
        else:
            good[name] = each
    if len(good) >= people:
        ends = min(each.ends(expires_minutes) for each in good.values())
        told = f"approved by {', '.join(sorted(good))}"
        return holds(told, plan=attempt.calls.digest(), approved=sorted(good), ends=timestamp(ends))
    asked, wanted = phrase(" by {}", role), phrase(' --role "{}"', role)
    why = "; ".join([f"{len(good)} of {people} approvals{asked}", *others])
    return unknown(why, f"handrail approve {run} {task}{wanted}{beside.ledger_option(attempt)}")


def _person(approval: Approval, known: Signers) -> str:
    """Return who approved: by the key that signed where keys are listed, else by the system."""
    if not known:
        return approval.actor
    if not approval.signature:
        return ""
    return ssh_signature.signer(approval.text, approval.signature, known, NAMESPACE)


def _against(attempt: Attempt, approval: Approval, name: str, role: str, minutes: float) -> str:
    """Return why an approval does not count; empty where it does."""
    if not name:
        return "it is not signed by a key that the inventory lists; add `--sign KEY`"
    if name in beside.operators(attempt):
        return f"{name} is an operator of this run"
    if approval.role and role and approval.role != role:
        return f"it was given as `{approval.role}`"
    if approval.plan != attempt.calls.digest():
        return "the plan changed since"
    if now() > approval.ends(minutes):
        return f"it expired at {approval.ends(minutes):%H:%M:%SZ}"
    return ""


def _where(run: str, task: str) -> Confirmed:
    attempt = current()
    return confirmed(beside.family(attempt, run), run, task, host.name)


def what_was_confirmed(task: str, run: str) -> str:
    """Return where the task stands by people's words: as before, asked, or done."""
    return _where(run, task).state


@check(fix="handrail confirm RUN TASK --with EVIDENCE")
def a_person_did_it(
    task: str, run: str, evidence: str, claim: str, claim_arguments: Mapping[str, Any]
) -> Finding:
    """A person confirmed that it is done, and its claim holds."""
    found = _where(run, task)
    fix = f'handrail confirm {run} {task} --with "{evidence}"{beside.ledger_option(current())}'
    if found.state != DONE:
        since = phrase(" since {}", found.at and _clock(found.at))
        return fails(f"nobody has confirmed it{since}", fix)
    told = f"{found.by} at {_clock(found.at)}: {found.said}"
    if claim:
        asked = ask(_named(claim), dict(claim_arguments))
        if not asked.passed:
            return Finding(asked.verdict, f"{told}; but {asked.why}", asked.fix, asked.facts)
    return holds(told, confirmed_by=found.by, confirmed_at=found.at, evidence=found.said)


def _named(claim: str) -> Any:  # Any: a check, a gate or a function of the project's own
    module, _, name = claim.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        fix = "name it as Python imports it: `operations.site.answers`"
        why = f"there is no `{claim}`"
        raise ClientError("the claim of a person's step cannot be asked", why, fix) from None
    return found.contract.ensures if hasattr(found, "contract") else found


def _clock(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(UTC):%H:%M:%SZ}"


def put_back_by_a_person(
    task: str, run: str, rollback: str, wait_hours: float, before: str
) -> None:
    """Wait until a person confirmed in this rollback that it is as before."""
    del before  # it is as before, or a person makes it so
    back = current().run.id
    _wait(task, run, rollback, "ticket", wanted=AS_BEFORE, said_in=back, hours=wait_hours)


@step(
    captures=what_was_confirmed,
    ensures=a_person_did_it,
    rollback=put_back_by_a_person,
    idempotent=True,
)
def does(
    instructions: str,
    rollback: str,
    evidence: str = "what shows it",
    claim: str = "",
    claim_arguments: Mapping[str, Any] = {},
    expected_minutes: float = 0,
    wait_hours: float = HOURS,
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Commands:
    """Let a person do what no program can, and wait until it is confirmed.

    Args:
        instructions: What to do, as the person reads it.
        rollback: How to put it back, as the person reads it; a rollback waits for that, too.
        evidence: What the confirmation has to name: "ticket or screenshot".
        claim: A check, a gate or a function that returns a Finding, as Python imports it; asked
            before, after and on resume, as any `ensures`.
        claim_arguments: What it takes.
        expected_minutes: Past that, the wait says that it is late; 0 for no such time.
        wait_hours: How long the run waits; the same command waits on.
        task: Of this call; the engine knows it.
        run: The run; the engine knows it.
    """
    del rollback, claim, claim_arguments  # the clauses read them
    late = timedelta(minutes=expected_minutes) if expected_minutes else None
    yield call(_wait, task, run, instructions, evidence, hours=wait_hours, late=late)


def _wait(
    task: str,
    run: str,
    instructions: str,
    evidence: str,
    *,
    wanted: str = DONE,
    said_in: str = "",
    hours: float,
    late: timedelta | None = None,
) -> None:
    """Wait until a person's word stands in the ledger; say who is waited for and since when.

    Raises:
        ClientError: nobody gave it in that time.
    """
    attempt, began = current(), now()
    owner = beside.owner(attempt, task) or "a person"
    where = beside.ledger_option(attempt)
    paste = f'handrail confirm {said_in or run} {task} --with "{evidence}"{where}'
    say(f"{owner}: {instructions}")
    say(f"waiting for {owner} since {began:%H:%M:%SZ}; when it is done: {paste}")
    speaks = _next_word(timedelta(), late)
    while _where(run, task).state != wanted:
        waited = now() - began
        if waited > timedelta(hours=hours):
            why = f"{owner} was waited for since {began:%H:%M:%SZ}"
            raise ClientError(f"task `{task}` was not confirmed", why, paste)
        if waited > speaks:
            say(f"waiting for {owner} since {began:%H:%M:%SZ}{_late(waited, late)}")
            speaks = _next_word(waited, late)
        time.sleep(POLL_SECONDS)  # pyinfra makes this a switch to the other targets


def _next_word(waited: timedelta, late: timedelta | None) -> timedelta:
    """Return after what wait the next word is due: as soon as it is late, then again and again."""
    pause = waited + timedelta(seconds=SAY_EVERY_SECONDS)
    return min(pause, late) if late and waited < late else pause


def _late(waited: timedelta, late: timedelta | None) -> str:
    """Return by how much it is late, as the end of a sentence; empty where it is not."""
    return f", late by {_minutes(waited - late)}" if late and waited > late else ""


def _minutes(over: timedelta) -> str:
    seconds = over.total_seconds()
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
