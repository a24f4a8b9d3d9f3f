"""What people see in a real browser: the report and the live page, light and dark, on a phone."""

import shutil
from contextlib import contextmanager

import pytest

from handrail.ledger.report import html
from tests.cli.test_watch import at_work, served
from tests.engine.lab.bench import Bench
from tests.ledger.test_report import night, report_of

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture(name="browser", scope="module")
def _browser():
    """Return a browser; a word where this machine has none."""
    if not CHROMIUM:
        pytest.skip("this machine has no Chromium: nobody looks at the pages")
    driver = pytest.importorskip("playwright.sync_api", reason="`handrail[browser]` is missing")
    with driver.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@contextmanager
def opened(browser, address, scheme, width):
    """Open a page as somebody's screen shows it."""
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    try:
        page.goto(address)
        yield page
    finally:
        page.close()


def faults(page):
    """Return what axe finds, each with its first element."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    found = axe.Axe().run(page, options=RULES).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in found]


def is_too_wide(page):
    """Tell whether one has to push the page sideways."""
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_a_report_is_for_everybody(browser, tmp_path, scheme, width):
    """No fault that axe knows, closed or unfolded, and it fits a phone."""
    night(tmp_path / "lab.sqlite")
    path = tmp_path / "report.html"
    path.write_text(html.render(report_of(tmp_path / "lab.sqlite")), encoding="utf-8")

    with opened(browser, path.as_uri(), scheme, width) as page:
        assert faults(page) == []
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert faults(page) == []
        assert not is_too_wide(page)


def test_the_first_screen_of_a_report_has_outcome_overrides_and_timeline(browser, tmp_path):
    """On a laptop, without a touch."""
    night(tmp_path / "lab.sqlite")
    path = tmp_path / "report.html"
    path.write_text(html.render(report_of(tmp_path / "lab.sqlite")), encoding="utf-8")

    with opened(browser, path.as_uri(), "light", 1280) as page:
        for told in (".tiles", "table >> nth=0", ".timeline"):
            place = page.locator(told).bounding_box()
            assert place["y"] + place["height"] <= 844


def test_tables_are_cards_on_a_phone_and_everything_is_printed(browser, tmp_path):
    """A cell has its column's name beside it; on paper what is folded is there."""
    night(tmp_path / "lab.sqlite")
    path = tmp_path / "report.html"
    path.write_text(html.render(report_of(tmp_path / "lab.sqlite")), encoding="utf-8")

    with opened(browser, path.as_uri(), "light", 390) as page:
        name = "getComputedStyle(document.querySelector('td'), '::before').content"
        assert page.evaluate(name) == '"Who"'
        page.emulate_media(media="print")
        assert page.evaluate(name) == "none"
        assert page.locator("text=call bind").first.is_visible()


def test_a_live_page_is_for_everybody_while_a_run_goes_on(browser, tmp_path):
    """Light and dark, on a phone too; and it follows the run by itself to its end."""
    with Bench(tmp_path / "lab") as lab, at_work(lab), served(lab) as address:
        for scheme, width in LOOKS:
            with opened(browser, address, scheme, width) as page:
                assert page.locator("li.now").inner_text().startswith("1")
                assert faults(page) == []
                assert not is_too_wide(page)
        with opened(browser, address, "dark", 390) as page:
            page.locator("li.now").wait_for()
            lab.put("enough")
            page.locator(".state.good", has_text="changed").wait_for(timeout=30_000)
