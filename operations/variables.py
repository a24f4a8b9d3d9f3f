"""Environment variables as a runbook names them: plain values, and secrets by reference."""

from collections.abc import Mapping
from typing import Self

from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret, is_reference


class Variables(dict[str, str | Secret]):
    """Values by name; ``env:…``, ``file:…`` and ``cmd:…`` are a secret's reference."""

    @classmethod
    def from_inventory(cls, plain: object) -> Self:
        """Read a dictionary of texts.

        Raises:
            ClientError: something in it is not text.
        """
        if not isinstance(plain, Mapping):
            raise ClientError("variables were not read", "they are no dictionary", "correct them")
        return cls({str(name): _value(name, value) for name, value in plain.items()})

    def secrets(self) -> list[Secret]:
        """Return the secret ones; a changed value makes setting them another act."""
        return [value for value in self.values() if isinstance(value, Secret)]

    def revealed(self) -> dict[str, str]:
        """Return the values in clear, for the one call that sets them."""
        return {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in self.items()
        }


def _value(name: object, value: object) -> str | Secret:
    if not isinstance(value, str):
        raise ClientError(
            "variables were not read",
            f"`{name}` is {type(value).__name__}, and an environment holds text only",
            f'write it as text: {name}="…"',
        )
    return Secret.from_inventory(value) if is_reference(value) else value
