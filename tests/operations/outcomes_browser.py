"""The gate that lets a real browser use the frontend."""

import pytest
from rehearsal.binaries import find_browser

from handrail.engine.finding import Verdict
from tests.clients.conftest import Reply
from tests.operations.gates import nowhere, outcome

GATE = "smoke.users_work_in_a_browser"
PAGE = "<!doctype html><title>Nothing</title><p>We are moving."


def asked(stage, **more):
    """Ask it of a page that shows nothing but a notice."""
    stage.app.on("GET", "/", Reply(200, PAGE, {"Content-Type": "text/html"}))
    given = {
        "frontend_url": stage.app.url,
        "timeout_seconds": 1,
        "browser": {"program": find_browser()},
    }
    return stage.ask(GATE, **{**stage.stands_at, **given, "system": "legacy", **more})


@outcome(GATE, Verdict.PASS)
def there_is_no_browser(stage):
    """The inventory may say so; the ledger then has it."""
    found = asked(stage, browser={"absent": "a server without one"})
    assert "a server without one" in found.why
    return found


@outcome(GATE, Verdict.FAIL)
def the_page_asks_for_no_login(stage):
    """What a browser shows is not what people need."""
    if find_browser() is None:
        pytest.skip("no Chromium on this machine, or no playwright to drive it")
    return asked(stage)


@outcome(GATE, Verdict.ERROR)
def the_browser_is_not_there(stage):
    """A path that leads nowhere is not a page that is wrong."""
    found = asked(stage, browser={"program": "/nowhere/chromium"})
    assert "there is no such program" in found.why
    return found


@outcome(GATE, Verdict.ERROR)
def nothing_answers_where_the_page_should_be(stage):
    """The browser says why."""
    if find_browser() is None:
        pytest.skip("no Chromium on this machine, or no playwright to drive it")
    return asked(stage, frontend_url=nowhere())
