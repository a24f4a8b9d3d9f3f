"""What every subcommand says, and how it ends."""

import json
import sys
from collections.abc import Callable, Iterable

from handrail.clients.errors import ClientError
from handrail.clients.git_credentials import USERINFO
from handrail.clients.masking import masked
from handrail.ledger.errors import RunbookError

GOOD, NOT_GOOD, USAGE = 0, 1, 2
INTERRUPTED = 130  # as a shell has it for Ctrl-C


class Misused(RunbookError):
    """The command line does not say what is wanted."""


def say(lines: Iterable[str]) -> None:
    """Print lines for people."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def say_json(found: object) -> None:
    """Print one value for programs."""
    say([json.dumps(found, indent=2, ensure_ascii=False)])


def tell(data: Callable[[], object], lines: Iterable[str], *, as_json: bool) -> None:
    """Print what was found: its data for programs, or lines for people."""
    if as_json:
        say_json(data())
    else:
        say(lines)


def status_of(good: object) -> int:
    """Return the exit status of a command whose answer is good, or is not."""
    return GOOD if good else NOT_GOOD


def complain(refusal: RunbookError | ClientError) -> None:
    """Print what happened, why, and what to type next; no user or password of an address."""
    told = f"{refusal.what}.\n    why:  {refusal.why}\n    next: {refusal.fix}\n"
    sys.stderr.write(masked(USERINFO.sub("…@", told)))
