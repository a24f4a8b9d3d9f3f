"""`handrail new`: a project that runs at once, and is tested."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.project import Project

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def made(tmp_path):
    """Make a project as the command does."""
    folder = tmp_path / "night"
    done = subprocess.run(
        [PROGRAMS / "handrail", "new", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"cd {folder}" in done.stdout
    return Project(folder, PROGRAMS)


def test_a_new_project_runs_is_killed_resumed_and_rolled_back(made):
    """What it says in its README, typed; SIGKILL in the middle of the first step."""
    plan = made.run("pyinfra", "inventory/local.py", "runbooks/publish.py", "--dry")
    assert plan.returncode == 0
    assert "2 would run, 1 would be asked." in plan.stdout
    assert not (made.folder / "state").exists()

    made.there_and_back()


def test_a_new_project_s_own_tests_pass_and_its_types_hold(made):
    """Its steps are under the laws from the first day."""
    tests = made.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert tests.returncode == 0, tests.stdout
    types = made.run("python", "-m", "mypy", "--cache-dir", "/dev/null")
    assert types.returncode == 0, types.stdout


def test_a_new_project_keeps_what_runs_leave_behind_out_of_git(made):
    """Ledger, vault and evidence are no source."""
    made.run("git", "init", "-q")
    for name in ("state/ledgers/local.sqlite", "state/ledgers/local.sealed/x", "evidence/r/x"):
        path = made.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        assert made.run("git", "check-ignore", name).returncode == 0


def test_a_folder_with_something_in_it_is_refused(made):
    """Nobody's work is written over."""
    again = made.run("handrail", "new", str(made.folder))
    assert again.returncode == 2
    assert "something is there already" in again.stdout


def test_a_project_finds_its_own_steps_from_the_folder_of_another(made, tmp_path):
    """Which may have steps of the same names: the runbook's own project counts."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "__init__.py").write_text('raise SystemExit("another project")\n')
    paths = [str(made.folder / each) for each in ("inventory/local.py", "runbooks/publish.py")]

    plan = Project(tmp_path, PROGRAMS).run("pyinfra", *paths, "--dry")

    assert plan.returncode == 0, plan.stdout
    assert "2 would run, 1 would be asked." in plan.stdout
