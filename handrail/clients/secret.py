"""A value that may be used but never shown."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

from handrail.clients import masking
from handrail.clients.errors import ClientError


class Secret:
    """Hold a secret by reference, and its value only while it is used.

    The inventory names a secret as ``env:NAME``, ``file:PATH`` or ``cmd:COMMAND``; the value is
    read when ``reveal`` is called, so planning needs none of them and a rotated secret is picked up
    at once. A command is run once in a process, for a password manager may ask for a fingerprint.
    A secret made at run time (``Secret.of``) has a value and no reference.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self._value: str | None = None
        kind, _, name = reference.partition(":")
        if kind == "env":
            masking.hide_variable(name)

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Take a reference; refuse a bare value, which would end up in git."""
        if isinstance(value, cls):
            return value
        if is_reference(value):
            return cls(str(value))
        raise ClientError(
            "a secret in the inventory was not accepted",
            "it is written out instead of named",
            "write `env:NAME`, `file:PATH` or `cmd:COMMAND` there, and put the value in that place",
        )

    @classmethod
    def of(cls, value: str) -> Self:
        """Wrap a value that was read or made at run time."""
        secret = cls("")
        secret._value = value
        masking.hide(value, made=True)
        return secret

    def called(self, otherwise: str) -> str:
        """Return what messages call it: its reference, or other words where it has none."""
        return f"`{self.reference}`" if self.reference else otherwise

    def reveal(self) -> str:
        """Return the value.

        Raises:
            ClientError: the variable is unset or empty, the file cannot be read, or the command
                fails.
        """
        if self._value is not None:
            return self._value
        kind, _, name = self.reference.partition(":")
        value = READ[kind](self.reference, name)
        masking.hide(value)
        return value

    def __eq__(self, other: object) -> bool:
        """Compare by value where both have one, else by reference."""
        if not isinstance(other, Secret):
            return NotImplemented
        return (self.reference, self._value) == (other.reference, other._value)

    def __hash__(self) -> int:
        """Hash by reference and value, as they compare."""
        return hash((self.reference, self._value))

    def __repr__(self) -> str:
        """Show the reference; never the value."""
        return f"Secret({self.reference or 'value withheld'!r})"

    __str__ = __repr__

    def __reduce__(self) -> Any:  # Any: the pickle protocol's own type
        """Refuse to be pickled: a pickle would carry the value in clear."""
        raise TypeError("a Secret is not pickled")


def is_reference(value: object) -> bool:
    """Tell whether inventory data names a secret: ``env:NAME``, ``file:PATH``, ``cmd:COMMAND``."""
    return isinstance(value, str) and value.partition(":")[0] in READ and ":" in value


def _variable(reference: str, name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        why = f"the environment variable `{name}` is not set"
        raise _unread(reference, why, f"export {name}=…")
    return value


def _file(reference: str, name: str) -> str:
    fix = f"write the value to `{name}` with mode 0600"
    try:
        value = Path(name).expanduser().read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _unread(reference, _why(error, "no such file"), fix) from None
    if not value:
        raise _unread(reference, "the file is empty", fix)
    return value


@cache
def _command(reference: str, line: str) -> str:
    """Return the first line a command prints; what it says when it fails is not shown."""
    fix = f"see what `{line}` says in this terminal"
    try:
        ended = subprocess.run(
            shlex.split(line), stdout=subprocess.PIPE, timeout=COMMAND_SECONDS, check=False
        )
        value = ended.stdout.decode().split("\n", 1)[0]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _unread(reference, _why(error, "it cannot be run"), fix) from None
    if ended.returncode:
        raise _unread(reference, f"the command ended with status {ended.returncode}", fix)
    if not value:
        raise _unread(reference, "the command printed nothing", fix)
    return value


def _why(error: Exception, otherwise: str) -> str:
    """Return why nothing was read; of an error of the system that says nothing, other words."""
    match error:
        case subprocess.TimeoutExpired():
            return f"it did not end within {COMMAND_SECONDS} s"
        case UnicodeDecodeError():
            return "not UTF-8"
        case OSError():
            return error.strerror or otherwise
        case _:
            return f"it is not a command line: {error}"


def _unread(reference: str, why: str, fix: str) -> ClientError:
    what = f"secret `{reference}` could not be read"
    return ClientError(what, why, f"{fix}, then the same command again")


COMMAND_SECONDS = 120  # an operator may have to unlock a password manager
READ: Mapping[str, Callable[[str, str], str]] = {"env": _variable, "file": _file, "cmd": _command}
