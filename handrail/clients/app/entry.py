"""How an application's door answered: the token it gave, or why it let nobody in."""

import re
from datetime import UTC, datetime

from handrail.clients.app.profile import SignIn
from handrail.clients.app.seen import status
from handrail.clients.errors import ClientError
from handrail.clients.http_answer import Answer
from handrail.clients.patience import LIMITED, demanded_wait
from handrail.clients.places import found

UNTOLD_WAIT_SECONDS = 60.0
UNAPPROVED = (
    "see whether the account is approved and not archived; where a wrong password is answered so, "
    "write it into `refused` of that `sign_ins` entry"
)
BROKEN = "read the log of the service at that address, mend what it names, then the same again"
# What to do next, by what was answered; the first that fits counts.
NEXT = (
    (range(300, 400), "write into `path` of that `sign_ins` entry where it leads to"),
    ((404, 405, 410), "correct `path` of that `sign_ins` entry, or the address in the inventory"),
    ((400, 406, 411, 415, 422), "correct `body` or `form` of that `sign_ins` entry in the profile"),
    ((401, 403), UNAPPROVED),
    (range(500, 600), BROKEN),
)


class Limited(ClientError):
    """The application takes no more sign-ins for a while; nothing is known of the account."""


def token_in(door: SignIn, answer: Answer) -> str:
    """Return the token that an answer brings, from where the profile has it; empty where none."""
    match door.token_in:
        case "header":
            token: object = answer.headers.get(door.token)
        case "cookie":
            token = _cookie(answer, door.token)
        case _:
            token = found(answer.json(), door.token)
    return token if isinstance(token, str) else ""


def _cookie(answer: Answer, name: str) -> str | None:
    # Cookies of one answer come as one text: a name stands at its start or after a comma.
    told = re.search(rf"(?:^|,\s*){re.escape(name)}=([^;,]*)", answer.headers.get("Set-Cookie", ""))
    return told[1] if told else None


def refuse_limited(answer: Answer, what: str) -> None:
    """Raise where a door takes nobody for a while: that says nothing of a password.

    Raises:
        Limited: with how long to wait.
    """
    if answer.status != LIMITED:
        return
    seconds = demanded_wait(answer.status, answer.headers, datetime.now(UTC)) or UNTOLD_WAIT_SECONDS
    raise Limited(
        what,
        f"{answer.place} answered {answer.status}: it counts sign-ins, and takes no more for now",
        f"wait {seconds:.0f} s, then the same command again; and write into `pace_seconds` of that "
        "`sign_ins` entry how far apart sign-ins must be (12 for five a minute)",
    )


def not_let_in(door: SignIn, answer: Answer, what: str, said: str) -> ClientError:
    """Return why a door did not let a known account in.

    Args:
        door: The door.
        answer: How it answered.
        what: What was tried; a whole clause.
        said: The text of the answer, if it has any.
    """
    if answer.status in door.refused:
        why = f"the application answered {answer.status}: the password does not match its hash"
        fix = "correct the password among the accounts, or compare the stored hashes"
        return ClientError(what, why, fix)
    why = f"{answer.place} answered {status(answer)}" + (f": {said}" if said else "")
    fix = next_step(answer.status) or "correct `status` of that `sign_ins` entry in the profile"
    return ClientError(what, why, fix)


def next_step(answered: int) -> str:
    """Return what to do where a door answers in a way that nobody expects; empty if unclear."""
    return next((fix for answers, fix in NEXT if answered in answers), "")


def without_token(door: SignIn, answer: Answer, what: str, said: str) -> ClientError:
    """Return what is wrong with an answer that lets somebody in and brings no token."""
    where = {"body": "at"}.get(door.token_in, f"in its {door.token_in}")
    why = f"the answer holds no token {where} `{door.token}`" + (
        f"; it says: {said}" if said else ""
    )
    return ClientError(what, why, f"correct `token` in the profile; see {answer.place}")
