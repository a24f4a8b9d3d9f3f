"""What was found where an entry of the profile leads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.http_answer import Answer
from handrail.naming import ticked

NAMES = 6  # of an object, that are told


@dataclass(frozen=True)
class Seen:
    """The application as it answered.

    Args:
        wrong: How it differs from the profile; empty where it does not.
        note: What else is to be told where it does not differ.
        fix: What to do next where it differs; empty where whoever looked knows that better.
        facts: Plain data for a record.
    """

    wrong: str = ""
    note: str = ""
    fix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON


def shape(answer: Answer) -> str:
    """Return what an answer holds, by its names alone: no value of it is told."""
    try:
        body = answer.json()
    except ClientError:
        return f"no JSON ({answer.headers.get('Content-Type', 'no content type')})"
    match body:
        case dict():
            return _names(list(body))
        case list():
            return "a list"
    return f"a bare {type(body).__name__}"


def _names(names: list[str]) -> str:
    more = ", …" if len(names) > NAMES else ""
    return f"an object of {ticked(names[:NAMES])}{more}" if names else "an empty object"


def status(answer: Answer) -> str:
    """Return how something was answered; where it was sent on, with the address."""
    there = answer.headers.get("Location")
    return f"{answer.status} to {there}" if there else str(answer.status)
