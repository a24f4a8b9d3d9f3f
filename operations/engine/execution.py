"""Carry one step out on one target: admit, record the intent, act, prove, record the outcome."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyinfra import host, logger
from pyinfra.api import FunctionCommand, StringCommand
from pyinfra.api.command import PyinfraCommand, QuoteString
from pyinfra.api.host import Host
from pyinfra.api.state import State

from operations.clients.errors import ClientError
from operations.engine import arguments as values
from operations.engine.contract import Call, Commands, Contract, ask, chosen, claim
from operations.engine.finding import Finding, Verdict
from operations.engine.session import Session, current
from state.entry import Event
from state.errors import DriftFound, InDoubt, NotProven, PreconditionUnmet, RunbookError
from state.run import SETTLED, Task, TaskState

FENCE_EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: try again when the other one has ended


@dataclass
class Act:
    """One call of a step on this target: its contract and its arguments, plain and live."""

    session: Session
    contract: Contract
    task: Task
    plain: dict[str, Any]  # Any: JSON
    live: dict[str, Any]  # Any: what the annotations name
    digest: str

    @classmethod
    def of(cls, session: Session, contract: Contract, task: str, plain: dict[str, Any]) -> "Act":
        """Read the arguments; a secret that is not to be had is a refusal."""
        try:
            live = values.revive(contract, plain, task, session.run.undoes or session.run.id)
            digest = values.digest(plain, live, session.vault)
        except ClientError as error:
            raise refusal(contract, error.what + ": " + error.why, error.fix) from None
        return cls(session, contract, session.task(task), plain, live, digest)

    def record(self, event: Event, *, reason: str = "", **body: Any) -> None:  # Any: JSON
        """Write to the ledger about this step on this target."""
        declared = self.task.declared
        body.setdefault("digest", self.digest)
        self.session.append(
            event, task=declared.task, step=self.contract.name, reason=reason, body=body
        )


def execute(act: Act) -> Iterator[PyinfraCommand]:
    """Do one step as its contract says, and yield pyinfra's commands.

    Every refusal ends as a command that fails: an exception would stop the other targets in the
    middle of what they are doing.
    """
    try:
        if not admit(act):
            return
        intend(act)
    except RunbookError as error:
        yield refused(act.session, act, error)
        return
    failure: list[str] = []
    try:
        yield from perform(act.contract.body(**chosen(act.contract.body, act.live)), failure)
    except (ClientError, RunbookError) as error:
        what = f"{act.contract.name} failed on {host.name}"
        yield failed(act, NotProven(what, f"{error.what}: {error.why}", error.fix))
        return
    except BaseException as stop:  # GeneratorExit: a command failed and pyinfra let go of us
        seen = "a command did not succeed; its output stands above"
        unforeseen = seen if isinstance(stop, GeneratorExit) else f"unforeseen: {type(stop).__name__}"
        record_failure(act, failure[0] if failure else unforeseen)
        raise
    try:
        found = ask(act.contract.ensures, act.live)
        if not found.passed:
            raise NotProven(
                f"{act.contract.name} acted on {host.name} and is not proven",
                f"it ensures that {claim(act.contract.ensures).lower()}; {found.why}",
                found.fix or "see the lines above, then the same command again",
            )
        act.record(Event.STEP_CHANGED, facts=dict(found.facts))
    except RunbookError as error:
        yield failed(act, error)


def admit(act: Act) -> bool:
    """Decide whether the step has to act; False where nothing is left to do.

    Raises:
        RunbookError: it must not act.
    """
    act.session.write()
    act.task = act.session.task(act.task.declared.task)
    refuse_after_failure(act.session)
    task = act.task
    if task.in_doubt:
        return resolve_doubt(act)
    if task.state is TaskState.SKIPPED:
        return False
    settled = task.receipt is not None or task.state in SETTLED
    found = looked(act, act.contract.ensures)
    if settled and task.digest == act.digest:
        return confirm_or_redo(act, found)
    if found.passed:
        act.record(Event.STEP_UNCHANGED, facts=dict(found.facts))
        return False
    refuse_unmet(act)
    return True


def confirm_or_redo(act: Act, found: Finding) -> bool:
    """Hold a settled receipt against the world."""
    if found.passed:
        if act.task.state not in SETTLED:
            act.record(Event.STEP_CONFIRMED)
        return False
    choices = act.session.choices
    if choices.drift != "redo":
        raise DriftFound(
            f"{act.contract.name} did not start on {host.name}",
            f"it was done in this run and no longer holds: {found.why}",
            "find out who changed it; then the same command with `--data drift=redo "
            '--data reason="…"`',
        )
    if not choices.reason:
        raise no_reason(act)
    refuse_unmet(act)
    return True


def resolve_doubt(act: Act) -> bool:
    """Find out what an interrupted act came to; True where it has to run again."""
    refuse_orphan(act)
    declared = act.task.declared
    choice = act.session.choices.settlement(declared.task)
    reason = act.session.choices.reason
    if choice and not reason:
        raise no_reason(act)
    if choice == "skip":
        act.record(Event.STEP_SKIPPED, reason=reason)
        return False
    found = looked(act, act.contract.ensures)
    if found.passed or choice == "adopt":
        act.record(Event.STEP_ADOPTED, reason=reason, facts=dict(found.facts))
        return False
    if act.contract.idempotent or choice == "retry":
        refuse_unmet(act)
        return True
    raise InDoubt(
        f"{act.contract.name} did not start on {host.name}",
        f"attempt {max(act.task.attempts)} began it and its end is not on record; {found.why}; "
        "it is not declared idempotent, so it does not run twice unattended",
        f"look, then the same command with `--data settle={declared.task}:retry`, `:adopt` or "
        '`:skip`, and `--data reason="…"`; or roll the run back',
    )


def refuse_unmet(act: Act) -> None:
    """Raise where a precondition does not hold or cannot be looked at."""
    for requirement in act.contract.requires:
        found = ask(requirement, act.live)
        if not found.passed:
            raise PreconditionUnmet(
                f"{act.contract.name} did not start on {host.name}",
                f"it requires that {claim(requirement).lower()}; {found.why}",
                found.fix or "make it so, then the same command again",
            )


def looked(act: Act, clause: Any) -> Finding:
    """Ask a claim of which both yes and no are good answers; anything else is a refusal."""
    found = ask(clause, act.live)
    if found.verdict in (Verdict.PASS, Verdict.FAIL):
        return found
    raise PreconditionUnmet(
        f"{act.contract.name} did not start on {host.name}",
        f"whether {claim(clause).lower()} cannot be told ({found.verdict}): {found.why}",
        found.fix or "make it visible, then the same command again",
    )


def intend(act: Act) -> None:
    """Record what is about to happen and what was there before; on disk before any effect."""
    before = None
    if act.contract.captures is not None and act.task.receipt is None:
        try:
            captured = act.contract.captures(**chosen(act.contract.captures, act.live))
        except ClientError as error:
            what = f"what was there before cannot be read: {error.what}: {error.why}"
            raise refusal(act.contract, what, error.fix) from None
        before = values.seal(captured, act.session.vault)
    act.record(
        Event.STEP_STARTED,
        arguments=act.plain,
        before=before,
        idempotent=act.contract.idempotent,
        reason=act.session.choices.reason,
    )


def perform(body: Commands, failure: list[str]) -> Iterator[PyinfraCommand]:
    """Turn what a body yields into pyinfra's commands: calls as they are, shell under the fence."""
    for item in body:
        if isinstance(item, Call):
            yield FunctionCommand(performer(item, failure), (), {})
        else:
            yield fenced(item)


def performer(item: Call, failure: list[str]) -> Any:
    """Return a call in the form that pyinfra runs: False is a failure, told in one line."""

    def run(state: State, host: Host) -> bool:  # pyinfra goes by these two names
        try:
            item.function(*item.args, **item.kwargs)
        except (ClientError, RunbookError) as error:
            failure.append(f"{error.what}: {error.why}")
            tell(f"{error.what}.\n    why:  {error.why}\n    next: {error.fix}")
        return not failure

    return run


def fence_file(session: Session) -> str:
    """Return the lock file on the target: of this user, this environment, this target."""
    return f"/tmp/runbook-$(id -u)-{session.environment}-{host.name.replace('/', '-')}.fence"


def fenced(command: "str | StringCommand") -> StringCommand:
    """Wrap a shell command so that an orphan of a killed run keeps others out until it ends."""
    held = fence_file(current())
    line = f'flock -n -E {FENCE_EXIT_CODE} "{held}" sh -c'
    told = (
        f"|| {{ code=$?; [ $code = {FENCE_EXIT_CODE} ] && "
        "echo 'a command of an earlier attempt is still at work on this target' >&2; exit $code; }"
    )
    return StringCommand(line, QuoteString(command), told)


def refuse_orphan(act: Act) -> None:
    """Raise while a command of a killed attempt is still at work on the target."""
    held = fence_file(act.session)
    free, output = host.run_shell_command(
        StringCommand(f'[ ! -e "{held}" ] || flock -n -E {FENCE_EXIT_CODE} "{held}" true')
    )
    if not free:
        raise PreconditionUnmet(
            f"{act.contract.name} did not start on {host.name}",
            f"a command of an earlier attempt is still at work there {shlex.quote(output.stderr)}",
            f'wait for it (`fuser -v "{held}"` on the target), then the same command again',
        )


def refuse_after_failure(session: Session) -> None:
    """Raise where another target has failed: no step starts anywhere after it."""
    if session.stopped_by:
        raise PreconditionUnmet(
            f"nothing more starts on {host.name}",
            f"the run stopped at {session.stopped_by}",
            "mend that, then the same command again",
        )


def refused(session: Session, act: "Act | None", error: RunbookError) -> PyinfraCommand:
    """Record a refusal where that is possible, and return it as a command that fails."""
    if act is not None and session.lease is not None and not session.stopped_by:
        try:
            act.record(Event.STEP_REFUSED, why=error.why)
        except RunbookError as unwritable:
            tell(str(unwritable))
    session.stop(f"{act.contract.name if act else 'the start'} on {host.name}")
    return failing(str(error))


def failed(act: Act, error: RunbookError) -> PyinfraCommand:
    """Record that a step acted and is not proven, and return it as a command that fails."""
    record_failure(act, error.why)
    return failing(str(error))


def record_failure(act: Act, why: str) -> None:
    """Record a failure; a ledger that does not take it leaves the step in doubt, as it is."""
    act.session.stop(f"{act.contract.name} on {host.name}")
    try:
        act.record(Event.STEP_FAILED, why=why)
    except RunbookError as unwritable:
        tell(str(unwritable))


def failing(message: str) -> PyinfraCommand:
    """Return a command that prints a refusal and fails."""

    def refuse(state: State, host: Host) -> bool:  # pyinfra goes by these two names
        tell(message)
        return False

    return FunctionCommand(refuse, (), {})


def tell(message: str) -> None:
    """Print a refusal under the target's name."""
    for line in message.splitlines():
        logger.error(f"{host.print_prefix}{line}")


def refusal(contract: Contract, why: str, fix: str) -> PreconditionUnmet:
    """Return the refusal of a step that did not start."""
    return PreconditionUnmet(f"{contract.name} did not start on {host.name}", why, fix)


def no_reason(act: Act) -> PreconditionUnmet:
    """Return the refusal of an override without a reason."""
    return refusal(act.contract, "an override needs a reason", 'add `--data reason="…"`')
