"""Tasks 6.2 and 11.2: people at a browser sign in, see rows, and hear of what happens."""

from handrail.clients.accounts import Accounts
from handrail.clients.app import Profile
from handrail.clients.app.profile import Absent
from handrail.clients.browser import Browser, visit
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds

from ..applications import application, none_there


@gate(
    fix="open the frontend in a browser and sign in as that account; its console and the logs of "
    "the services say more"
)
def users_work_in_a_browser(
    *,
    frontend_url: str = FROM_TARGET,
    web_url: str = FROM_TARGET,
    profile: Profile = FROM_TARGET,
    system: str = FROM_TARGET,
    canaries: Accounts = FROM_TARGET,
    browser: Browser = FROM_TARGET,
    timeout_seconds: float = 30,
) -> Finding:
    """A real browser on the frontend signs in, shows rows and messages, and notices a lost session.

    Args:
        frontend_url: Public address of the frontend.
        web_url: The backend that it uses.
        profile: What the application looks like.
        system: What the profile calls the backend.
        canaries: Accounts whose passwords are known.
        browser: The browser, or why there is none.
        timeout_seconds: Longest wait for each thing on the page.
    """
    app = application(web_url, profile, system)
    screen = app.system.frontend
    if isinstance(screen, Absent):
        return none_there(screen, "frontend")
    if browser.absent:
        why = f"not looked at: the inventory says that there is no browser: {browser.absent}"
        return holds(why, absent="browser")
    account = canaries.administrator()
    seen = visit(browser, frontend_url, app, profile, system, account, timeout_seconds)
    if seen.wrong:
        return fails(seen.wrong)
    return holds(rows=seen.rows, live=seen.live, asked_again=seen.asked_again)
