"""Whether clocks agree: times of three machines stand side by side in the evidence of a night."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from handrail.clients.errors import ClientError
from handrail.clients.http import Http
from handrail.clients.ready.claim import NotReady

SKEW_SECONDS = 5.0  # HTTP tells whole seconds, and the way there and back takes its time
SHOWN_SECONDS = 0.1


def refuse_skew(whose: str, ahead_seconds: float) -> str:
    """Return how far another clock is from ours.

    Raises:
        NotReady: too far: tokens expire early, deploys seem to begin before they were asked for,
            and nobody can order what happened.
    """
    off = abs(ahead_seconds)
    if off <= SKEW_SECONDS:
        return f"{off:.1f} s apart" if off >= SHOWN_SECONDS else "the same"
    way = "ahead of" if ahead_seconds > 0 else "behind"
    raise NotReady(
        f"the clock of {whose} is {off:.0f} s {way} this machine's",
        f"more than {SKEW_SECONDS:g} s: which of the two is right is for you to see",
        "`timedatectl status` here; switch time synchronisation on where it is off",
    )


def http_clock_agrees(address: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """Compare the Date header of a server with this machine's clock.

    Args:
        address: Scheme and host, maybe with a path.
        now: This machine's clock.

    Raises:
        NotReady: they are too far apart.
        ClientError: it does not answer, or does not say what time it is.
    """
    http = Http(address, timeout_seconds=10)
    began = now()
    answer = http.request("GET", "", repeatable=False)
    ended = now()
    try:
        told = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        what = f"{http.host} does not say what time it is"
        raise ClientError(what, "its answer has no Date", "compare the clocks by hand") from None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    # It was cut to a whole second somewhere between asking and hearing.
    if began.timestamp() - 1 <= told.timestamp() <= ended.timestamp():
        return "the same"
    middle = began + (ended - began) / 2
    return refuse_skew(http.host, (told - middle).total_seconds())
