"""Ctrl-C, a closed terminal and a shutdown: end at once, on record, and never with success.

pyinfra ends with 0 on Ctrl-C, and only when the command at work has ended; on SIGTERM and SIGHUP
it ends without a word.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import gevent  # type: ignore[import-untyped]  # it has no types of its own

from handrail.engine.attempt.command import is_executing

SIGNALLED = 128  # a shell's own way to say which signal ended a command: 130, 143, 129
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_interruption(close: Callable[[int], None], first: Callable[[], list[str]]) -> None:
    """Call `close` when a signal asks this process to end; it leaves with 128 and its number.

    What is at stake, the lines of `first`, is said before all else.

    While steps are at work it is called from a greenlet of its own, so never in the middle of a
    ledger entry; a second signal does not wait for that.
    """
    asked: list[int] = []

    def leave(status: int) -> None:
        try:
            close(status)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def interrupted(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)
        told = [] if asked[1:] else first()
        lines = [*told, f"--> {signal.Signals(number).name}: ending now"]
        sys.stderr.write("\n" + "\n".join(lines) + "\n")
        if len(asked) > 1:
            os._exit(SIGNALLED + number)
        if is_executing():
            gevent.spawn(leave, SIGNALLED + number)
        else:
            leave(SIGNALLED + number)

    for number in SIGNALS:
        signal.signal(number, interrupted)
