"""One running application, spoken to as its profile says."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from handrail.clients.accounts import Account
from handrail.clients.app.entry import not_let_in, refuse_limited, token_in, without_token
from handrail.clients.app.profile import SignIn, System
from handrail.clients.errors import ClientError
from handrail.clients.http import Answer, Http
from handrail.clients.http_answer import MESSAGE_LENGTH
from handrail.clients.masking import masked
from handrail.clients.patience import ONCE, Patience
from handrail.clients.places import filled, found
from handrail.clients.secret import Secret

_turn = threading.Lock()
_last: dict[tuple[str, str], float] = {}  # by host and path, when somebody signed in there


class Application:
    """An application at an address.

    Args:
        base: Its public address, without a trailing slash.
        system: What it looks like.
    """

    def __init__(self, base: str, system: System) -> None:
        self.base = base
        self.system = system

    def door(self, account: Account) -> SignIn:
        """Return the door that an account signs in at.

        Raises:
            ClientError: the profile names none for its role.
        """
        door = self.system.door(account.role)
        if door is None:
            raise ClientError(
                f"account `{account.username}` has no door to sign in at",
                f"no `sign_ins` entry of the profile takes the role `{account.role}`",
                "add the role to `kinds` of one, or leave `kinds` out",
            )
        return door

    def try_password(
        self, account: Account, password: Secret, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a name and a password to the account's door; return whatever is answered."""
        door = self.door(account)
        values = {"username": account.username, "password": password.reveal()}
        body = filled(door.body, values)
        sent: dict[str, Any] = {"form": body} if door.form else {"body": body}
        http = Http(self.base, patience=ONCE)
        self.wait_for_turn(account)
        return http.post(door.path, headers=headers, **sent)

    def wait_for_turn(self, account: Account) -> None:
        """Wait until the account's door may be used again, and take the turn."""
        _wait_for_turn(Http(self.base).host, self.door(account))

    def sign_in(self, account: Account) -> Secret:
        """Sign an account in and return its token.

        Raises:
            Limited: the application takes no more sign-ins for a while.
            ClientError: refused, unreachable, without a token, or with another role.
        """
        door = self.door(account)
        host = Http(self.base).host
        what = f"account `{account.username}` could not sign in at {host}{door.path}"
        answer = self.try_password(account, account.password)
        refuse_limited(answer, what)
        said = self.message(answer)
        if answer.status not in door.status:
            raise not_let_in(door, answer, what, said)
        token = token_in(door, answer)
        if not token:
            raise without_token(door, answer, what, said)
        self._refuse_other_role(account, door, answer, what)
        return Secret.of(token)

    def as_account(self, account: Account, patience: Patience | None = None) -> Http:
        """Return a client that carries an account's token."""
        door = self.door(account)
        return self.carrying(self.sign_in(account), door, patience)

    def carrying(self, token: Secret, door: SignIn, patience: Patience | None = None) -> Http:
        """Return a client that carries a token as the profile says."""
        return Http(self.base, bearer=token, carried=(door.header, door.prefix), patience=patience)

    def me(self, http: Http, account: Account) -> Any:  # Any: a number or a text
        """Return the id of the account that is signed in; nothing where the profile has no `me`.

        Raises:
            ClientError: the answer holds none.
        """
        door = self.door(account)
        return answered(http.get(door.me), door.me_id) if door.me else None

    def message(self, answer: Answer) -> str:
        """Return what an error says, on one line and cut to fit; or an empty text."""
        try:
            body = answer.json()
        except ClientError:
            return ""
        said = (found(body, place) for place in self.system.message_places())
        text = next((each for each in said if isinstance(each, str) and each), "")
        return " ".join(masked(text).split())[:MESSAGE_LENGTH]

    def _refuse_other_role(self, account: Account, door: SignIn, answer: Answer, what: str) -> None:
        if not isinstance(door.role, str):
            return
        role = found(answer.json(), door.role)
        wanted = door.roles.get(account.role, account.role)
        if role != wanted:
            raise ClientError(
                what,
                f"it has the role `{role}` there, and `{wanted}` is expected",
                "correct the role among the accounts or `role` in the profile, or compare the "
                "users tables",
            )


def object_of(answer: Answer) -> dict[str, Any]:  # Any: JSON
    """Return the JSON object that an answer holds.

    Raises:
        ClientError: it holds none: something else answers.
    """
    body = answer.json()
    if not isinstance(body, dict):
        raise ClientError(
            f"the answer of {answer.place} was not understood",
            f"status {answer.status}, and it is not a JSON object",
            "see which application answers there",
        )
    return body


def answered(answer: Answer, place: str) -> Any:  # Any: JSON
    """Return what an answer holds at a place.

    Raises:
        ClientError: it is not there: something else answers.
    """
    value = found(answer.json(), place)
    if value is None:
        raise ClientError(
            f"the answer of {answer.place} was not understood",
            f"status {answer.status}, and nothing at `{place}`",
            "correct that place in the profile, or see which application answers there",
        )
    return value


def _wait_for_turn(host: str, door: SignIn) -> None:
    """Wait until the door may be used again; the application counts sign-ins by address."""
    with _turn:
        last = _last.get((host, door.path))
        now = time.monotonic()
        turn = now if last is None else max(now, last + door.pace_seconds)
        _last[host, door.path] = turn
    time.sleep(max(0.0, turn - now))
