"""What the campaigns counted is told at the end of the command."""

import shutil

import pytest
from rehearsal.layout import Layout

from tests.chaos import tally
from tests.e2e.night import ROOT, Night
from tests.team import team_server

__all__ = ["team_server"]
TYPED_IN = ("inventory", "runbooks", "operations", "docs", "pyproject.toml")


@pytest.fixture(autouse=True)
def counted(record_property):
    """Hand on what a campaign counted, to the process that prints it, passed or failed."""
    tally.taken()
    yield
    record_property("chaos", tally.taken())


@pytest.fixture
def round_trip_ms():
    """How far the databases of a night are from its operator."""
    return "10"


@pytest.fixture
def night(tmp_path, round_trip_ms):
    """A world of its own, as found before the cutover."""
    story = Night(Layout(tmp_path / "world"), round_trip_ms=round_trip_ms)
    code, said = story.run(f"python -m rehearsal up --dir {story.layout.directory} --rows 300")
    assert code == 0, said
    yield story
    story.run(f"python -m rehearsal down --dir {story.layout.directory}")


@pytest.fixture(params=["file", "server"])
def kept_night(request, night, tmp_path):
    """The same, its ledger in a file, or on a server of a team and in a checkout of its own."""
    if request.param == "server":
        server = request.getfixturevalue("team_server")
        name = tmp_path.name.replace("-", "_")
        server.create_database(name)
        night.memory, night.root = f"{server.url(name)}#rehearsal", checkout(tmp_path / "checkout")
    return night


def checkout(folder, lease_seconds=60):
    """Make a folder in which commands can be typed as in the project's own; return it."""
    folder.mkdir()
    for name in TYPED_IN:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    with (folder / "inventory" / "group_data" / "rehearsal.py").open("a") as data:
        data.write(f"lease_seconds = {lease_seconds}\n")
    return folder


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
