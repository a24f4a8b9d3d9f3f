"""A ledger that a former version of this program wrote goes on: nothing is done twice or forgotten.

`former/` holds what commit 147e0ba~1 left behind when it was killed in a push: its ledger, and the
repository as the push left it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from handrail.testing.lab import ROLLBACK
from tests.operations.clones import git
from tests.operations.desk import run_in

FORMER = Path(__file__).with_name("former")
INVENTORY = """
repository = [("@control/repository", {
    "environment": "old", "ledger": "state/old.sqlite", "facts": {"x": "1"},
    "repository": {"path": "clone", "remote": "origin", "branch": "main"},
    "package_scripts": {"build": "new", "start": "go"}, "package_scripts_to_remove": ["prebuild"],
})]
"""
RUNBOOK = """
from handrail.engine import begin
from operations import bind, files, package_json
here = begin()
bind.gunicorn(
    task="1.1", name="Bind", on="repository", path="rotc_backend/gunicorn.conf.py", workers=4,
    timeout_seconds=120,
)
package_json.put_scripts(
    task="2.2", name="Scripts", on="repository", scripts=here.package_scripts,
    remove=here.package_scripts_to_remove,
)
files.put(task="5.1", name="File", on="repository", files={"client/a.js": "files/a.js"})
files.put(task="5.2", name="Readme", on="repository", files={"README.md": "files/R.md"})
"""
FIRST = "1a8427b"  # the commit before the run


@pytest.fixture
def project(tmp_path):
    """The folder as the former version left it."""
    folder = tmp_path / "project"
    for name in ("inventory", "runbooks", "files", "state"):
        (folder / name).mkdir(parents=True)
    texts = {
        "pyproject.toml": "",
        "inventory/old.py": INVENTORY,
        "runbooks/few.py": RUNBOOK,
        "runbooks/rollback.py": ROLLBACK,
        "files/a.js": "new $x\n",
        "files/R.md": "readme\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    git(folder, "clone", "-q", "--bare", str(FORMER / "origin.bundle"), "origin.git")
    git(folder, "clone", "-q", "origin.git", "clone")
    with closing(sqlite3.connect(folder / "state" / "old.sqlite")) as ledger:
        ledger.executescript((FORMER / "ledger.sql").read_text())
    return folder


def put_back(project):
    """Roll the newest run back."""
    said = ("--data", "run=latest", "--data", "reason=tried")
    return run_in(project, "-y", "inventory/old.py", "runbooks/rollback.py", *said)


def changed(project):
    """Return which files read differently from what they were before the run."""
    return git(project / "origin.git", "diff", "--name-only", FIRST, "main").split()


def test_a_run_that_a_former_version_was_killed_in_is_carried_on_and_put_back(project):
    """What is done stays, the push that got through is adopted, the rest is done; and all back."""
    plan = run_in(project, "inventory/old.py", "runbooks/few.py", "--dry")
    assert plan.code == 0, plan.said
    assert "2 unchanged, 1 would adopt, 1 would run." in plan.said

    ran = run_in(project, "-y", "inventory/old.py", "runbooks/few.py")
    assert ran.code == 0, ran.said
    assert "all 4 steps proven" in ran.said
    assert len(changed(project)) == 4
    assert run_in(project, "-y", "inventory/old.py", "runbooks/few.py").code == 0

    back = put_back(project)
    assert back.code == 0, back.said
    assert changed(project) == []


def test_a_run_that_a_former_version_was_killed_in_is_put_back_at_once(project):
    """The receipt in doubt, too: its push got through."""
    back = put_back(project)
    assert back.code == 0, back.said
    assert "3 of 3 receipts settled" in back.said
    assert changed(project) == []
