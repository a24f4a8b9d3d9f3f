"""The `runbook` command, run as a process: what it prints, and what it exits with."""

import json
import os
import shutil
from html.parser import HTMLParser

import pytest

from handrail.ledger.entry import Event
from handrail.ledger.store import SqliteLedger
from handrail.testing.forking import forked
from handrail.testing.lab import COMMAND
from tests.ledger.script import CANARY, PLAN, Script, cutover, forging, proven, standing

GOOD, NOT_GOOD, USAGE = 0, 1, 2


def runbook(*arguments, where, **environment):
    """Run the command in a directory; returns status, output, errors."""
    inherited = {key: value for key, value in os.environ.items() if key != "LEDGER_URL"}
    command = ["handrail", *map(str, arguments)]
    ran = forked(COMMAND, command, where, inherited | environment, apart=True)
    assert "Traceback" not in ran.errors
    return ran.code, ran.said, ran.errors


@pytest.fixture
def home(tmp_path):
    """A directory with a place for ledgers."""
    (tmp_path / "state" / "ledgers").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def path(home):
    """Where the only ledger of that directory is."""
    return home / "state" / "ledgers" / "lab.sqlite"


def test_runs_lists_every_run(home, path):
    """Each run stands with its outcome, its progress, and what undid it."""
    cutover(path)

    status, output, _ = runbook("runs", where=home)

    lines = [line.split() for line in output.splitlines()]
    assert status == GOOD
    assert [(line[0], line[2], line[-1]) for line in lines[1:]] == [
        ("cutover-1", "rolled_back", "rollback-1"),
        ("rollback-1", "proven", "cutover-1"),
    ]


def test_runs_as_json(home, path):
    """Programs get the same as people."""
    cutover(path)

    status, output, _ = runbook("runs", "--json", where=home)

    found = json.loads(output)
    assert status == GOOD
    assert found["environment"] == "lab"
    assert [run["run"] for run in found["runs"]] == ["cutover-1", "rollback-1"]
    assert found["runs"][0]["undone_by"] == ["rollback-1"]
    assert (found["runs"][1]["done"], found["runs"][1]["total"]) == (3, 3)


def test_status_json_has_the_promised_shape(home, path):
    """Names and order of the fields are a promise to programs."""
    standing(path)

    status, output, _ = runbook("status", "--json", where=home)

    found = json.loads(output)
    assert status == NOT_GOOD
    assert list(found) == ["environment", "run", "runbook", "outcome", "tasks", "next"]
    assert [found[key] for key in list(found)[:4]] == ["lab", "cutover-1", "cutover", "stopped"]
    assert {tuple(task) for task in found["tasks"]} == {
        ("task", "step", "target", "name", "state", "attempts", "started_at", "seconds")
    }
    assert [task["state"] for task in found["tasks"]] == [
        "changed",
        "changed",
        "refused",
        "pending",
    ]
    assert [task["attempts"] for task in found["tasks"]] == [1, 1, 1, 0]
    assert found["next"] == {"task": "2.2", "step": "env.put", "target": "production"}


@pytest.mark.parametrize(
    ("story", "asked", "expected"),
    [
        (proven, [], GOOD),
        (standing, [], NOT_GOOD),
        (cutover, ["cutover-1"], NOT_GOOD),  # rolled back: not every step is proven
        (cutover, ["rollback-1"], GOOD),
        (cutover, [], GOOD),  # the newest is the rollback
        (cutover, ["latest"], GOOD),
    ],
)
def test_status_is_good_only_where_all_is_proven(home, path, story, asked, expected):
    """The exit status is safe to build on."""
    story(path)

    assert runbook("status", *asked, where=home)[0] == expected
    assert runbook("status", "--json", *asked, where=home)[0] == expected


def test_status_tells_what_is_next_and_why(home, path):
    """The line an operator looks for first."""
    standing(path)

    _, output, _ = runbook("status", where=home)

    assert "cutover-1 on lab: stopped, 2 of 4 tasks done." in output
    assert "Next: env.put (2.2) on production." in output
    assert "why: the service does not answer" in output


def test_status_of_a_run_that_is_through_tells_where_its_time_went(home, path):
    """Of each task how much was waiting, and of the run what was work."""
    script = Script(path)
    script.start("cutover-1", plan=PLAN[:1])
    script.act("1.1", waited_seconds=90.0)
    script.end("proven")

    _, output, _ = runbook("status", where=home)

    header, task = output.splitlines()[2:4]
    assert header.split()[-2:] == ["WAITED", "NAME"]
    assert task.endswith(f"1 min 30 s  {PLAN[0][3]}")
    assert "Time: " in output


def test_status_of_a_killed_run_is_open_and_in_doubt(home, path):
    """No end on record is told as such."""
    script = Script(path)
    script.start("cutover-1")
    script.act("1.1", end=None)
    script.ledger.release_lease(script.token)  # who wrote it lives, and is this test

    status, output, _ = runbook("status", where=home)

    assert status == NOT_GOOD
    assert "open, 0 of 4 tasks done" in output
    assert "started, in doubt" in output


def test_show_tells_everything_of_a_run(home, path):
    """Before-values, reasons and takeovers are there; sealed values by their names."""
    cutover(path)

    status, output, _ = runbook("show", "cutover-1", where=home)

    assert status == GOOD
    assert '{"bind": "127.0.0.1"}' in output
    assert "step.adopted by ada" in output
    assert "seen in the log" in output
    assert "lock.taken_over by ada" in output
    assert '{"value": "sealed:' in output
    assert CANARY not in output


def test_show_as_json_keeps_sealed_names_short(home, path):
    """Neither a sealed value nor its whole name is printed."""
    script = cutover(path)

    _, output, _ = runbook("show", "cutover-1", "--json", where=home)

    task = next(task for task in json.loads(output)["tasks"] if task["task"] == "2.2")
    name = script.vault.seal(CANARY)
    assert task["before"] == {"value": f"sealed:{name[:12]}…"}
    assert name not in output


def test_show_takes_control_characters_out(home, path):
    """What was recorded cannot steer the terminal of who reads it."""
    script = Script(path)
    script.start("cutover-1")
    script.say(Event.STEP_REFUSED, "1.1", why="\x1b[2Jgone\nsecond line")

    _, output, _ = runbook("show", "latest", where=home)

    assert "\x1b" not in output
    assert "gone second line" in output


def test_export_prints_whole_entries(home, path):
    """One entry a line, as recorded, in order."""
    entries = cutover(path).ledger.entries()

    status, output, _ = runbook("export", where=home)

    assert status == GOOD
    assert [json.loads(line) for line in output.splitlines()] == [
        json.loads(json.dumps(entry.as_json())) for entry in entries
    ]


def test_export_of_one_run(home, path):
    """Entries of other runs are left out."""
    cutover(path)

    _, output, _ = runbook("export", "rollback-1", where=home)

    assert {json.loads(line)["run"] for line in output.splitlines()} == {"rollback-1"}


def test_verify_prints_the_head_and_its_limits(home, path):
    """What it cannot find is said beside what it found."""
    head = proven(path).ledger.entries()[-1].sha256

    status, output, _ = runbook("verify", where=home)

    assert status == GOOD
    assert "No problem was found." in output
    assert head in output
    assert "cannot show that its newest entries were cut off" in output
    assert runbook("verify", "--head", head, where=home)[0] == GOOD


def test_verify_fails_on_a_forgery(home, path):
    """The status says so, and so does JSON."""
    proven(path)
    with forging(path) as db:
        db.execute("UPDATE entries SET actor = 'mallory' WHERE seq = 3")

    status, output, _ = runbook("verify", where=home)
    as_json = runbook("verify", "--json", where=home)

    assert status == as_json[0] == NOT_GOOD
    assert "entry 3  it was changed" in output
    found = json.loads(as_json[1])
    assert not found["good"]
    assert [problem["seq"] for problem in found["problems"]] == [3]
    assert set(found) == {
        *("good", "ledger", "environment", "entries", "runs", "attempts", "head"),
        *("published", "problems", "warnings", "cannot_detect", "newest", "seals"),
    }


def test_verify_fails_where_the_published_head_is_gone(home, path):
    """A cut tail shows against a head kept elsewhere."""
    head = proven(path).ledger.entries()[-1].sha256
    with forging(path) as db:
        db.execute("DELETE FROM entries WHERE seq > 5")

    assert runbook("verify", where=home)[0] == GOOD
    assert runbook("verify", "--head", head, where=home)[0] == NOT_GOOD


@pytest.mark.parametrize("command", ["runs", "status", "export", "report"])
def test_reading_a_forged_ledger_is_refused(home, path, command):
    """Nothing is told from a ledger that is not to be trusted."""
    proven(path)
    with forging(path) as db:
        db.execute("UPDATE entries SET actor = 'mallory' WHERE seq = 3")

    status, output, errors = runbook(command, where=home)

    assert (status, output) == (NOT_GOOD, "")
    assert [line.split(":")[0].strip() for line in errors.splitlines()[1:]] == ["why", "next"]


@pytest.mark.parametrize(
    "address", ["state/ledgers/lab.sqlite", "sqlite:///state/ledgers/lab.sqlite"]
)
def test_ledger_is_named_by_option_or_variable(home, path, address):
    """A path and an address mean the same, on the line and in the environment."""
    proven(path)
    SqliteLedger.create(path.with_name("other.sqlite"), "other")

    assert runbook("status", "--ledger", address, where=home)[0] == GOOD
    assert runbook("status", where=home, LEDGER_URL=address)[0] == GOOD


def test_choice_of_ledgers_is_not_guessed(home, path):
    """Where there are several, they are named."""
    proven(path)
    SqliteLedger.create(path.with_name("other.sqlite"), "other")

    status, _, errors = runbook("status", where=home)

    assert status == USAGE
    assert "lab.sqlite" in errors
    assert "other.sqlite" in errors


@pytest.mark.parametrize(
    ("arguments", "expected", "told"),
    [
        ([], USAGE, "usage"),
        (["explode"], USAGE, "usage"),
        (["run"], USAGE, "next: pyinfra inventory/prod.py runbooks/cutover.py"),
        (["status"], USAGE, "no ledger was chosen"),
        (["status", "--ledger", "none.sqlite"], NOT_GOOD, "no such file"),
        (["verify", "--ledger", "none.sqlite"], NOT_GOOD, "no such file"),
        (["verify", "--ledger", "none.sqlite", "--head", "abc"], USAGE, "is not a head"),
        (["runs", "--ledger", "postgresql://u:hush@h/d"], NOT_GOOD, "postgresql://"),
    ],
)
def test_misuse_is_told(home, arguments, expected, told):
    """Two for how it was called, one for what was found; in words, and no password in them."""
    status, output, errors = runbook(*arguments, where=home)

    assert (status, output) == (expected, "")
    assert told in errors
    assert "hush" not in errors


def test_unknown_run_is_told_with_the_known_ones(home, path):
    """A slip of the finger is answered with what there is."""
    proven(path)

    status, _, errors = runbook("show", "cutover-2", where=home)

    assert status == USAGE
    assert "`cutover-1`" in errors


def test_ledger_without_a_run_is_told(home, path):
    """An empty ledger is sound, and there is nothing to show."""
    SqliteLedger.create(path, "lab")

    assert runbook("runs", where=home)[:2] == (GOOD, "No run was recorded on lab yet.\n")
    assert runbook("verify", where=home)[0] == GOOD
    assert "no run was recorded yet" in runbook("status", where=home)[2]


def test_reading_changes_nothing(home, path):
    """No command writes to the ledger or beside it."""
    cutover(path)
    before = {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()}

    for command in (["runs"], ["status"], ["show", "latest"], ["verify"], ["export"], ["report"]):
        runbook(*command, where=home)

    assert {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()} == before


class Page(HTMLParser):
    """Reads a page; a tag that is not closed where it should be is an error."""

    def __init__(self):
        """Begin with nothing open."""
        super().__init__()
        self.open = []
        self.seen = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        """Open a tag."""
        self.seen.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "onload"}
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep what can be read."""
        self.text += data


@pytest.mark.parametrize("story", [cutover, standing, proven])
def test_report_tells_every_task_and_no_secret(home, path, story):
    """Both forms name each task of the plan with its step, and hold no sealed value."""
    story(path)

    status, text, _ = runbook("report", "cutover-1", where=home)
    wrote = runbook("report", "cutover-1", "--html", "report.html", where=home)
    html = (home / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)

    assert (status, wrote[0]) == (GOOD, GOOD)
    for told in (text, page.text):
        assert all(part in told for call in PLAN for part in call)
        assert SqliteLedger(path).entries()[-1].sha256 in told
        assert "no problem was found" in told
        assert CANARY not in told
    assert page.open == []
    assert not page.seen & {"script", "link", "img", "iframe"}


def test_report_tells_gates_reasons_and_rollback(home, path):
    """What an auditor asks for: facts of gates, who overrode what and why, what undid it."""
    cutover(path)

    _, text, _ = runbook("report", "cutover-1", where=home)

    text = " ".join(text.split())
    assert "errors 0, requests 1200" in text
    assert "seen in the log" in text
    assert "process 1 of ada is gone" in text
    assert "rollback-1 by ada: proven" in text
    assert "logins <failed>" in text
    assert "What cannot be put back stands: backup.take (1.1)." in text


def test_report_estimates_the_time_to_undo(home, path):
    """Before a rollback, what earlier ones took tells how long it may be."""
    script = cutover(path)
    script.start("cutover-2")
    script.act("2.1", before={"bind": "127.0.0.1"})
    script.end("stopped")

    _, text, _ = runbook("report", where=home)

    told = "1 task would be put back; by what this ledger measured, that takes"
    assert told in " ".join(text.split())


def test_report_that_cannot_be_written_is_told(home, path):
    """A wrong directory is a message, not a traceback."""
    proven(path)

    status, _, errors = runbook("report", "--html", "nowhere/report.html", where=home)

    assert status == NOT_GOOD
    assert "No such file" in errors


def test_a_lost_vault_is_told_by_every_look(home, path):
    """On stderr, and what was asked for is shown all the same."""
    script = Script(path)
    script.start("cutover-1")
    script.ledger.bind_vault(script.vault.fingerprint())
    script.end("stopped")
    shutil.rmtree(script.vault.directory)

    for asked in (["runs", "--json"], ["status", "--json"], ["show", "latest", "--json"]):
        _, output, errors = runbook(*asked, where=home)
        assert "its folder is gone" in errors
        assert json.loads(output)


def test_show_is_not_filled_by_bulk(home, path):
    """What was kept apart is named by its size, and of what is long only the beginning is shown."""
    script = Script(path)
    script.start("cutover-1")
    script.act("1.1", before={"kept": "f" * 64, "size_bytes": 52_428_800}, listing="x" * 100_000)
    script.end("stopped")

    _, output, _ = runbook("show", "latest", where=home)

    assert "52,428,800 bytes, kept in the vault" in output
    assert "100,000 characters" in output
    assert len(output) < 10_000
