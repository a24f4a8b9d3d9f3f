"""Tasks 6.1, 9 and 10: users sign in with the passwords they have."""

import secrets

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.secret import Secret
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import application


@gate(fix="compare the stored hashes with `handrail show`; nobody may be locked out")
def accounts_sign_in(
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
) -> Finding:
    """Known accounts sign in with their own passwords, and wrong ones are refused."""
    app = application(web_url, profile, system)
    accounts = canaries.load()
    for account in accounts:
        app.sign_in(account)
        answer = app.try_password(account, Secret.of(secrets.token_urlsafe(12)))
        if answer.status not in app.door(account).refused:
            return fails(f"a wrong password of `{account.username}` is answered {answer.status}")
    return holds(accounts=len(accounts))
