"""How often and how long a client asks again before it gives up."""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# A `Ratelimit-Reset` above this is a moment in epoch seconds, below it a delay: Render's page
# says the one and its servers send the other.
EPOCH_THRESHOLD_SECONDS = 1e9
LIMITED = 429


TOLD_FROM_SECONDS = 5.0
_told: list[Callable[[str], None]] = []


def tell_waits_to(listener: Callable[[str], None]) -> None:
    """Let somebody hear of each wait that a server asks for and a person would notice."""
    if listener not in _told:
        _told.append(listener)


def wait_demanded(server: str, seconds: float) -> None:
    """Tell the listeners that a server asks its caller to wait."""
    if seconds >= TOLD_FROM_SECONDS:
        for listener in _told:
            listener(f"{server} asks to wait {seconds:.0f} s")


_noted: ContextVar[list[float] | None] = ContextVar("waits", default=None)


def note_waits() -> list[float]:
    """Let each wait be noted from here on, in seconds; return where, also for what this starts."""
    waits: list[float] = []
    _noted.set(waits)
    return waits


def _sleep(seconds: float) -> None:
    # Looked up at each call, so that gevent's cooperative sleep is found once it is patched in.
    time.sleep(seconds)
    if (waits := _noted.get()) is not None:
        waits.append(seconds)


def _clock() -> float:
    return time.monotonic()


@dataclass(frozen=True)
class Patience:
    """Bound the attempts of one request, and pace whoever polls.

    Args:
        attempts: Most requests sent for one call, the first included.
        total_seconds: No wait is begun that would end later than this after the first request.
        first_wait_seconds: Wait before the second attempt; doubles from there, with jitter.
        longest_wait_seconds: Longest wait that the client chooses by itself.
        sleep: Waits; passed in by tests.
        clock: Monotonic seconds; passed in by tests.
    """

    attempts: int = 6
    total_seconds: float = 120.0
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 15.0
    sleep: Callable[[float], None] = _sleep
    clock: Callable[[], float] = _clock


ONCE = Patience(attempts=1)
"""Ask once and take what comes: for health checks and probes, whose 503 is an answer."""


def demanded_wait(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds the server asks its caller to wait, or None when it does not.

    The longer of ``Retry-After`` and, after 429 only, ``Ratelimit-Reset``: Render sends the latter
    with every answer.

    Source: https://api-docs.render.com/reference/rate-limiting
    """
    waits = _until(headers.get("Retry-After", ""), now)
    if status == LIMITED:
        waits += _reset(headers.get("Ratelimit-Reset", ""), now)
    return max(0.0, *waits) if waits else None


def _reset(told: str, now: datetime) -> list[float]:
    if not told.isdecimal():
        return []
    seconds = float(told)
    return [seconds - now.timestamp() if seconds > EPOCH_THRESHOLD_SECONDS else seconds]


def _until(moment: str, now: datetime) -> list[float]:
    if moment.isdecimal():
        return [float(moment)]
    try:
        at = parsedate_to_datetime(moment)
    except ValueError:
        return []
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return [(aware - now).total_seconds()]


def pause(waited: float, shortest: float, longest: float) -> float:
    """Return the seconds from one look to the next at what goes on by itself.

    As long as what has passed: few looks, however long it takes, for calls are counted.
    What the like of it took before tells nothing: a first build takes several times as long.

    Args:
        waited: Seconds since the first look.
        shortest: Least pause.
        longest: Greatest pause, where it is more than the least.
    """
    return min(max(shortest, waited), max(shortest, longest))
