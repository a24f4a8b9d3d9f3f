"""Tasks 6.1, 9 and 10: users sign in with the passwords they have."""

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile, sign_ins
from handrail.engine import FROM_TARGET, Finding, gate

from ..applications import application, finding


@gate(fix="compare the stored hashes with `handrail show`; nobody may be locked out")
def accounts_sign_in(
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
) -> Finding:
    """Known accounts sign in with their own passwords, and wrong ones are refused."""
    app = application(web_url, profile, system)
    return finding(sign_ins.seen(app, canaries.load()))
