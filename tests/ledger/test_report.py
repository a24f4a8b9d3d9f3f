"""The report of a run: one structure as page, JSON and Markdown; what its first screen tells."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.cli.report import gathered
from handrail.ledger.entry import Event
from handrail.ledger.report import html, markdown
from handrail.ledger.report.figures import Series
from handrail.ledger.report.plots import HIGH, POINTS, WIDE, plot
from handrail.ledger.report.schema import schema_text
from handrail.ledger.report.timeline import Axis, timeline
from handrail.ledger.seam import Fact
from handrail.ledger.views.times import Expected
from tests.ledger.script import CANARY, PLAN, Script, cutover, proven, standing
from tests.ledger.test_command import Page, runbook

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
FREEZE = {
    "stake": "the database refuses writes", "felt": "users read, and cannot write", "until": "2.2",
}  # fmt: skip
COUNTS = [
    {"table": "cadets", "before": 24, "kept_out": 1, "expected": 23, "after": 23, "equal": True}
]
ASIDE = [{"table": "cadets", "reason": "`day` is NULL | or not", "rows": 1, "keys": ["4"]}]


def night(path):
    """Write a night on which writes stopped, a gate was void, and somebody decided otherwise."""
    script = Script(path)
    script.start("cutover-1", reason="the board said so")
    script.act("1.1")
    body = {"arguments": {}, "before": None, "digest": "d"}
    script.say(Event.STEP_STARTED, "2.1", **body, **FREEZE)
    commands = [{"command": "call bind", "good": True, "took_ms": 200}]
    script.say(Event.STEP_CHANGED, "2.1", digest="d", facts={}, commands=commands)
    script.gate("3.1", counts=COUNTS, kept_out=ASIDE, adjusted=[])
    script.say(Event.STEP_STARTED, "2.1", consent="drift=2.1:redo", reason="it was moved",
               **body, **FREEZE)  # fmt: skip
    script.say(Event.STEP_CHANGED, "2.1", digest="d", facts={})
    script.act("2.2")
    script.say(Event.GATE_OPENED, "3.1", digest="g")
    for figure in (1, 3, 2):
        script.say(Event.GATE_SAMPLED, "3.1", sample={"errors": figure, "source": "Render"})
    script.say(
        Event.GATE_PASSED, "3.1", digest="g",
        facts={"counts": COUNTS, "kept_out": ASIDE, "adjusted": []},
    )  # fmt: skip
    approved = Fact(Event.APPROVAL_GIVEN, "cutover-1", 1, "bea", "3.1", "monitor.soak",
                    reason="looked", body={"role": "board", "plan": "p"})  # fmt: skip
    script.ledger.append_beside([approved])
    script.end("proven")
    return script


def report_of(path, run="cutover-1"):
    """Return the report of a ledger's run."""
    return gathered(str(path), run)[2]()


def read(page):
    """Return what can be read of a page."""
    found = Page()
    found.feed(page)
    assert found.open == []
    return " ".join(found.text.split())


def test_the_published_schema_is_that_of_the_report():
    """`handrail report --schema > docs/report.schema.json` brings it up to date."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("story", [night, cutover, standing, proven])
def test_the_json_of_every_run_is_of_the_published_schema(tmp_path, story):
    """Every field is there, told by the schema, and of its type."""
    story(tmp_path / "lab.sqlite")
    status, said, _ = runbook("report", "cutover-1", "--json", "--ledger", tmp_path / "lab.sqlite",
                              where=tmp_path)  # fmt: skip

    found = json.loads(said)
    jsonschema.validate(found, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert status == 0
    assert [each["task"] for each in found["tasks"]] == [task for task, *_ in PLAN]
    assert found["verification"]["good"]


def test_the_first_screen_tells_outcome_freeze_outage_and_what_was_overridden(tmp_path):
    """Before any task: by whom, and in which words."""
    path = tmp_path / "lab.sqlite"
    night(path)
    report = report_of(path)

    first = read(html.render(report)).partition("Planned and actual")[0]
    for told in (
        "proven", "4 of 4 tasks done", "Freeze", "the database refuses writes", "Users' outage",
        "users read, and cannot write", "Overridden 1 by ada", "drift=2.1:redo", "it was moved",
    ):  # fmt: skip
        assert told in first
    assert report.summary.freeze_seconds == report.summary.outage_seconds > 0


def test_a_report_tells_what_was_void_counted_kept_out_seen_approved_and_carried_out(tmp_path):
    """In each of its forms."""
    path = tmp_path / "lab.sqlite"
    night(path)
    report = report_of(path)

    assert [(each.task, each.what, each.because) for each in report.again] == [
        ("2.1", "done again", []),
        ("3.1", "asked again", ["2.1 on repository", "2.2 on production"]),
    ]  # fmt: skip
    assert [(each.table, each.before, each.kept_out, each.after) for each in report.counts] == [
        ("cadets", 24, 1, 23)
    ]
    assert [(each.reason, each.keys) for each in report.kept_out] == [(ASIDE[0]["reason"], ["4"])]
    assert [(each.figure, each.values) for each in report.series] == [("errors", [1, 3, 2])]
    assert [(each.by, each.what, each.reason) for each in report.people] == [
        ("bea", "approval given, as board", "looked")
    ]
    assert report.tasks[1].commands[0].command == "call bind"
    report.tasks[1] = replace(report.tasks[1], owner="DBA on call")
    page, ticket = read(html.render(report)), "\n".join(markdown.render(report))
    for told in ("asked again", "cadets", "approval given, as board", "DBA on call"):
        assert told in page
        assert told in ticket
    assert "lowest 1, highest 3, last 2" in page
    assert "call bind (0.2 s)" in page


def test_requirements_are_traced_and_proven_only_by_what_is(tmp_path):
    """In the order of their numbers; one whose task is not done is not."""
    script = Script(tmp_path / "lab.sqlite")
    script.start("cutover-1")
    asked = {"1.1": ["1.10", "1.9"], "2.2": ["1.9"]}
    texts = {"1.9": "it is built", "1.10": "it is served"}
    script.end("stopped")
    script.attempt = 2
    script.token = script.ledger.take_lease(script.ledger.lease().owner).token
    script.say(
        Event.ATTEMPT_STARTED, declared=[list(call) for call in PLAN], requirements=asked,
        asked_for=texts,
    )  # fmt: skip
    script.act("1.1")
    script.end("stopped")

    report = report_of(script.path)

    assert [(each.id, each.tasks, each.proven) for each in report.requirements] == [
        ("1.9", ["1.1", "2.2"], False), ("1.10", ["1.1"], True),
    ]  # fmt: skip
    assert "it is served" in read(html.render(report))


def test_what_was_planned_is_what_runs_before_this_one_took(tmp_path):
    """The first run had no plan in seconds; the second has that of the first."""
    script = proven(tmp_path / "lab.sqlite")
    first = report_of(script.path)
    script.start("cutover-2")
    script.act("1.1")
    script.end("stopped")
    second = report_of(script.path, "cutover-2")

    assert {each.expected_seconds for each in first.tasks} == {None}
    assert second.tasks[0].expected_seconds == first.tasks[0].seconds
    assert [lane.name for lane in timeline(second).lanes] == ["Planned", "Took", "production"]
    assert "nothing was planned" in timeline(first).note


def test_a_task_that_was_late_says_by_how_much(tmp_path, monkeypatch):
    """Behind what it took, in each form."""
    path = tmp_path / "lab.sqlite"
    script = proven(path)
    script.start("cutover-2")
    script.act("1.1")
    script.end("stopped")
    monkeypatch.setattr(Expected, "late_seconds", lambda *_: 210.0)

    report = report_of(path, "cutover-2")

    assert report.tasks[0].late_seconds == 210
    for form in (read(html.render(report)), "\n".join(markdown.render(report))):
        assert ", late by 4 min" in form


@pytest.mark.parametrize("story", [night, cutover])
def test_no_form_of_a_report_holds_a_secret(tmp_path, story):
    """Sealed values go by the start of their names."""
    path = tmp_path / "lab.sqlite"
    story(path)
    report = report_of(path)

    ticket = "\n".join(markdown.render(report))
    for told in (html.render(report), ticket, json.dumps(asdict(report))):
        assert CANARY not in told


def test_a_page_has_no_script_and_fetches_nothing(tmp_path):
    """One file that can be mailed; drawings have words for who does not see them."""
    path = tmp_path / "lab.sqlite"
    night(path)
    drawings = []

    class Drawn(HTMLParser):
        def handle_starttag(self, tag, attrs):
            given = dict(attrs)
            assert tag not in {"script", "link", "img", "iframe"}
            drawings.extend([given] if given.get("role") == "img" else [])

    Drawn().feed(html.render(report_of(path)))

    assert len(drawings) == 2
    assert all(each["aria-label"] for each in drawings)


@pytest.mark.parametrize("form", ["text", "html", "json", "markdown"])
def test_each_form_can_be_printed(tmp_path, form):
    """On stdout; the page is the same as in a file."""
    path = tmp_path / "lab.sqlite"
    night(path)

    status, said, _ = runbook("report", "--format", form, "--ledger", path, where=tmp_path)

    assert status == 0
    assert "refuses writes" in said or form == "text"
    if form == "html":
        runbook("report", "--html", "a.html", "--ledger", path, where=tmp_path)
        assert (tmp_path / "a.html").read_text(encoding="utf-8") == said.rstrip("\n")


def test_a_cell_of_a_ticket_ends_no_table_and_begins_no_heading(tmp_path):
    """Whatever a reason holds."""
    path = tmp_path / "lab.sqlite"
    night(path)

    lines = [each for each in markdown.render(report_of(path)) if "day" in each]

    assert lines == [r"| cadets | \`day\` is NULL \| or not | 1 |"]


moments = st.lists(st.floats(0, 1e6), min_size=2, max_size=40, unique=True)


@given(moments)
def test_an_axis_keeps_the_order_of_time_within_its_width(found):
    """However long a stretch is, what came before stands before, and no tick lies outside."""
    axis = Axis(found)

    places = [axis.at(each) for each in sorted(found)]
    assert places == sorted(places)
    assert (places[0], round(places[-1], 6)) == (0, 100)
    assert all(0 <= tick.x <= 100 for tick in axis.ticks())


def test_a_day_of_watching_does_not_hide_the_night():
    """The longest stretch is drawn shorter, and the note says so."""
    night_long = [60.0 * each for each in range(20)]
    axis = Axis([*night_long, night_long[-1] + 86_400])

    assert axis.shortened == [86_400]
    assert axis.at(night_long[-1]) > 70


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=1500))
def test_a_plot_keeps_what_stands_out(values):
    """Of however many looks: the lowest and the highest are on it, and it stays in its drawing."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    at = [(start + timedelta(seconds=each)).isoformat() for each in range(len(values))]

    drawn = plot(Series("11.3", "web", "errors", at, values))

    points = [tuple(map(float, each.split(","))) for each in drawn.points.split()]
    assert len(points) <= POINTS + 2
    assert all(0 <= x <= WIDE and 0 <= y <= HIGH for x, y in points)
    low, high = min(0.0, *values), max(values)
    lowest = HIGH - HIGH * (min(values) - low) / ((high - low) or 1.0)
    assert max(y for _, y in points) == pytest.approx(lowest, abs=0.01)
