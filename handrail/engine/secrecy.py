"""Where text leaves this process, and what it must not say.

A secret value is masked where it would enter the ledger, the log or the terminal; a shell line that
holds one is not run, and an intent that would have to hold one is not recorded.
"""

import sys
from collections.abc import Mapping
from functools import wraps
from typing import Any, TextIO

from pyinfra.api.command import StringCommand
from pyinfra.context import host, state

from handrail.clients import masking
from handrail.clients.masked_forms import forms
from handrail.clients.secret import Secret, is_reference
from handrail.engine import arguments as values
from handrail.engine import children
from handrail.ledger.entry import plain
from handrail.ledger.errors import PreconditionUnmet


def keep_secrets() -> None:
    """Mask what this process prints, and start no process with a secret in its environment."""
    for each in state.inventory:
        know(each.data.dict())  # type: ignore[no-untyped-call]  # pyinfra's is untyped
    for stream in (sys.stdout, sys.stderr):
        _mask(stream)
    children.install()


def know(data: Any) -> None:  # Any: inventory data
    """Take an inventory's secrets for secrets, and all else it says for none."""
    if isinstance(data, Mapping):
        data = list(data.values())
    if isinstance(data, list | tuple):
        for each in data:
            know(each)
    elif is_reference(data):
        Secret(data)  # its variable is kept from children from now on, read or not
    elif isinstance(data, str):
        masking.allow(data)


def _mask(stream: TextIO) -> None:
    write = stream.write

    @wraps(write)
    def masked(text: str) -> int:
        return write(masking.masked(text))

    stream.write = masked  # type: ignore[method-assign]


def refuse_in_clear(intent: Mapping[str, Any]) -> None:  # Any: JSON
    """Raise where an intent would hold a secret value: recorded masked, it could not be undone.

    Raises:
        PreconditionUnmet: it does.
    """
    for name, value in intent.items():
        kept = plain(value)  # as the ledger has it: a tuple is a list there
        if masking.masked_data(kept) != kept:
            raise PreconditionUnmet(
                f"nothing was done on {host.name}",
                f"its `{name}` would hold a secret value in clear, for everybody who reads the "
                "ledger",
                "name the secret (`env:NAME`, `file:PATH`), and let `captures` return a `Secret`",
            )


def refuse_shown_secret(live: Mapping[str, Any], command: str | StringCommand) -> None:
    """Raise where a shell line would show a secret in the process list and in pyinfra's output.

    Args:
        live: The step's arguments, and what was `before` where it is put back.
        command: The line.

    Raises:
        PreconditionUnmet: it would, in whatever form.
    """
    what = shown(live, command if isinstance(command, str) else command.get_raw_value())
    if what:
        raise PreconditionUnmet(
            "a shell line was not run",
            f"it holds {what}, and every process list would show it",
            "hand the secret to a Python function instead: `yield call(…)`",
        )


def shown(live: Mapping[str, Any], text: str) -> str:  # Any: what the annotations name
    """Return which secret a text would show, in whatever form; nothing where it shows none."""
    for secret in values.secrets_in(live):
        if any(each in text for each in _written(secret.reveal())):
            return f"the value of {secret!r}"
    return "a secret value" if masking.holds_secret(text) else ""


def _written(value: str) -> list[str]:
    """Return the forms in which a value may stand in a text; none of an empty one."""
    found = [form.text for form in forms(value) if len(form.text) >= masking.SHORTEST]
    return list(filter(None, [*found, value]))
