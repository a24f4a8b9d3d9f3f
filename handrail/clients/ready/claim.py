"""One thing that must hold before a night begins: good, not good, or not told."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from handrail.clients.errors import ClientError
from handrail.clients.masking import masked


class Told(StrEnum):
    """What was found out about a claim."""

    GOOD = "good"
    NOT_GOOD = "not good"
    NOT_TOLD = "not told"  # it could not be looked at, so nobody knows


class NotReady(ClientError):
    """It was looked at, and does not hold."""


@dataclass(frozen=True)
class Line:
    """What is told about one claim.

    Args:
        told: One of three.
        about: What it is about, as an operator names it.
        claim: What must hold.
        found: What was found; of a good one, too.
        fix: What to do next; empty where it is good.
    """

    told: Told
    about: str
    claim: str
    found: str
    fix: str = ""


def ask(about: str, claim: str, look: Callable[[], str]) -> Line:
    """Look, and return what is told.

    Args:
        about: What it is about.
        claim: What must hold.
        look: Returns what it found; raises `NotReady` where that is not good, and any other
            `ClientError` where it could not look.
    """
    try:
        return Line(Told.GOOD, about, claim, look())
    except NotReady as error:
        return _line(Told.NOT_GOOD, about, claim, error)
    except ClientError as error:
        return _line(Told.NOT_TOLD, about, claim, error)


def _line(told: Told, about: str, claim: str, error: ClientError) -> Line:
    return Line(told, about, claim, masked(f"{error.what}: {error.why}"), masked(error.fix))
