"""What people say of a run: an approval, and that a task a person does is done."""

from typing import Any

import click

from handrail.cli.ledger import ledger_option, opened
from handrail.cli.out import GOOD, Misused, say
from handrail.clients import ssh_signature
from handrail.clients.masking import masked, masked_data
from handrail.ledger.arming import Armed, armed_in, is_armed
from handrail.ledger.entry import Event, now, timestamp
from handrail.ledger.errors import RunbookError
from handrail.ledger.people import APPROVE, NAMESPACE, approval_text, approvals, os_user
from handrail.ledger.run import Run
from handrail.ledger.seam import Fact, Ledger
from handrail.ledger.views.evidence import choose
from handrail.naming import ticked

PERSONAL = "person.does"


@click.command
@click.argument("run")
@click.argument("task")
@click.option("--role", default="", help="as whom; else as the one that is asked for")
@click.option("--sign", metavar="KEY", default="", help="sign it with this SSH key")
@click.option("--withdraw", is_flag=True, help="take an approval back")
@click.option("--reason", default="", help="why; kept in the ledger")
@ledger_option
def approve(
    ledger: str, run: str, task: str, role: str, sign: str, reason: str, *, withdraw: bool
) -> int:
    """Approve that a run goes on past a task.

    RUN is its id, or `latest`. It must be somebody else than the operator: the user of this system,
    or the owner of an SSH key that the inventory lists. It counts for the plan as it is now.
    """
    held = opened(ledger)
    found = _task_of(held, run, task, APPROVE, "waits for no approval")
    me = os_user()
    if withdraw:
        return _withdrawn(held, found, task, reason)
    if not sign and me in found.operators:
        raise RunbookError(
            f"task `{task}` of `{found.id}` was not approved",
            f"{me} is an operator of this run",
            "let somebody else approve it, as another user of this system or with `--sign KEY`",
        )
    role = _role(found, task, role)
    at = timestamp(now())
    body = {"role": role, "plan": found.plan, "at": at}
    if sign:
        text = approval_text(held.environment, found.id, task, found.plan, role, at)
        body["signature"] = ssh_signature.sign(text, sign, NAMESPACE)
    _record(held, found, Event.APPROVAL_GIVEN, task, reason, body)
    as_whom = f" as {role}" if role else ""
    say([f"{me} approved task {task} of {found.id}{as_whom}, for plan {found.plan[:12]}."])
    return GOOD


def _role(run: Run, task: str, given: str) -> str:
    """Return as whom somebody approves: as the approval asks for.

    Raises:
        Misused: as somebody that it does not ask for.
    """
    asked = run.asks.get(task, "")
    if given and asked and given != asked:
        what = f"task `{task}` of `{run.id}` was not approved"
        why = f"it asks for `{asked}`, and `--role` says `{given}`"
        raise Misused(
            what, why, f"who is that one leaves `--role` out: handrail approve {run.id} {task}"
        )
    return given or asked


def _withdrawn(held: Ledger, run: Run, task: str, reason: str) -> int:
    me = os_user()
    if me not in {each.actor for each in approvals(run, task)}:
        what, why = "nothing was taken back", f"{me} has not approved it"
        raise Misused(what, why, f"see `handrail show {run.id}`")
    _record(held, run, Event.APPROVAL_WITHDRAWN, task, reason)
    say([f"The approval of {me} for task {task} of {run.id} is withdrawn."])
    return GOOD


@click.command
@click.argument("run")
@click.argument("task")
@click.option("--with", "evidence", metavar="TEXT", default="", help="what shows that it is so")
@click.option("--on", "target", metavar="TARGET", default="", help="where it has several targets")
@ledger_option
def confirm(ledger: str, run: str, task: str, evidence: str, target: str) -> int:
    """Confirm that a person has done a task, or that an armed step is to stay.

    In a rollback: that a person's task is put back. What a person has done needs `--with`: a
    ticket, say. RUN is its id, or `latest`.
    """
    held = opened(ledger)
    chosen = choose(held.runs(), run)
    forward = held.runs()[chosen.undoes] if chosen.undoes else chosen
    if is_armed(forward, task):
        if target:
            why = "an armed step is confirmed, and put back, on all its targets at once"
            raise Misused("nothing was confirmed", f"`--on {target}`: {why}", "leave `--on` out")
        return _keep(held, forward, task, evidence)
    found = _task_of(held, run, task, PERSONAL, "is neither armed nor done by a person")
    _refuse_elsewhere(found, task, target)
    if not evidence.strip():
        raise Misused("nothing was confirmed", "no evidence is named", 'add `--with "ticket 4711"`')
    _record(held, found, Event.PERSON_CONFIRMED, task, "", {"with": evidence}, target)
    say([f"{os_user()} confirmed task {task} of {found.id} with: {evidence}"])
    return GOOD


def _refuse_elsewhere(run: Run, task: str, target: str) -> None:
    """Raise where a task is not on a target.

    Raises:
        Misused: with the targets that could be meant.
    """
    targets = sorted(place for name, place in run.tasks if name == task)
    if target and target not in targets:
        there = ticked(targets)
        raise Misused("nothing was confirmed", f"task `{task}` is not on `{target}`", there)


def _keep(held: Ledger, run: Run, task: str, evidence: str) -> int:
    """Confirm what is armed; the ledger's order tells whether that came in time.

    Raises:
        RunbookError: it is too late, or too early.
    """
    waiting = _waiting(run, task)
    for each in waiting:
        _refuse_untimely(run, each)
    if not waiting:
        _refuse_gone(run, task)
        say([f"Task {task} of {run.id} is confirmed already."])
        return GOOD
    said = {"with": evidence} if evidence.strip() else {}
    _record(held, run, Event.PERSON_CONFIRMED, task, "", said)
    for each in _waiting(held.runs()[run.id], task):  # its watchdog was quicker
        _refuse_untimely(run, each)
    say([f"{os_user()} confirmed task {task} of {run.id}: it stays."])
    return GOOD


def _waiting(run: Run, task: str) -> list[Armed]:
    return [each for each in armed_in(run) if each.task == task]


def _refuse_untimely(run: Run, armed: Armed) -> None:
    """Raise where it is too late to confirm something, or too early.

    Raises:
        RunbookError: with where to look.
    """
    what = f"task `{armed.task}` of `{run.id}` was not confirmed"
    if armed.is_over(now()):
        why = f"it had to be by {armed.until:%H:%M:%S}Z, it is {now():%H:%M:%S}Z, and it goes back"
        fix = f"handrail watch {run.id}; to go forward again, the command that began the run"
        raise RunbookError(what, why, fix)
    if armed.in_doubt:
        why = f"its end on {armed.target} is not on record yet"
        raise RunbookError(what, why, f"handrail status {run.id}; this again once it has ended")


def _refuse_gone(run: Run, task: str) -> None:
    """Raise where nothing of a task is left that could stay.

    Raises:
        RunbookError: with where to look.
    """
    if all(each.rolled_back for (name, _), each in run.tasks.items() if name == task):
        what = f"task `{task}` of `{run.id}` was not confirmed"
        raise RunbookError(what, "it is put back already", f"handrail show {run.id}")


def _task_of(held: Ledger, run: str, task: str, step: str, otherwise: str) -> Run:
    """Return the run, where it has such a task.

    Raises:
        Misused: with the tasks that could be meant.
    """
    found = choose(held.runs(), run)
    fitting = {name: None for (name, _), each in found.tasks.items() if each.declared.step == step}
    if task not in fitting:
        what = f"nothing was said of task `{task}`"
        why = f"in `{found.id}` it {otherwise}"
        could = f"name one of: {ticked(fitting)}; " if fitting else ""
        raise Misused(what, why, f"{could}see `handrail show {found.id}`")
    return found


def _record(
    held: Ledger,
    run: Run,
    event: Event,
    task: str,
    reason: str,
    body: dict[str, Any] | None = None,  # Any: JSON
    target: str = "",
) -> None:
    step = next(each.declared.step for (name, _), each in run.tasks.items() if name == task)
    fact = Fact(
        event, run.id, run.attempts, os_user(), task, step, target, masked(reason),
        masked_data(body or {}),
    )  # fmt: skip
    held.append_beside([fact])
