"""Known accounts whose passwords must work before the cutover and after it."""

import json
from dataclasses import dataclass
from typing import Self

from handrail.clients.errors import ClientError
from handrail.clients.http import Http
from handrail.clients.patience import ONCE, Patience
from handrail.clients.secret import Secret

LEGACY_LOGIN = "/api/auth/login"
DJANGO_LOGIN = "/api/v1/auth/login"
OK, UNAUTHORIZED = 200, 401
# The legacy application calls it `token`, the Django one `access`.
TOKEN_FIELDS = ("access", "token")
FIELDS = ("username", "password", "role")


@dataclass(frozen=True)
class Account:
    """One account.

    Args:
        username: Name it logs in with.
        password: Its password.
        role: Role both applications must report.
    """

    username: str
    password: Secret
    role: str


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
        try:
            data = json.loads(self.source.reveal())
        except ValueError:
            raise self._refusal("it is not JSON") from None
        if not isinstance(data, list) or not data:
            raise self._refusal("it is not a list with something in it")
        accounts: list[Account] = []
        for number, each in enumerate(data, start=1):
            if not isinstance(each, dict) or set(each) != set(FIELDS):
                raise self._refusal(f"entry {number} does not have exactly {', '.join(FIELDS)}")
            if not all(isinstance(each[name], str) and each[name] for name in FIELDS):
                raise self._refusal(f"entry {number} has a field that is empty or not text")
            if each["username"] in {account.username for account in accounts}:
                raise self._refusal(f"entry {number} has a username that came before")
            password = Secret.of(each["password"])
            accounts.append(Account(each["username"], password, each["role"]))
        return accounts

    def _refusal(self, why: str) -> ClientError:
        name = f"`{self.source.reference}`" if self.source.reference else "their source"
        return ClientError(
            f"the accounts of {name} could not be read",
            why,
            f'write [{{"username": …, "password": …, "role": …}}] into {name}',
        )


def login(base_url: str, path: str, account: Account, patience: Patience = ONCE) -> Secret:
    """Log an account in and return its token.

    Args:
        base_url: Public base URL of the application.
        path: ``LEGACY_LOGIN`` or ``DJANGO_LOGIN``.
        account: Who logs in.
        patience: Ask once unless told otherwise.

    Raises:
        ClientError: refused, unreachable, without a token, or with another role.
    """
    http = Http(base_url, patience=patience)
    what = f"account `{account.username}` could not log in at {http.host}{path}"
    password = account.password.reveal()
    answer = http.post(path, body={"username": account.username, "password": password})
    if answer.status == UNAUTHORIZED:
        why = "the application answered 401: the password does not match the stored hash"
        fix = "correct the password among the accounts, or compare the stored hashes"
        raise ClientError(what, why, fix)
    if answer.status != OK:
        raise http.refusal(answer, what, hide=(password,))
    body = answer.json()
    fields = body if isinstance(body, dict) else {}
    token = next((fields[name] for name in TOKEN_FIELDS if fields.get(name)), None)
    if not isinstance(token, str):
        raise ClientError(
            what, "the answer holds no token", f"see which application answers at {http.host}"
        )
    user = fields.get("user")
    role = user.get("role") if isinstance(user, dict) else None
    if role != account.role:
        raise ClientError(
            what,
            f"it has the role `{role}` there, and `{account.role}` is expected",
            "correct the role among the accounts, or compare the users tables",
        )
    return Secret.of(token)
