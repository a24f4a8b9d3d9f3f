"""Opening the one attempt of a command: which run it carries on, or begins."""

import gc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import Any

from pyinfra.context import host, state

from handrail.clients.errors import ClientError
from handrail.clients.git_copy import keep_copies_in
from handrail.clients.memory import MEMORIES
from handrail.clients.patience import tell_waits_to
from handrail.engine import arming
from handrail.engine.attempt import frozen
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.budget import Budget
from handrail.engine.attempt.calls import Calls
from handrail.engine.attempt.choices import Choices
from handrail.engine.attempt.closing import close, close_at_end
from handrail.engine.attempt.command import is_dry, runbook_file
from handrail.engine.attempt.guarded import Guard
from handrail.engine.attempt.requirements import read
from handrail.engine.attempt.stakes import stake_lines
from handrail.engine.console import Console
from handrail.engine.eventlog import EventLog
from handrail.engine.events import outside
from handrail.engine.here import Here
from handrail.engine.interruption import on_interruption
from handrail.engine.inventory import Inventory, data_of, keep_order
from handrail.engine.needs import FORWARD
from handrail.engine.pace import keep_pace
from handrail.engine.plain_operations import refuse_plain_operations
from handrail.engine.prompt import stand_in
from handrail.engine.secrecy import keep_secrets
from handrail.engine.telling import refuse, say
from handrail.engine.turn import take_turns
from handrail.engine.watch import reached
from handrail.ledger.entry import now
from handrail.ledger.errors import RunbookError, RunLocked
from handrail.ledger.run import Outcome, Run
from handrail.ledger.runs import Runs
from handrail.ledger.seam import Ledger, NoLedger
from handrail.ledger.secrets import Vault

# From the runs on record, the runbook's name and the targets left out: the run, and what its
# opening says.
Choose = Callable[[Runs, str, tuple[str, ...]], tuple[Run, dict[str, Any]]]  # Any: JSON

_attempt: Attempt | None = None
_refusal: RunbookError | None = None


def begin(
    needs: Mapping[str, type] | None = None,
    *,
    recurs: bool = False,
    back_when_red: bool = False,
    requirements: str = "",
) -> Here:
    """Open or resume the run of this runbook on this environment; first call of a runbook.

    Args:
        needs: By group, a TypedDict of the data the runbook needs of its targets; anything
            missing, unknown or of another type is refused before the first step.
        recurs: A run that came to its end is over: the same command begins the next one. Without
            it the command asks whether what was done is still so.
        back_when_red: Where a gate is looked at and does not open, the run is rolled back at once,
            by `rollback.py` beside the runbook. A gate that could not be looked at, a step that
            failed and a signal stop the run as ever.
        requirements: A YAML file of the project that says which task of the plan serves which
            requirement; the report of a run traces them.

    Returns:
        The data of the target that the runbook is being read for.

    Raises:
        Refused: ``--no-wait``, ``--serial``, ``--limit``, no terminal without ``-y``, a target
            that did not connect, a ledger that is not to be trusted, another process at work, a
            file of requirements that cannot be read.
    """
    attempt = open_attempt(needs, next_or_latest if recurs else latest_or_new)
    attempt.back_when_red = back_when_red
    try:
        attempt.calls.requirements = read(requirements)
    except RunbookError as wrong:
        attempt.refusal = wrong
        raise refuse(wrong) from None
    data = {each.name: data_of(each) for each in host.inventory}
    return Here(data[host.name], host.name, set().union(*data.values()))


def open_attempt(
    needs: Mapping[str, type] | None, choose: Choose, keys: frozenset[str] = FORWARD
) -> Attempt:
    """Open the one attempt, or return it: pyinfra runs a runbook once for each target.

    Args:
        needs: By group, a TypedDict of the data its targets must hold; None asks for nothing.
        choose: From the runs on record and the runbook's name, the run to carry on or to open.
        keys: What the engine reads of `--data` in this command.

    Raises:
        Refused: with what, why and next, before anything was done.
    """
    global _attempt, _refusal  # noqa: PLW0603  one process carries one attempt
    try:
        if _refusal is not None:
            raise _refusal
        with _turn():  # while a server answers, pyinfra reads the runbook for another target
            _attempt = _attempt or _opened(needs, choose, keys)
        if _attempt.runbook != Path(runbook_file()).stem:
            raise RunbookError(
                "nothing was started",
                f"`{_attempt.runbook}` and `{Path(runbook_file()).stem}` are in one command",
                "give each runbook a command of its own",
            )
    except RunbookError as refusal:
        _refusal = refusal
        raise refuse(refusal) from None
    refuse_plain_operations()
    return _attempt


@cache
def _turn() -> AbstractContextManager[object]:
    """Return what lets one target at a time open the attempt; made once gevent has its locks."""
    return RLock()


def _opened(needs: Mapping[str, type] | None, choose: Choose, keys: frozenset[str]) -> Attempt:
    reached()
    if is_dry():
        state.check_for_changes = True  # `-y --dry` plans, too
    gc.freeze()  # all that is imported stays; looking through it again and again takes long
    inventory = Inventory.here(needs, keys)
    choices = Choices.given()
    keep_pace()
    inventory.refuse_unready(choices.without)
    keep_order()
    runbook = Path(runbook_file()).stem
    ledger = inventory.kept.open(inventory.environment, create=False)
    beside = _at_work(ledger, choices.takeover)
    seen = ledger.trusted_head()
    runs = ledger.runs()
    run, body = choose(runs, runbook, choices.without)
    vault = inventory.kept.vault(ledger, planning=True)
    _refuse_lost(vault)
    calls = Calls(runbook)
    log = EventLog(inventory.ledger.with_suffix(".log"))
    attempt = Attempt(inventory, choices, ledger, run, runs, vault, body, seen, calls, log)
    attempt.beside = beside
    attempt.stale = partial(frozen.refusal, attempt)
    attempt.overdue = partial(arming.overdue, attempt)
    attempt.guard, attempt.budget = Guard.here(inventory.kept), Budget.here()
    if not is_dry():  # a plan leaves nothing behind
        keep_copies_in(inventory.ledger.with_suffix(".repositories"))
    keep_secrets()
    stand_in(attempt)
    if not is_dry():
        console = Console(attempt)
        console.attend()
        arming.attend(attempt)
        news = outside()
        news.attend(attempt)
        attempt.flush = news.flush
        take_turns(attempt, console)
    tell_waits_to(say)
    MEMORIES.share()
    close_at_end(attempt)
    on_interruption(lambda status: close(attempt, status), lambda: stake_lines(attempt))
    return attempt


def _refuse_lost(vault: Vault) -> None:
    """Raise where a vault does not open: it is told now, not by the rollback that needs it.

    Raises:
        RunbookError: it is lost, or its key cannot be read where the inventory names it.
    """
    try:
        vault.fingerprint()
    except ClientError as unread:
        what = "the secrets of the ledger were not opened"
        raise RunbookError(what, f"{unread.what}: {unread.why}", unread.fix) from None


def _at_work(ledger: Ledger | NoLedger, takeover: str) -> str:
    """Return who else is at work; a plan may be made beside, a run may not.

    Raises:
        RunLocked: this is a run.
    """
    try:
        ledger.refuse_held(takeover)
    except RunLocked as locked:
        if not is_dry():
            raise
        return locked.why
    return ""


def current() -> Attempt:
    """Return the attempt of this process.

    Raises:
        Refused: the runbook did not call `begin()`.
    """
    if _attempt is None:
        why = "the runbook calls a step before `begin()`"
        raise refuse(RunbookError("nothing was started", why, "put `begin()` first in the file"))
    return _attempt


def latest_or_new(
    runs: Runs, runbook: str, without: tuple[str, ...]
) -> tuple[Run, dict[str, Any]]:  # Any: JSON of run.opened
    """Choose the newest run of a runbook that was not rolled back, else a new one.

    A proven run of gates alone is over: a runbook that only looks is run to look again.
    """
    del without  # what it left out counts as open, in the same run
    standing = (run for run in runs.newest(runbook) if not (run.undoes or run.rolled_back))
    newest = next(standing, None)
    if newest is None or _has_looked(newest):
        return _new(runs, runbook), {}
    return newest, {}


def _has_looked(run: Run) -> bool:
    """Tell whether a run is proven, of gates alone."""
    gates_alone = all(task.opened_at for task in run.tasks.values())
    return gates_alone and run.outcome is Outcome.PROVEN


def _new(runs: Runs, runbook: str) -> Run:
    return Run(new_id(runs, runbook), runbook, "")


def next_or_latest(
    runs: Runs, runbook: str, without: tuple[str, ...]
) -> tuple[Run, dict[str, Any]]:  # Any: JSON of run.opened
    """Choose the newest run of a runbook where it is still open, else a new one."""
    run, body = latest_or_new(runs, runbook, without)
    over = run.outcome in (Outcome.PROVEN, Outcome.FINISHED)
    return (_new(runs, runbook), {}) if over else (run, body)


def new_id(runs: Runs, runbook: str) -> str:
    """Return a run id: runbook, minute, and a number where a minute saw more than one."""
    base = f"{runbook}-{now():%Y%m%dT%H%MZ}"
    number = 1
    while (name := base if number == 1 else f"{base}-{number}") in runs:
        number += 1
    return name
