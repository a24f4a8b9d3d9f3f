"""The end of every command: the last entry, the closing lines, and an exit status that is true."""

import atexit
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from handrail.engine import guard_files
from handrail.engine.attempt.attempt import Attempt
from handrail.engine.attempt.beside import hear
from handrail.engine.attempt.command import is_dry, is_json, to_paste
from handrail.engine.attempt.going_back import rollback_file, way_back_of_red
from handrail.engine.attempt.sealing import seal_as_configured
from handrail.engine.attempt.stakes import stake_lines
from handrail.engine.attempt.summary import summary
from handrail.engine.decide.end import NOT_PROVEN, EndFacts, exit_status
from handrail.engine.prompt import show_plan
from handrail.engine.telling import last_refusal, status_of
from handrail.engine.watch import at_end
from handrail.ledger.arming import armed_in
from handrail.ledger.errors import RunbookError
from handrail.ledger.run import Outcome


def close_at_end(attempt: Attempt) -> None:
    """Close the attempt once pyinfra is through; where it ends by an exception, after that is told.

    Not only at exit: from Python 3.12 on an `atexit` handler can start neither a program nor a
    thread, and the end of a run may roll back, sign the ledger's head and tell people.

    Source: https://docs.python.org/3.12/library/atexit.html
    """
    at_end(partial(close, attempt))
    atexit.register(close, attempt)


def close(attempt: Attempt, signalled: int = 0) -> None:
    """Record the end of the attempt, print the closing lines and make the exit status true.

    pyinfra leaves with 0 on Ctrl-C and wherever nobody looked at a failed target; only a run whose
    every step is proven may do so.

    Args:
        attempt: What ends.
        signalled: The exit status, where a signal ended it.
    """
    status = signalled or 1
    attempt.refusal = attempt.refusal or last_refusal()
    atexit.unregister(close)
    try:
        status = _dry_end(attempt) if is_dry() else _end(attempt, signalled)
    except Exception:  # noqa: BLE001  a bug is shown whole, and is no success
        sys.excepthook(*sys.exc_info())
    finally:
        if not signalled:
            _follow(attempt)
        if status:
            _leave(status, signalled)


def _follow(attempt: Attempt) -> None:
    """Carry out the rollback that follows this run, where one does."""
    if attempt.then:
        _go_back(attempt.then, alone=False)
    elif not is_dry() and (then := way_back_of_red(attempt)):
        _go_back(then, alone=True)


def _leave(status: int, signalled: int) -> None:
    """End the process with a status: an exit handler has no other way to set it."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not signalled:
        atexit._run_exitfuncs()  # noqa: SLF001  the exit below runs none
    os._exit(status)


def _go_back(then: dict[str, str], *, alone: bool) -> None:
    """Carry out the rollback that somebody chose, or that nobody is asked about."""
    command = to_paste(str(rollback_file()), **then)
    _print([f"--> {command}"])
    program, *words = shlex.split(command)
    beside = Path(sys.argv[0]).with_name(program)
    words = ["-y", *words] if alone and "-y" not in words else words
    subprocess.run([str(beside) if beside.exists() else program, *words], check=False)


def _dry_end(attempt: Attempt) -> int:
    if attempt.refusal is None:
        _refused(attempt.refuse_to_start)
    found = show_plan(attempt)
    if not is_json():
        _print(["Nothing was changed or recorded."])
    return exit_status(
        EndFacts(wrong=_is_wrong(attempt), stops=bool(attempt.refusal) or found.stops, planned=True)
    )


def _end(attempt: Attempt, signalled: int) -> int:
    began = attempt.writer is not None
    if began:
        _end_of_writer(attempt, signalled)
    elif attempt.refusal is None:
        _print(_refused(attempt.refuse_to_start))
    _print(summary(attempt))
    if is_json():
        _say_json(attempt)
    attempt.flush()
    outcome = attempt.run.outcome if began else None
    return exit_status(
        EndFacts(
            wrong=_is_wrong(attempt),
            stops=bool(attempt.refusal) or attempt.writer is not None,  # till the end is recorded
            signalled=signalled,
            proven=outcome is Outcome.PROVEN,
            held=outcome is Outcome.HELD,
        )
    )


def _end_of_writer(attempt: Attempt, signalled: int) -> None:
    """Record the end of what was begun, and seal the ledger's head where that is wanted."""
    if not signalled:  # an interruption has said so already
        _print(stake_lines(attempt))
    if armed_in(attempt.run):
        hear(attempt)  # it may have been confirmed meanwhile
    _print(_refused(attempt.end))
    guard_files.clear(attempt.environment)
    if attempt.writer is None:
        _print(list(seal_as_configured(attempt)))


def _is_wrong(attempt: Attempt) -> bool:
    """Tell whether the command itself was wrong."""
    return attempt.refusal is not None and status_of(attempt.refusal) != NOT_PROVEN


def _say_json(attempt: Attempt) -> None:
    from handrail.ledger.views.show import status_as_json  # noqa: PLC0415  only programs ask

    told = status_as_json(attempt.environment, attempt.run)
    sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _refused(act: Callable[[], None]) -> list[str]:
    try:
        act()
    except RunbookError as refusal:
        return [str(refusal)]
    return []


def _print(lines: list[str]) -> None:
    if lines:
        sys.stderr.write("\n" + "\n".join(lines) + "\n")
        sys.stderr.flush()
