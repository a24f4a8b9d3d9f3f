"""Tasks 6.2, 11.2 and 12: a browser on the frontend may use the backend."""

from urllib.parse import urlsplit

from handrail.clients.accounts import Accounts
from handrail.clients.app import Application, Profile
from handrail.clients.app.profile import SignIn
from handrail.clients.http import Http
from handrail.clients.http_answer import Answer
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import OK, application

NO_CONTENT = 204
CREDENTIALS = "authorization"  # a wildcard does not stand for it
ALLOW = "Access-Control-Allow-"


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
    abroad = urlsplit(web_url)[:2] != urlsplit(frontend_url)[:2]  # else no browser asks first
    if abroad and (refusal := preflight(app, door, frontend_url)):
        return fails(refusal)
    answer = app.try_password(account, account.password, headers={"Origin": frontend_url})
    if answer.status not in door.status or (abroad and not lets_in(answer, door, frontend_url)):
        return fails(f"signing in from the frontend is answered {answer.status}")
    return holds()


def preflight(app: Application, door: SignIn, frontend_url: str) -> str:
    """Ask as a browser does before it calls another origin; return what it would not take.

    Source: https://fetch.spec.whatwg.org/#http-cors-protocol
    """
    asked = {"content-type"} | ({door.header.lower()} - {"cookie"})
    asks = {
        "Origin": frontend_url,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ", ".join(sorted(asked)),
    }
    answer = Http(app.base).request("OPTIONS", door.path, headers=asks)
    if answer.status not in (OK, NO_CONTENT) or not lets_in(answer, door, frontend_url):
        return f"the preflight is answered {answer.status}, and allows {allowed(answer)}"
    names = ", ".join(sorted(refused(answer, door, asked)))
    return f"the preflight does not allow the header {names}" if names else ""


def refused(answer: Answer, door: SignIn, asked: set[str]) -> set[str]:
    """Return the headers that a preflight does not allow, of those that were asked for."""
    told = answer.headers.get(f"{ALLOW}Headers", "").split(",")
    named = {each.strip().lower() for each in told}
    if "*" in named and not by_cookie(door):
        return (asked - named) & {CREDENTIALS}
    return asked - named


def lets_in(answer: Answer, door: SignIn, frontend_url: str) -> bool:
    """Tell whether a page of the frontend may read an answer; with a cookie, only by name."""
    if by_cookie(door):
        credentials = answer.headers.get(f"{ALLOW}Credentials", "")
        return credentials == "true" and answer.headers.get(f"{ALLOW}Origin") == frontend_url
    return answer.headers.get(f"{ALLOW}Origin") in (frontend_url, "*")


def allowed(answer: Answer) -> str:
    """Return whom an answer allows, for the end of a sentence."""
    cookies = " with cookies" if answer.headers.get(f"{ALLOW}Credentials") == "true" else ""
    return f"{answer.headers.get(f'{ALLOW}Origin')}{cookies}"


def by_cookie(door: SignIn) -> bool:
    """Tell whether a door's token is carried by a cookie."""
    return door.header.lower() == "cookie"
