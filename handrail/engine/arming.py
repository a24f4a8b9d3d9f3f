"""A step that is armed: it undoes itself unless somebody confirms it in time.

Before its intent is recorded a watchdog stands beside the run: a process of a session of its own,
which no hang-up, logout or kill of this command ends. It takes the lease only to undo.
"""

import json
import math
import os
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from handrail.clients.errors import ClientError
from handrail.engine.attempt.beside import hear
from handrail.engine.attempt.command import to_paste
from handrail.engine.attempt.going_back import rollback_file, words_of_rollback
from handrail.engine.children import living_on
from handrail.engine.contract import Contract, Irreversible
from handrail.ledger.arming import Armed, armed_in
from handrail.ledger.entry import Entry, Event, now
from handrail.ledger.errors import PreconditionUnmet, RunbookError
from handrail.ledger.lease import is_alive
from handrail.ledger.run import Run

if TYPE_CHECKING:
    from handrail.engine.attempt.attempt import Attempt

PROGRAM = "handrail.cli.watchdog"
MOMENT_SECONDS = 0.2  # past a deadline, so that nobody asks a moment too early
BY_PEOPLE = "person.does"  # its way back waits for somebody, and a watchdog is nobody


def armed_minutes(contract: Contract, minutes: float) -> float:
    """Return in how many minutes a step has to be confirmed; 0 where it is not armed.

    Raises:
        RunbookError: it is no number of minutes, or the step cannot undo itself.
    """
    what = f"`{contract.name}` cannot be called like this"
    if not _is_time(minutes):
        why = f"`confirm_minutes={minutes!r:.40}` is not a number of minutes"
        raise RunbookError(what, why, "write `confirm_minutes=5`, say; 0 arms nothing")
    if not minutes:
        return 0.0
    if why := _unarmable(contract):
        raise RunbookError(what, f"`confirm_minutes=`: {why}", "leave it out")
    if not rollback_file().is_file():
        why = f"it would be undone by `{rollback_file()}`, and there is none"
        raise RunbookError(what, f"`confirm_minutes=`: {why}", "see `handrail new --help`")
    return float(minutes)


def _is_time(minutes: float) -> bool:
    is_number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    return is_number and 0 <= minutes < math.inf


def _unarmable(contract: Contract) -> str:
    """Return why a step cannot undo itself; empty where it can."""
    if contract.is_gate:
        return "a gate changes nothing, so there is nothing to undo"
    if isinstance(contract.rollback, Irreversible):
        return f"the step cannot be undone: {contract.rollback.reason}"
    if contract.name == BY_PEOPLE:
        return "people put it back, and nobody may be there"
    return ""


def arming_of(attempt: "Attempt", task: str) -> dict[str, Any]:  # Any: JSON
    """Return what an intent says of a step that is armed; the watchdog stands when this returns.

    Raises:
        PreconditionUnmet: it does not, so nothing may be done.
    """
    minutes = attempt.calls.confirms.get(task, 0.0)
    if not minutes:
        return {}
    return {"confirm_minutes": minutes, "watchdog": _watched(attempt)}


def attend(attempt: "Attempt") -> None:
    """See that what an earlier attempt has armed is watched over while this one goes on."""

    def hear_of(entry: Entry) -> None:
        if entry.event is Event.ATTEMPT_STARTED and armed_in(attempt.run):
            _watched(attempt)

    attempt.listeners.append(hear_of)


def overdue(attempt: "Attempt") -> RunbookError | None:
    """Return why nothing more may start: something armed was not confirmed in time."""
    if not armed_in(attempt.run):
        return None
    hear(attempt)
    late = [each for each in armed_in(attempt.run) if each.is_over(now())]
    return _refusal(attempt, late[0]) if late else None


def _refusal(attempt: "Attempt", late: Armed) -> RunbookError:
    to = {"to": before} if (before := late.goes_back_to(attempt.run)) else {}
    back = to_paste(str(rollback_file()), run=attempt.run.id, reason=late.why, **to)
    return PreconditionUnmet(
        f"runbook `{attempt.runbook}` does not go on",
        f"task `{late.task}` on {late.target} was to be confirmed by {late.until:%H:%M:%S}Z and "
        "nobody did, so it goes back first",
        f"`handrail watch {attempt.run.id}` shows its watchdog do that; if none does: `{back}`",
    )


def seconds_left(run: Run) -> float:
    """Return the seconds until something armed is over; without end where nothing is armed."""
    return min((max((each.until - now()).total_seconds(), 0.0) + MOMENT_SECONDS
                for each in armed_in(run)), default=math.inf)  # fmt: skip


@cache
def _turn() -> AbstractContextManager[object]:
    """Return what lets one target at a time start the watchdog; made once gevent has its locks."""
    return RLock()


_processes: dict[str, tuple[int, "subprocess.Popen[str]"]] = {}


def _watched(attempt: "Attempt") -> str:
    """Return which process watches over a run; it is started where this command has none yet."""
    with _turn():
        known = _processes.get(attempt.run.id)
        if known is None or not is_alive(known[0]):
            _processes[attempt.run.id] = _started(attempt)
        return f"process {_processes[attempt.run.id][0]} on {socket.gethostname()}"


def _started(attempt: "Attempt") -> tuple[int, "subprocess.Popen[str]"]:
    """Start it, and wait until it says that it stands."""
    kept = attempt.inventory.kept
    said = {
        "run": attempt.run.id,
        "ledger": kept.server.url if kept.server else str(kept.file.absolute()),
        "environment": attempt.environment,
        "words": words_of_rollback(attempt.environment),
    }
    log, answer = attempt.inventory.ledger.with_suffix(".watchdog.log"), ""
    try:
        with living_on(), os.fdopen(_opened(log), "w") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", PROGRAM, attempt.run.id],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=written, text=True,
                start_new_session=True, env=dict(os.environ),
            )  # fmt: skip
        if process.stdin and process.stdout:  # narrows the types; both are pipes
            process.stdin.write(json.dumps(said) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline().strip()
            process.wait()  # the one that stays is a child of it, and nobody's by then
    except (OSError, ClientError) as error:
        answer = str(error)
    if not answer.isdigit():
        raise PreconditionUnmet(
            "nothing was armed",
            f"its watchdog did not start: {answer or 'it said nothing'}",
            f"see {log}; then the same command again",
        )
    return int(answer), process  # its pipe is held: where it breaks, this command is gone


def _opened(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
