"""Somebody at a browser: signs in, sees rows, receives a message, is asked to log in again."""

import secrets
import time
from typing import Any

from playwright.sync_api import Error, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as NeverSeen

from handrail.clients.accounts import Account
from handrail.clients.app import Application
from handrail.clients.app.cause import made
from handrail.clients.app.profile import Absent, Frontend, Live, System
from handrail.clients.browser.sockets import Sockets
from handrail.clients.errors import ClientError
from handrail.clients.http import Http
from handrail.clients.places import filled
from handrail.clients.secret import Secret

LIVE_SECONDS = 3.0  # until a message is made again: the page's socket may not have been open yet
SHOWN = 200  # letters of the login page that a report quotes


class NotSeen(Exception):
    """Something did not appear on the page; the text says what."""


class User:
    """One visit.

    Args:
        given: ``program, url, base, username, password, role, token, me, timeout_seconds``.
        system: What the application looks like.
    """

    def __init__(self, given: dict[str, Any], system: System) -> None:  # Any: JSON
        self.given = given
        self.app = Application(given["base"], system)
        password = Secret.of(given["password"])
        self.account = Account(given["username"], password, given["role"])
        self.timeout_ms = given["timeout_seconds"] * 1000

    def told(self) -> dict[str, Any]:  # Any: as in `Visit`
        """Visit the page, and return what was seen.

        Raises:
            ClientError: the browser could not be driven.
        """
        screen = self.app.system.frontend
        if isinstance(screen, Absent):
            return {"wrong": f"the profile says that there is no frontend: {screen.absent}"}
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=self.given["program"])
                page = browser.new_page()
                page.set_default_timeout(self.timeout_ms)
                return self._seen(page, screen)
        except NotSeen as nothing:
            return {"wrong": str(nothing)}
        except Error as error:
            why = error.message.splitlines()[0]
            what = f"the browser `{self.given['program']}` could not be driven"
            raise ClientError(what, why, f"open {self.given['url']} in a browser by hand") from None

    def _seen(self, page: Page, screen: Frontend) -> dict[str, Any]:  # Any: as in `Visit`
        sockets = Sockets(page)
        self._sign_in(page, screen)
        rows = page.locator(screen.shows).count()
        live = asked_again = None
        if isinstance(screen.live, Live):
            self._receive(page, screen, screen.live, sockets)
            live = True
        if isinstance(screen.stale, dict):
            self._run_out(page, screen, screen.stale)
            asked_again = True
        return {"wrong": "", "rows": rows, "live": live, "asked_again": asked_again}

    def _sign_in(self, page: Page, screen: Frontend) -> None:
        page.goto(self.given["url"] + screen.path)
        self._await(page.locator(screen.password), "the page shows no login", page)
        page.fill(screen.username, self._name())
        page.fill(screen.password, self.account.password.reveal())
        page.click(screen.submit)
        self._await(page.locator(screen.shows), "signing in shows no rows", page)

    def _name(self) -> str:
        """Return what the account's owner types: the name as the profile's login sends it."""
        door = self.app.door(self.account)
        sent = filled(door.body, {"username": self.account.username, "password": ""})
        return next(iter(_texts(sent, self.account.username)), self.account.username)

    def _receive(self, page: Page, screen: Frontend, live: Live, sockets: Sockets) -> None:
        """Make messages until one is on the page: its socket may open later than its rows.

        A page that lost its socket is loaded anew, as its user would.
        """
        http = self.app.carrying(Secret.of(self.given["token"]), self.app.door(self.account))
        deadline = time.monotonic() + self.given["timeout_seconds"]
        while time.monotonic() < deadline:
            if sockets.are_lost:
                page.reload()
                self._await(page.locator(screen.shows), "loaded anew, it shows no rows", page)
            if self._received(page, http, live):
                return
        what = "a message that was made over HTTP does not appear on the page"
        raise NotSeen(f"{what}; {sockets}")

    def _received(self, page: Page, http: Http, live: Live) -> bool:
        word = f"Cutover check {secrets.token_hex(4)}"
        with made(http, live, word, self.given["me"]) as answer:
            if answer.status not in live.status:
                raise NotSeen(f"a message was answered {answer.status} {self.app.message(answer)}")
            found = page.locator(live.shows, has_text=word)
            try:
                found.first.wait_for(timeout=min(LIVE_SECONDS * 1000, self.timeout_ms))
            except NeverSeen:
                return False
            return True

    def _run_out(self, page: Page, screen: Frontend, stale: dict[str, str]) -> None:
        """Let the session run out, and load the page anew."""
        store = "(items) => Object.entries(items).forEach((item) => STORE.setItem(...item))"
        page.evaluate(store.replace("STORE", f"{screen.storage}Storage"), stale)
        page.reload()
        self._await(page.locator(screen.password), "a session that ran out shows no login", page)

    def _await(self, wanted: Locator, otherwise: str, page: Page) -> None:
        try:
            wanted.first.wait_for()
        except NeverSeen:
            said = ""
            if self._asks(page):
                said = f"; it says: {' '.join(page.inner_text('body').split())[:SHOWN]}"
            raise NotSeen(f"{otherwise} within {self.given['timeout_seconds']:g} s{said}") from None

    def _asks(self, page: Page) -> bool:
        """Tell whether the login is there: then what the page says is of nobody."""
        screen = self.app.system.frontend
        return isinstance(screen, Frontend) and page.locator(screen.password).count() > 0


def _texts(data: Any, wanted: str) -> list[str]:  # Any: JSON
    """Return the texts in JSON data that hold another text."""
    if isinstance(data, dict):
        return [text for each in data.values() for text in _texts(each, wanted)]
    if isinstance(data, list):
        return [text for each in data for text in _texts(each, wanted)]
    return [data] if isinstance(data, str) and wanted in data else []
