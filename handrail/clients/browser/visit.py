"""Let a browser use a frontend, from a process of its own.

What drives the browser waits in its own way, which the caller's gevent would get in the way of; and
a process that hangs can be ended.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from handrail.clients.accounts import Account
from handrail.clients.app import Application, Profile
from handrail.clients.app.profile import Absent
from handrail.clients.browser.browser import Browser
from handrail.clients.errors import ClientError

START_SECONDS = 30  # for the program itself, on a machine that is busy


@dataclass(frozen=True)
class Visit:
    """What somebody at the browser saw.

    Args:
        wrong: What was not as it should be; empty where all was.
        rows: How many rows they saw.
        live: Whether a message arrived on the page; None where the profile has none.
        asked_again: Whether a session that ran out led to the login; None likewise.
    """

    wrong: str
    rows: int = 0
    live: bool | None = None
    asked_again: bool | None = None


def visit(
    browser: Browser,
    url: str,
    app: Application,
    profile: Profile,
    name: str,
    account: Account,
    timeout_seconds: float,
) -> Visit:
    """Sign in on the page, see rows, receive a message, and be asked for the login again.

    Args:
        browser: The browser.
        url: Public address of the frontend.
        app: The backend, which the frontend is expected to use.
        profile: What it looks like.
        name: What the profile calls the system.
        account: Who signs in.
        timeout_seconds: Longest wait for each thing on the page.

    Raises:
        ClientError: there is no such browser, or it could not be driven.
    """
    browser.version()
    screen = app.system.frontend
    token = me = None
    if not isinstance(screen, Absent) and not isinstance(screen.live, Absent):
        signed = app.sign_in(account)
        token, me = signed.reveal(), app.me(app.carrying(signed, app.door(account)), account)
    app.wait_for_turn(account)
    asked = {
        "program": browser.program,
        "url": url,
        "base": app.base,
        "profile": str(profile.path),
        "system": name,
        "username": account.username,
        "password": account.password.reveal(),
        "role": account.role,
        "token": token,
        "me": me,
        "timeout_seconds": timeout_seconds,
    }
    return Visit(**_answer(asked, START_SECONDS + 5 * timeout_seconds))


def _answer(asked: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:  # Any: JSON
    """Return what the other process says; nothing secret stands in its command line."""
    what = f"the browser `{asked['program']}` could not be driven"
    fix = "open the frontend in a browser by hand, and see what is different"
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "handrail.clients.browser"],
            input=json.dumps(asked), capture_output=True, text=True,
            timeout=timeout_seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        why = f"it had not come to an end after {timeout_seconds:g} s"
        raise ClientError(what, why, fix) from None
    try:
        told: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ClientError(what, last, fix) from None
    if "what" in told:
        raise ClientError(told["what"], told["why"], told["fix"])
    return told
