"""Tasks 6.2, 11.2 and 12: a browser on the frontend may use the backend."""

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.http import Http
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import OK, application

NO_CONTENT = 204


@gate(fix="see the allowed origins of the web service and the frontend's build variables")
def frontend_reaches_backend(
    frontend_url: str = FROM_TARGET,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
) -> Finding:
    """A browser on the frontend may call the backend, and an account signs in from there."""
    app = application(web_url, profile, system)
    account = canaries.administrator()
    door = app.door(account)
    asked = {door.header.lower(), "content-type"}
    origin = {"Origin": frontend_url}
    asks = origin | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ", ".join(sorted(asked)),
    }
    preflight = Http(web_url).request("OPTIONS", door.path, headers=asks)
    allowed = preflight.headers.get("Access-Control-Allow-Origin")
    if preflight.status not in (OK, NO_CONTENT) or allowed not in (frontend_url, "*"):
        return fails(f"the preflight is answered {preflight.status}, and allows {allowed}")
    headers = preflight.headers.get("Access-Control-Allow-Headers", "")
    refused = asked - {each.strip().lower() for each in headers.split(",")}
    if refused:
        return fails(f"the preflight does not allow the header {', '.join(sorted(refused))}")
    answer = app.try_password(account, account.password, headers=origin)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    if answer.status not in door.status or allowed not in (frontend_url, "*"):
        return fails(f"signing in from the frontend is answered {answer.status}")
    return holds()
