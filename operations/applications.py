"""The application as the gates meet it: described by a profile, entered as known accounts."""

from handrail.clients.accounts import Account, Accounts
from handrail.clients.app import Application, Profile
from handrail.clients.app.profile import Absent
from handrail.clients.app.seen import Seen
from handrail.clients.http import Http
from handrail.engine import Finding, fails, holds

OK = 200


def application(url: str, profile: Profile, system: str) -> Application:
    """Return a system of the profile at an address."""
    return Application(url, profile.system(system))


def signed_in(app: Application, canaries: Accounts) -> tuple[Http, Account]:
    """Return a client that carries an administrator's token, and who that is."""
    account = canaries.administrator()
    return app.as_account(account), account


def none_there(entry: Absent, what: str) -> Finding:
    """Return the answer of a gate whose subject the application does not have."""
    return holds(f"the profile says that there is no {what}: {entry.absent}", absent=what)


def finding(seen: Seen) -> Finding:
    """Return what a gate answers that only looks whether the application is as its profile says."""
    return fails(seen.wrong, seen.fix) if seen.wrong else holds(seen.note, **seen.facts)
