"""The data engine's own command, as a process: what it prints, how it ends, what it never shows."""

import json
import re
from pathlib import Path

import pytest

from handrail.testing.forking import forked
from handrail.testing.lab import COMMAND
from handrail.transfer.sql.compile import open_plan
from tests.transfer.pair import MAPPING

ROOT = Path(__file__).parents[2]


class Command:
    """The command over a pair of databases, whose addresses are in a file and in a variable."""

    def __init__(self, pair, folder):
        """Put the addresses where they are named."""
        self.pair = pair
        self.places = (f"file:{folder / 'source'}", "env:NEW_DATABASE_URL")
        self.env = {"PATH": "/usr/bin:/bin", "NEW_DATABASE_URL": pair.destination}
        (folder / "source").write_text(pair.source)

    def run(self, *arguments, **env):
        """Run it to its end; no secret is in anything it says."""
        command = ["handrail", "mapping", *map(str, arguments)]
        done = forked(COMMAND, command, ROOT, self.env | env, apart=True)
        assert self.pair.server.password not in done.said + done.errors
        assert "Traceback" not in done.errors
        return done


@pytest.fixture(scope="module")
def command(loaded, tmp_path_factory):
    """The command; it writes nothing, so all tests share the pair."""
    return Command(loaded, tmp_path_factory.mktemp("command"))


def refusal(done):
    """Return what, why and next of a refusal; it went to stderr, and the status is 1."""
    assert done.code == 1, done.errors
    assert done.said == ""
    what, _, rest = done.errors.rstrip("\n").partition(".\n    why:  ")
    why, _, following = rest.rpartition("\n    next: ")
    assert what
    assert why
    return what, why, following


def test_a_draft_is_a_mapping_that_the_other_commands_take(command, tmp_path):
    """Printed whole, and accepted as it is."""
    drafted = command.run("draft", *command.places)
    assert drafted.code == 0, drafted.errors
    path = tmp_path / "draft.yaml"
    path.write_text(drafted.said)
    shown = command.run("sql", path, *command.places)
    assert shown.code == 0, shown.errors
    assert "-- cadets -> cadets\n" in shown.said


def test_the_sql_is_that_of_the_plan_without_secret_values(command):
    """Table by table."""
    shown = command.run("sql", MAPPING, *command.places)
    assert shown.code == 0, shown.errors
    plan = open_plan(MAPPING, command.pair.source, command.pair.destination)
    assert shown.said == plan.sql().replace("'!unusable'", "'withheld'") + "\n"


def test_a_good_preflight_prints_counts_findings_and_its_verdict(command):
    """Exit 0; each finding with rows to look at."""
    tried = command.run("preflight", MAPPING, *command.places)
    assert tried.code == 0, tried.errors
    lines = tried.said.splitlines()
    assert lines[0].split()[:3] == ["TABLE", "FROM", "ROWS"]
    rows = command.pair.legacy("select count(*) from cadets")[0][0]
    assert next(line for line in lines if line.startswith("cadets ")).split()[2] == str(rows)
    letters = next(line for line in lines if "excuse_letters." in line and "quarantined" in line)
    assert "rotc.yaml:" in letters
    texts = lines[lines.index("Texts with their rows:") + 1 :]
    years = next(line for line in texts if "cadets.year_level" in line)
    assert re.search(r"`Irregular` \d+", years)
    assert lines[-1].startswith("Good: ")


def test_a_preflight_that_is_not_good_exits_1_and_says_why(command, tmp_path):
    """Rows that nothing declares; for people and for programs."""
    text = MAPPING.read_text()
    assert "    max_quarantined:" in text
    path = tmp_path / "strict.yaml"
    path.write_text("".join(
        line for line in text.splitlines(keepends=True) if "max_quarantined" not in line
    ))  # fmt: skip
    tried = command.run("preflight", path, *command.places)
    asked = command.run("preflight", path, *command.places, "--json")
    assert (tried.code, asked.code) == (1, 1)
    assert "Not good:" in tried.said
    assert tried.said.splitlines()[-1].startswith("Not good: ")
    found = json.loads(asked.said)
    assert found["good"] is False
    assert found["reasons"]
    assert all(reason in tried.said for reason in found["reasons"])
    assert any(each["keys"] for each in found["findings"])


def test_an_address_in_the_command_line_is_refused_with_the_way_out(command):
    """Wherever it stands; nothing of it is repeated."""
    there = "postgresql://u:hunter2@127.0.0.1:1/x"
    for arguments in (
        ("draft", there, command.places[1]),
        ("sql", MAPPING, command.places[0], there),
        (there,),
        ("preflight", MAPPING, *command.places, "host=x password=hunter2"),
    ):
        done = command.run(*arguments)
        what, why, following = refusal(done)
        assert "written out" in what
        assert "process list" in why
        assert "`env:NAME`" in following
        assert "hunter2" not in done.errors


def test_a_reference_that_leads_nowhere_is_refused(command):
    """A variable that is not set, and a word that names no secret."""
    what, why, following = refusal(command.run("draft", "env:NOT_SET", command.places[1]))
    assert "`env:NOT_SET`" in what
    assert "not set" in why
    assert following.startswith("export NOT_SET=")
    assert "names no secret" in refusal(command.run("draft", "legacy", command.places[1]))[1]


def test_a_mapping_that_is_refused_is_told_with_its_lines(command, tmp_path):
    """All of its problems."""
    path = tmp_path / "bad.yaml"
    path.write_text("tables:\n  cadets: {frmo: cadets}\n")
    what, why, following = refusal(command.run("sql", path, *command.places))
    assert "was refused" in what
    assert "bad.yaml:2: unknown key `frmo`" in why
    assert "edit" in following


def test_a_database_that_is_not_there_is_told(command):
    """In a line, with what to do."""
    gone = {"NEW_DATABASE_URL": command.pair.destination + "_gone"}
    what, why, _ = refusal(command.run("sql", MAPPING, *command.places, **gone))
    assert "no session on the destination" in what
    assert "does not exist there" in why


@pytest.mark.parametrize("arguments", [(), ("load",), ("draft",), ("sql", "a", "b", "c", "d")])
def test_a_command_line_that_is_not_understood_exits_2(command, arguments):
    """With what it takes, on stderr."""
    done = command.run(*arguments)
    assert done.code == 2
    assert done.errors.startswith("usage: handrail mapping")
    assert done.said == ""
