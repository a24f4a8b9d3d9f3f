"""Signs of life from a thread that no computing step can hold up.

pyinfra makes every thread a greenlet, and a greenlet waits while another one computes; so this is
a real thread, and what it calls must take none of gevent's locks and wait for none.
"""

from collections.abc import Callable
from contextlib import suppress

from gevent import monkey  # type: ignore[import-untyped]  # it has no types of its own

from handrail.ledger.errors import RunbookError

_start_thread = monkey.get_original("_thread", "start_new_thread")
_sleep = monkey.get_original("time", "sleep")


def keep_beating(beat: Callable[[], None], every_seconds: float) -> None:
    """Call `beat` again and again for as long as this process lives.

    Args:
        beat: What says that it lives; a store that does not answer is asked again.
        every_seconds: From one call to the next.
    """

    def forever() -> None:
        while True:
            _sleep(every_seconds)
            with suppress(RunbookError):  # the next entry meets it, too, and stops the run
                beat()

    _start_thread(forever, ())
