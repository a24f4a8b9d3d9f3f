"""Ids and times in the form Render writes them."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# Source: recorded traffic; 20 characters of base32hex after the prefix.
ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def new_id(prefix: str) -> str:
    """Return a new id such as ``srv-…``."""
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(20))


def suffix(length: int) -> str:
    """Return a short random name part, as Render adds to slugs and instances."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


@dataclass
class Clock:
    """The platform's clock, which a test may set wrong."""

    ahead_seconds: float = 0.0


CLOCK = Clock()


def now() -> datetime:
    """Return the platform's time, in UTC."""
    return datetime.now(UTC) + timedelta(seconds=CLOCK.ahead_seconds)


def stamp(moment: datetime) -> str:
    """Write a time as RFC 3339 with microseconds and ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Read an RFC 3339 time, with or without a fraction."""
    return datetime.fromisoformat(text)
