"""A value that may be used but never shown."""

import os
from pathlib import Path
from typing import Any, Self

from handrail.clients.errors import ClientError


class Secret:
    """Hold a secret by reference, and its value only while it is used.

    The inventory names a secret as ``env:NAME`` or ``file:PATH``; the value is read when
    ``reveal`` is called, so planning needs none of them and a rotated secret is picked up at once.
    A secret made at run time (``Secret.of``) has a value and no reference.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self._value: str | None = None

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Take ``env:NAME`` or ``file:PATH``; refuse a bare value, which would end up in git."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and value.startswith(("env:", "file:")):
            return cls(value)
        raise ClientError(
            "a secret in the inventory was not accepted",
            "it is written out instead of named",
            "write `env:NAME` or `file:PATH` there, and put the value in that place",
        )

    @classmethod
    def of(cls, value: str) -> Self:
        """Wrap a value that was read or made at run time."""
        secret = cls("")
        secret._value = value
        return secret

    def reveal(self) -> str:
        """Return the value.

        Raises:
            ClientError: the variable is unset or empty, or the file cannot be read.
        """
        if self._value is not None:
            return self._value
        kind, _, name = self.reference.partition(":")
        if kind == "env":
            value = os.environ.get(name, "")
            if not value:
                raise ClientError(
                    f"secret `{self.reference}` could not be read",
                    f"the environment variable `{name}` is not set",
                    f"export {name}=…, then the same command again",
                )
            return value
        try:
            value = Path(name).expanduser().read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ClientError(
                f"secret `{self.reference}` could not be read",
                error.strerror or "no such file" if isinstance(error, OSError) else "not UTF-8",
                f"write the value to `{name}` with mode 0600, then the same command again",
            ) from None
        if not value:
            raise ClientError(
                f"secret `{self.reference}` could not be read",
                "the file is empty",
                f"write the value to `{name}` with mode 0600, then the same command again",
            )
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
