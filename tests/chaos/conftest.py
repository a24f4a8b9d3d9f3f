"""What the campaigns counted is told at the end of the command."""

import pytest
from rehearsal.layout import Layout

from tests.chaos import tally
from tests.e2e.night import Night


@pytest.fixture(autouse=True)
def counted(record_property):
    """Hand on what a campaign counted, to the process that prints it, passed or failed."""
    tally.taken()
    yield
    record_property("chaos", tally.taken())


@pytest.fixture
def night(tmp_path):
    """A world of its own, as found before the cutover."""
    story = Night(Layout(tmp_path / "world"))
    code, said = story.run(f"python -m rehearsal up --dir {story.layout.directory} --rows 300")
    assert code == 0, said
    yield story
    story.run(f"python -m rehearsal down --dir {story.layout.directory}")


def pytest_terminal_summary(terminalreporter):
    """Print kills, points, unknowns, duplicates and losses; and what became of each fault."""
    reports = [each for listed in terminalreporter.stats.values() for each in listed]
    found = [
        value
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == "chaos"
    ]
    told = [
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "render"
    ]
    lines = [*tally.table(found), *told]
    if lines:
        terminalreporter.section("chaos")
        for line in lines:
            terminalreporter.write_line(line)
