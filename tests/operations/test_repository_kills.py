"""Killed by SIGKILL between any two commands of git, a step goes on to its proof and back again.

The wrapper that counts and kills stands on PATH before git; the step runs in a process of its own.
"""

import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.operations.clones import git
from tests.operations.test_interrupted import HARNESSES, ONCE, Trial

STEPS = (
    "archive.branch",
    "bind.daphne",
    "bind.gunicorn",
    "blueprint.replace",
    "files.put",
    "package_json.put_scripts",
    "server_dir.delete",
)
KILLER = """#!/bin/sh
echo x >> "$HANDRAIL_COUNT"
if [ "$(wc -l < "$HANDRAIL_COUNT")" -eq "$HANDRAIL_KILL_AT" ]; then
  "$HANDRAIL_GIT" "$@"
  kill -9 $PPID
  exit 1
fi
exec "$HANDRAIL_GIT" "$@"
"""


@pytest.fixture(scope="module")
def killer(tmp_path_factory):
    """A folder with a git that kills, and one where copies are kept over a kill."""
    folder = tmp_path_factory.mktemp("killer")
    (folder / "bin").mkdir()
    (folder / "bin/git").write_text(KILLER)
    (folder / "bin/git").chmod(0o755)
    return folder


def in_a_child(killer, number, act):
    """Act in a process of its own that dies after a command of git; return its exit status."""
    count = killer / "count"
    count.unlink(missing_ok=True)
    variables = {
        "PATH": f"{killer / 'bin'}:{os.environ['PATH']}",
        "HANDRAIL_GIT": shutil.which("git"),
        "HANDRAIL_COUNT": str(count),
        "HANDRAIL_KILL_AT": str(number),
    }
    child = os.fork()
    if child == 0:
        os.environ.update(variables)
        try:
            act()
        except BaseException:  # noqa: BLE001  the parent reads the status
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def cut_everywhere(killer, act):
    """Act again and again, killed one command later each time, until it comes to its end."""
    number, code = 0, -9
    while code == -9:
        number += 1
        code = in_a_child(killer, number, act)
    assert code == 0, f"it failed, killed after command {number}"
    return number


@pytest.mark.parametrize("name", STEPS)
def test_a_step_killed_at_any_command_of_git_goes_on_and_goes_back(killer, monkeypatch, name):
    """One commit or branch in the end, whatever was cut; and then the way back, cut as well."""
    monkeypatch.setattr("handrail.clients.git_copy._kept", [killer / "copies"])

    @ONCE
    @given(data=st.data())
    def tried(data):
        with HARNESSES[name](data) as world:
            trial = Trial(name, world)
            stood, before = world.look(), trial.captured()
            commits = history(trial)

            assert cut_everywhere(killer, trial.run) > 5

            assert trial.ensured().passed
            assert history(trial) in (commits, commits + 1)
            assert world.look() != stood
            assert cut_everywhere(killer, lambda: trial.roll_back(before)) > 2
            assert trial.captured() == before
            assert world.look() == stood

    tried()


def history(trial):
    """Return how many commits the branch has."""
    repository = trial.live["repository"]
    return int(git(repository.copy, "rev-list", "--count", repository.head()))
