"""What the gates on files that rows point to say: before the freeze, and after the switch."""

import json

from handrail.engine.finding import Verdict
from tests.clients.conftest import Reply
from tests.operations.gates import outcome
from tests.operations.laws import RUN
from tests.operations.outcomes_data import Pair, gone

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR
FILE = "/files/one.jpg"
# Of the seed's files none answers here: nothing listens at their host.
MANY = {"within_seconds": 60, "timeout_seconds": 2, "workers": 8, "max_dead": 10_000}


class Files(Pair):
    """Both databases; one of the legacy rows points to a file that answers."""

    def __init__(self, stage):
        """Bring the file up."""
        super().__init__(stage)
        stage.app.on("GET", FILE, Reply(200, {}))
        url = stage.app.url + FILE
        where = "id = (select min(id) from cadets)"
        self.tell("legacy", f"update cadets set profile_pic = '{url}' where {where}")

    def ask_files(self, gate="linked.files_answer", bounds=None, *, wanted=True, **more):
        """Ask for the files, within bounds."""
        given = {"directory": str(self.stage.directory), "run": RUN, "ask_for_files": wanted}
        return self.ask(gate, linked_files=MANY | (bounds or {}), **given, **more)


@outcome("linked.files_answer", PASS)
def as_many_are_dead_as_was_declared(stage):
    """The others answer; how each answered stands in a file for later."""
    found = Files(stage).ask_files()
    assert found.facts["files"]["alive"] == 1
    listed = json.loads((stage.directory / RUN / "linked-files.json").read_text())
    assert {"kind": "alive", "status": 200} in [
        {key: each[key] for key in ("kind", "status")} for each in listed
    ]
    return found


@outcome("linked.files_answer", PASS)
def nobody_wants_them_asked_for(stage):
    """The switch of the inventory: no request goes out."""
    found = Files(stage).ask_files(wanted=False)
    assert stage.app.seen == []
    return found


@outcome("linked.files_answer", FAIL)
def more_are_dead_than_was_declared(stage):
    """All of them were called proven once."""
    found = Files(stage).ask_files(bounds={"max_dead": 0})
    assert "do not answer, 0 may not" in found.why
    assert "max" in found.fix or "how many may be dead" in found.fix
    return found


@outcome("linked.files_answer", FAIL)
def the_time_is_over(stage):
    """What was not asked for is no proof."""
    found = Files(stage).ask_files(bounds={"within_seconds": -1})
    assert "were not asked for within" in found.why
    return found


@outcome("linked.files_answer", ERROR)
def the_rows_cannot_be_read(stage):
    """Nobody knows where the files are."""
    return Files(stage).ask_files(source=gone(stage))


@outcome("linked.files_still_answer", PASS)
def what_answered_answers_again(stage):
    """Only that is asked for: what was dead before has not died."""
    files = Files(stage)
    files.load()
    assert files.ask_files().passed
    asked = len(stage.app.seen)
    found = files.ask_files("linked.files_still_answer")
    assert {each.path for each in stage.app.seen[asked:]} == {FILE}
    return found


@outcome("linked.files_still_answer", FAIL)
def a_file_died_since(stage):
    """Whatever the bound on dead ones says: that one was there before."""
    files = Files(stage)
    files.load()
    assert files.ask_files().passed
    stage.app.on("GET", FILE, Reply(404, {}))
    found = files.ask_files("linked.files_still_answer")
    assert f"1 of 1 have died since, as {stage.app.url}{FILE}" in found.why
    return found


@outcome("linked.files_still_answer", FAIL)
def nobody_asked_before(stage):
    """There is nothing to compare with."""
    return Files(stage).ask_files("linked.files_still_answer")


@outcome("linked.files_still_answer", ERROR)
def the_new_rows_cannot_be_read(stage):
    """Nobody knows where they point to now."""
    files = Files(stage)
    assert files.ask_files().passed
    return files.ask_files("linked.files_still_answer", destination=gone(stage))
