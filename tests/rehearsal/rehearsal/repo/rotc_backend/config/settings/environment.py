"""Read the environment, and refuse what is missing or malformed by name."""

import os
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

FLAGS = {"true": True, "false": False}


def _refuse(name: str, problem: str, expected: str) -> ImproperlyConfigured:
    # The value itself is never shown: most of these variables hold a password.
    return ImproperlyConfigured(f"Environment variable {name} {problem}; it must be {expected}.")


def text(name: str, expected: str, minimum_length: int = 1) -> str:
    """Return a variable that must be set and not blank."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise _refuse(name, "is missing", expected)
    if len(value) < minimum_length:
        raise _refuse(name, f"has only {len(value)} characters", expected)
    return value


def flag(name: str, default: bool | None = None) -> bool:
    """Return a variable that is ``true`` or ``false``; without a default it must be set."""
    expected = "`true` or `false`"
    if default is not None and name not in os.environ:
        return default
    value = text(name, expected).lower()
    if value not in FLAGS:
        raise _refuse(name, "is something else", expected)
    return FLAGS[value]


def seconds(name: str, default: int) -> int:
    """Return an optional whole number of seconds above zero."""
    return count(name, default, "a whole number of seconds above zero")


def count(name: str, default: int, expected: str = "a whole number above zero") -> int:
    """Return an optional whole number above zero."""
    value = os.environ.get(name, "").strip() or str(default)
    if not value.isdecimal() or int(value) < 1:
        raise _refuse(name, "is something else", expected)
    return int(value)


def hosts(name: str) -> list[str]:
    """Return a comma-separated list of host names, without scheme, port or path."""
    expected = "a comma-separated list of host names such as `rotc.example.org`"
    found = _items(name, expected)
    if any(character in host for host in found for character in "/: "):
        raise _refuse(name, "holds something that is no host name", expected)
    return found


def origins(name: str) -> list[str]:
    """Return a comma-separated list of web origins, each a scheme and a host only."""
    expected = "a comma-separated list of origins such as `https://rotc.example.org`"
    found = _items(name, expected)
    for origin in found:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != origin:
            raise _refuse(name, "holds something that is no origin", expected)
    return found


def database(name: str) -> dict[str, Any]:
    """Return Django's form of a PostgreSQL connection URL."""
    expected = "`postgresql://user:password@host:port/database`"
    parts = urlsplit(text(name, expected))
    port = _port(name, parts, expected)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise _refuse(name, "has another scheme", expected)
    if not parts.hostname or not parts.path.strip("/"):
        raise _refuse(name, "names no host or no database", expected)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": port,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def redis(name: str) -> str:
    """Return a Redis connection URL."""
    expected = "`redis://host:port` or `rediss://host:port`"
    value = text(name, expected)
    parts = urlsplit(value)
    _port(name, parts, expected)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise _refuse(name, "is no Redis URL", expected)
    return value


def _items(name: str, expected: str) -> list[str]:
    found = [item.strip() for item in text(name, expected).split(",") if item.strip()]
    if not found:
        raise _refuse(name, "holds commas only", expected)
    return found


def _port(name: str, parts: SplitResult, expected: str) -> str:
    try:
        return str(parts.port or "")
    except ValueError:
        raise _refuse(name, "has a port that is no number", expected) from None
