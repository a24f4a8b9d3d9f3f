"""Tasks 4 and 11.1: every part of the application is well."""

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app import health as looked_at
from handrail.clients.app.profile import Absent
from handrail.clients.errors import NoAnswer
from handrail.clients.http import Http
from handrail.clients.patience import ONCE
from handrail.engine import FROM_TARGET, Finding, gate, holds, unknown

from ..applications import application, none_there


@gate(fix="read the logs of the web service on Render, mend, then the same command again")
def health(
    *,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    timeout_seconds: float = 120,
    poll_seconds: float = FROM_TARGET,
) -> Finding:
    """The health check answers that every part is well."""
    del timeout_seconds, poll_seconds  # the engine's: how long and how often to ask
    app = application(web_url, profile, system)
    wanted = app.system.health
    if isinstance(wanted, Absent):
        return none_there(wanted, "health check")
    try:
        http = Http(web_url, patience=ONCE)
        if wanted.signed_in:
            http = app.as_account(canaries.administrator(), ONCE)
        seen = looked_at.seen(http, wanted)
    except NoAnswer as silence:
        return unknown(f"{silence.what}: {silence.why}")
    return unknown(seen.wrong) if seen.wrong else holds(**seen.facts)
