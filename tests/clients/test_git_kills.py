"""A runbook killed at any command of git: nothing is left to finish, and the same call does it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.clients.git import Repository
from handrail.clients.git_copy import keep_copies_in
from tests.clients.git_world import TASK, git

ROOT = Path(__file__).parents[2]
# Counts its calls; at the chosen one it kills whoever called, before or after doing the work.
KILLER = """#!/bin/sh
echo "$*" >> "$COUNT"
if [ "$(wc -l < "$COUNT")" -eq "$KILL_AT" ]; then
  if [ "$KILL_WHEN" = after ]; then "$REAL_GIT" "$@"; fi
  kill -9 $PPID
  exit 1
fi
exec "$REAL_GIT" "$@"
"""
CALL = """
import os, sys
from pathlib import Path
from handrail.clients.git import Repository
from handrail.clients.git_copy import keep_copies_in
keep_copies_in(Path(sys.argv[3]))
FILES = {"render.yaml": None, "app/start.sh": "new\\n", "docs/new.md": "x\\n" * 5000}

def act():
    r = Repository.from_inventory({"path": sys.argv[1], "remote": "origin", "branch": "main"})
    if sys.argv[2] == "commit":
        r.commit_files(FILES, "app: change", {"Runbook-Task": "1.1"})
    else:
        r.revert(sys.argv[2], "app: take back", {"Runbook-Task": "1.1", "Runbook-Rollback": "r1"})

# One interpreter for all tries: each is a process of its own, and its end is told.
for line in sys.stdin:
    number, when, count = line.split()
    os.environ |= {"KILL_AT": number, "KILL_WHEN": when, "COUNT": count}
    child = os.fork()
    if child == 0:
        act()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
FILES = {"render.yaml": None, "app/start.sh": "new\n", "docs/new.md": "x\n" * 5000}


class Killed:
    """Makes one call many times, each in a process that dies at another command of git."""

    def __init__(self, clone, what, scratch):
        """Start the process that forks them."""
        self.scratch = scratch
        (scratch / "git").write_text(KILLER)
        (scratch / "git").chmod(0o755)
        environment = os.environ | {
            "PATH": f"{scratch}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "REAL_GIT": shutil.which("git"),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", CALL, str(clone), what, str(scratch / "copies")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def at(self, number, when):
        """Call, killed at a command; return how it ended and the command."""
        count = self.scratch / "count"
        count.unlink(missing_ok=True)
        self.process.stdin.write(f"{number} {when} {count}\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return code, count.read_text().splitlines()[-1]

    def end(self):
        """End the process that forks."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The private copies outlive a killed process, as they do beside a ledger."""
    monkeypatch.setattr("handrail.clients.git_copy._kept", [])
    keep_copies_in(tmp_path / "copies")
    return tmp_path / "copies"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_killed_at_any_command_is_done_by_the_next_call(
    repository, origin, tmp_path, copies, when
):
    """One commit, pushed, on what was there; the clone untouched, nothing left in the copy."""
    base, clone = git(origin, "rev-parse", "main"), repository.path
    killed = Killed(clone, "commit", tmp_path)
    number, code = 0, -9
    while code == -9:
        number += 1
        git(origin, "update-ref", "refs/heads/main", base)
        code, command = killed.at(number, when)
        fresh = Repository.from_inventory(
            {"path": str(clone), "remote": "origin", "branch": "main"}
        )

        sha = fresh.commit_files(FILES, "app: change", TASK)

        assert git(origin, "rev-parse", "main") == sha, command
        assert git(origin, "rev-parse", f"{sha}^") == base, command
        assert git(clone, "status", "--porcelain") == "", command
    killed.end()
    assert code == 0
    assert number > 8
    assert not list(copies.glob("*/scratch-*"))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_revert_killed_at_any_command_is_done_by_the_next_call(
    repository, origin, tmp_path, copies, when
):
    """The same for taking it back."""
    clone = repository.path
    made = repository.commit_files(FILES, "app: change", TASK)
    killed = Killed(clone, made, tmp_path)
    number, code = 0, -9
    while code == -9:
        number += 1
        git(origin, "update-ref", "refs/heads/main", made)
        code, command = killed.at(number, when)

        sha = repository.revert(made, "app: take back", {**TASK, "Runbook-Rollback": "r1"})

        assert git(origin, "rev-parse", "main") == sha, command
        assert git(origin, "rev-parse", f"{sha}^") == made, command
        assert repository.tree_id(sha) == repository.tree_id(git(origin, "rev-parse", f"{made}^"))
    killed.end()
    assert code == 0
    assert number > 8
