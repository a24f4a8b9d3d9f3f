"""What a step publishes of the run's own ledger: the generated document, and it stays as it is."""

import re
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from handrail.cli.document import document as command
from handrail.engine.published import as_published, reads_like
from handrail.testing.lab import ROLLBACK
from tests.operations.clones import cloned
from tests.operations.desk import run_in

INVENTORY = """
repository = [("@control/repository", {
    "environment": "new", "undo_minutes": 15, "facts": {"x": "1", "contacts": "Ana | 0171"},
    "repository": {"path": "PATH", "remote": "origin", "branch": "main"},
})]
"""
RUNBOOK = """
from handrail.engine import begin, hold
from operations import archive, files
begin()
files.put(task="5.1", name="Publish a file", on="repository", files={"client/a.js": "files/a.js"})
hold(label="users-back", name="Users work as before")
archive.branch(
    task="14.1", name="Keep the code", on="repository", branch="archive/server", path="server"
)
files.put(
    task="14.3", name="Publish what was done", on="repository",
    files={"docs/BACK.md": "files/BACK.md", "docs/DONE.md": "files/DONE.md"},
)
files.put(task="15.1", name="Publish the readme", on="repository", files={"R.md": "files/a.js"})
"""
# Takes every push but the one of 14.3.
HOOK = """#!/bin/sh
while read old new name; do
    git log -1 --format=%B "$new" | grep -q "Runbook-Task: 14.3" && exit 1
done
exit 0
"""


@pytest.fixture(name="project")
def _project(tmp_path):
    with cloned() as clone:
        folder = tmp_path / "project"
        texts = {
            "pyproject.toml": "",
            "inventory/new.py": INVENTORY.replace("PATH", str(clone.path)),
            "runbooks/few.py": RUNBOOK,
            "runbooks/rollback.py": ROLLBACK,
            "files/a.js": "new $x\n",
            "files/BACK.md": "# Back\n\n$rollback_document\n",
            "files/DONE.md": "# Done\n\n$completion_document\n",
        }
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        yield folder, clone


def rows(text):
    """Return the first three cells of every row about a task."""
    found = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| "))
    return {tuple(row[:3]) for row in found if re.fullmatch(r"\d+\.\d", row[0])}


def test_a_published_document_is_the_generated_one_and_stays_as_the_ledger_grows(
    project, monkeypatch
):
    """Made of what was on record before its own step; after a failure and when asked again, too."""
    folder, clone = project
    forward = ("-y", "inventory/new.py", "runbooks/few.py")
    plan = run_in(folder, "inventory/new.py", "runbooks/few.py", "--dry", "--data", "diff=1")
    assert plan.code == 0, plan.said
    assert "+| 5.1 | repository | Take back the commit of these files |" in plan.said

    assert "+What stands after task 14.3 is told once the run has begun." in plan.said

    hook = clone.origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    assert run_in(folder, *forward).code == 1
    hook.unlink()
    ran = run_in(folder, *forward)
    assert ran.code == 0, ran.said
    stood = clone.look()
    back, done = (clone.read(f"docs/{name}.md") for name in ("BACK", "DONE"))

    ledger = folder / "state/ledgers/new.sqlite"
    with closing(sqlite3.connect(ledger)) as db:
        begun = "SELECT min(seq), prev FROM entries WHERE task = '14.3' AND event = 'step.started'"
        seq, head = db.execute(begun).fetchone()
    for text in (back, done):
        assert f"up to entry {seq - 1}. Its head is `{head}`" in text
    monkeypatch.chdir(folder)
    told = {kind: CliRunner().invoke(command, [kind, "--ledger", str(ledger)]).output
            for kind in ("rollback", "completion")}  # fmt: skip
    assert rows(back) == rows(told["rollback"])
    assert rows(done) == {row for row in rows(told["completion"]) if row[0] in ("5.1", "14.1")}
    assert "| 14.1 | branch archive/server |" in done
    assert "Not begun when this was made: 14.3, 15.1." in done
    assert "once the run has begun" not in back + done
    for wanted in ("- Ana \\| 0171", "| a way back may take, in minutes | 15 |", "to=users-back"):
        assert wanted in back

    again = run_in(folder, *forward)
    assert again.code == 0, again.said
    assert clone.look() == stood
    undone = run_in(folder, "-y", "inventory/new.py", "runbooks/rollback.py",
                 "--data", "run=latest", "--data", "reason=tried")  # fmt: skip
    assert undone.code == 0, undone.said
    assert (clone.read("docs/BACK.md"), clone.read("docs/DONE.md")) == (None, None)


def test_a_document_reads_like_itself_whatever_its_times_were():
    """And like nothing else."""
    made = "| 5.1 | repository | ⸢⸢about 3 s⸥⸥ |\nA way back takes ⸢⸢4 min⸥⸥.\n"

    assert as_published(made) == "| 5.1 | repository | about 3 s |\nA way back takes 4 min.\n"
    assert reads_like("| 5.1 | repository | not measured |\nA way back takes 9 h.\n", made)
    assert not reads_like("| 5.2 | repository | about 3 s |\nA way back takes 4 min.\n", made)
    assert not reads_like("| 5.1 | repository | about 3 s |\n", made)
