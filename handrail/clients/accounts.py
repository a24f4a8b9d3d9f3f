"""Known accounts whose passwords must work before the cutover and after it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

from handrail.clients.errors import ClientError
from handrail.clients.secret import Secret

FIELDS = ("username", "password", "role")


@dataclass(frozen=True)
class Account:
    """One account.

    Args:
        username: Name it logs in with.
        password: Its password.
        role: Role that every system must report, where its profile says where.
    """

    username: str
    password: Secret
    role: str


def _wrong(entry: object, earlier: Collection[str]) -> str:
    """Return what keeps an entry from being an account, or nothing; no value is named."""
    if not isinstance(entry, dict) or set(entry) != set(FIELDS):
        return f"does not have exactly {', '.join(FIELDS)}"
    if not all(map(_is_text, entry.values())):
        return "has a field that is empty or not text"
    return "has a username that came before" if entry["username"] in earlier else ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


@dataclass(frozen=True)
class Accounts:
    """A list of accounts, read when it is needed.

    Args:
        source: JSON, ``[{"username", "password", "role"}]``.
    """

    source: Secret

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Take ``env:NAME`` or ``file:PATH`` of the JSON text.

        Raises:
            ClientError: it is written out instead of named.
        """
        return value if isinstance(value, cls) else cls(Secret.from_inventory(value))

    def load(self) -> list[Account]:
        """Return the accounts.

        Raises:
            ClientError: unreadable, not such a list, empty, or a name twice; no value is shown.
        """
        accounts: dict[str, Account] = {}
        for number, each in enumerate(self._entries(), start=1):
            if wrong := _wrong(each, accounts):
                raise self._refusal(f"entry {number} {wrong}")
            password = Secret.of(each["password"])
            accounts[each["username"]] = Account(each["username"], password, each["role"])
        return list(accounts.values())

    def _entries(self) -> list[Any]:  # Any: JSON
        try:
            data = json.loads(self.source.reveal())
        except ValueError:
            raise self._refusal("it is not JSON") from None
        if not isinstance(data, list) or not data:
            raise self._refusal("it is not a list with something in it")
        return data

    def administrator(self) -> Account:
        """Return the first account that is an administrator, else the first."""
        accounts = self.load()
        return next((each for each in accounts if each.role == "admin"), accounts[0])

    def _refusal(self, why: str) -> ClientError:
        name = self.source.called("their source")
        return ClientError(
            f"the accounts of {name} could not be read",
            why,
            f'write [{{"username": …, "password": …, "role": …}}] into {name}',
        )
