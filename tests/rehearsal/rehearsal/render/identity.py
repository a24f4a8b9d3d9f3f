"""Ids and times in the form Render writes them."""

import secrets
from datetime import UTC, datetime

# Source: recorded traffic; 20 characters of base32hex after the prefix.
ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def new_id(prefix: str) -> str:
    """Return a new id such as ``srv-…``."""
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(20))


def suffix(length: int) -> str:
    """Return a short random name part, as Render adds to slugs and instances."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Write a time as RFC 3339 with microseconds and ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Read an RFC 3339 time, with or without a fraction."""
    return datetime.fromisoformat(text)
