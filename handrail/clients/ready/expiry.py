"""Whether what was given for a time only lasts past the night, and the day of watching after it."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from handrail.clients.ready.claim import NotReady

NIGHT = timedelta(days=2)  # the night and the watch, with some to spare
TOKEN_PARTS = 3


def lasts(what: str, ends: datetime | None, fix: str) -> str:
    """Return until when something lasts.

    Args:
        what: What it is, to begin a sentence with.
        ends: Until when, aware; None where it has no end that anybody knows.
        fix: What to do where that is too soon.

    Raises:
        NotReady: it ends before the night and its watch are over.
    """
    if ends is None:
        return "nothing says that it ends"
    left = ends - datetime.now(UTC)
    if left < NIGHT:
        over = "is over since" if left < timedelta() else "ends at"
        why = f"{NIGHT.days} days from now are wanted, for the night and its watch"
        raise NotReady(f"{what} {over} {ends:%Y-%m-%d %H:%M} UTC", why, fix)
    return f"until {ends:%Y-%m-%d}, {left.days} days from now"


def end_of_token(value: str) -> datetime | None:
    """Return when a JSON Web Token ends, by its own word; None where it is none, or has no end.

    Source: RFC 7519, 4.1.4 ("exp").
    """
    parts = value.split(".")
    if len(parts) != TOKEN_PARTS:
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def said(named: object) -> Iterator[tuple[str, str]]:
    """Yield each secret with the day it ends, as the inventory's `secrets_expire` says."""
    if isinstance(named, Mapping):
        yield from ((str(reference), str(day)) for reference, day in named.items())


def lasts_as_said(reference: str, day: str) -> str:
    """Return until when a secret lasts, by what the inventory says: a day, or a moment.

    Raises:
        NotReady: that is too soon, or cannot be read.
    """
    try:
        ends = datetime.fromisoformat(day)
    except ValueError:
        what, why = f"`secrets_expire` of `{reference}` cannot be read", f"it says `{day}`"
        raise NotReady(what, why, "write a day: `2026-12-31`") from None
    ends = ends if ends.tzinfo else ends.replace(tzinfo=UTC)
    return lasts(f"`{reference}`", ends, f"renew it, and say so in `secrets_expire`: {reference}")
