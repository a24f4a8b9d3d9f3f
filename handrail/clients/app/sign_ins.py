"""Whether people get in with their own passwords, and with no other."""

import secrets
from collections.abc import Sequence

from handrail.clients.accounts import Account
from handrail.clients.app.application import Application
from handrail.clients.app.entry import Limited, next_step, refuse_limited, token_in
from handrail.clients.app.profile import SignIn
from handrail.clients.app.seen import Seen, shape, status
from handrail.clients.errors import ClientError, NoAnswer
from handrail.clients.secret import Secret
from handrail.naming import ticked


def seen(app: Application, accounts: Sequence[Account]) -> Seen:
    """Sign each account in, and try a wrong password of each.

    Raises:
        NoAnswer: nothing answers.
        Limited: the application takes no more sign-ins for a while.
        ClientError: the profile has no door for an account.
    """
    for account in accounts:
        app.door(account)
        try:
            app.sign_in(account)
        except (NoAnswer, Limited):
            raise
        except ClientError as error:  # it answered, and did not let a known account in
            return Seen(f"{error.what}: {error.why}", fix=error.fix)
        if taken := _takes_any(app, account):
            return taken
    return Seen(facts={"accounts": len(accounts)})


def _takes_any(app: Application, account: Account) -> Seen | None:
    """Try a wrong password; return what is wrong where it is not refused.

    Raises:
        Limited: the application takes no more sign-ins for a while.
    """
    door = app.door(account)
    answer = app.try_password(account, Secret.of(secrets.token_urlsafe(12)))
    what = f"a wrong password of `{account.username}`"
    refuse_limited(answer, f"{what} could not be tried")
    if answer.status not in door.refused:
        fix = next_step(answer.status) or "write how it is answered into `refused` of that entry"
        return Seen(f"{what} is answered {status(answer)}", fix=fix)
    if answer.status in door.status and token_in(door, answer):
        fix = "nobody may switch to this: see how the application compares passwords"
        return Seen(f"{what} is let in", fix=fix)
    return None


def errors(app: Application, account: Account, places: Sequence[str]) -> Seen:
    """Look whether an error says what is wrong where the profile has it."""
    answer = app.try_password(account, Secret.of(secrets.token_urlsafe(12)))
    if app.message(answer):
        return Seen(note=f"a wrong password is answered {answer.status} with a sentence")
    return Seen(f"a wrong password is answered {shape(answer)}, with no text at {ticked(places)}")


def unused(app: Application, accounts: Sequence[Account]) -> list[SignIn]:
    """Return the doors that none of the accounts signs in at."""
    used = [app.door(account) for account in accounts]
    return [door for door in app.system.sign_ins if door not in used]
