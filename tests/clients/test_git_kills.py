"""A clone whose runbook was killed: whatever was begun is finished by the next call."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.clients.errors import ClientError
from tests.clients.git_world import TASK, git

ROOT = Path(__file__).parents[2]
# Counts its calls; at the chosen one it kills whoever called, before or after doing the work.
# At the chosen command of git it kills whoever called, before or after doing the work.
KILLER = """#!/bin/sh
case " $* " in
  *" $KILL_AT "*)
    if [ "$KILL_WHEN" = after ]; then "$REAL_GIT" "$@"; fi
    kill -9 $PPID
    exit 1 ;;
esac
exec "$REAL_GIT" "$@"
"""
CALL = """
import sys
from handrail.clients.git import Repository
r = Repository.from_inventory({"path": sys.argv[1], "remote": "origin", "branch": "main"})
FILES = {"render.yaml": None, "app/start.sh": "new\\n", "docs/new.md": "x\\n" * 5000}
if sys.argv[2] == "commit":
    r.commit_files(FILES, "app: change", {"Runbook-Task": "1.1"})
else:
    r.revert(sys.argv[2], "app: take back", {"Runbook-Task": "1.1", "Runbook-Rollback": "r1"})
"""
FILES = {"render.yaml": None, "app/start.sh": "new\n", "docs/new.md": "x\n" * 5000}


def killed_at(command, when, directory, what, scratch):
    """Make a call in a process that dies at a command of git."""
    (scratch / "git").write_text(KILLER)
    (scratch / "git").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{scratch}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "REAL_GIT": shutil.which("git"),
        "KILL_AT": command,
        "KILL_WHEN": when,
    }
    ended = subprocess.run(
        [sys.executable, "-c", CALL, str(directory), what],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr.decode()


@pytest.mark.parametrize(
    ("command", "when"),
    [
        ("write-tree", "after"),
        ("commit-tree", "after"),
        ("update-ref", "before"),
        ("update-ref", "after"),
        ("rm", "after"),
        ("checkout", "after"),
        ("push", "before"),
        ("push", "after"),
    ],
)
def test_a_commit_killed_anywhere_is_finished_by_the_next_call(
    repository, origin, tmp_path, command, when
):
    """Ready before the next call, and after it one commit, pushed, in a clean clone."""
    base, clone = repository.head(), repository.path
    killed_at(command, when, clone, "commit", tmp_path)
    repository.refuse_unready()

    sha = repository.commit_files(FILES, "app: change", TASK)

    assert git(origin, "rev-parse", "main") == sha == repository.head()
    assert git(clone, "rev-parse", f"{sha}^") == base
    assert git(clone, "status", "--porcelain") == ""
    assert (clone / "docs/new.md").read_text() == FILES["docs/new.md"]
    assert not (clone / "render.yaml").exists()
    assert not list((clone / ".git").glob("runbook-*"))


@pytest.mark.parametrize(
    ("command", "when"),
    [("worktree", "after"), ("revert", "after"), ("update-ref", "after"), ("push", "before")],
)
def test_a_revert_killed_anywhere_is_finished_by_the_next_call(
    repository, origin, tmp_path, command, when
):
    """The same for taking it back; the scratch tree left behind is taken over."""
    clone = repository.path
    made = repository.commit_files(FILES, "app: change", TASK)
    killed_at(command, when, clone, made, tmp_path)
    repository.refuse_unready()

    sha = repository.revert(made, "app: take back", {**TASK, "Runbook-Rollback": "r1"})

    assert git(origin, "rev-parse", "main") == sha
    assert git(clone, "rev-parse", f"{sha}^") == made
    assert git(clone, "status", "--porcelain") == ""
    assert repository.tree_id(sha) == repository.tree_id(f"{made}^")
    assert len(git(clone, "worktree", "list").splitlines()) == 1
    assert not list((clone / ".git").glob("runbook-*"))


def test_leftovers_that_someone_edited_since_are_not_thrown_away(repository, clone):
    """Killed between branch and work tree, then touched by a person: it is theirs now."""
    sha = repository.commit_files(FILES, "app: change", TASK)
    note = f'{{"base": "{sha}^", "commit": "{sha}", "paths": ["app/start.sh"]}}'
    (clone / ".git/runbook-pending.json").write_text(note)
    (clone / "app/start.sh").write_text("edited since\n")

    for call in (repository.refuse_unready, lambda: repository.commit_files(FILES, "m", TASK)):
        with pytest.raises(ClientError, match=r"uncommitted changes in `app/start\.sh`"):
            call()

    assert (clone / "app/start.sh").read_text() == "edited since\n"


def test_a_half_written_leftover_is_ours(repository, clone):
    """A kill in the middle of writing leaves the beginning of the new text."""
    sha = repository.commit_files(FILES, "app: change", TASK)
    note = f'{{"base": "{sha}^", "commit": "{sha}", "paths": ["docs/new.md"]}}'
    (clone / ".git/runbook-pending.json").write_text(note)
    (clone / "docs/new.md").write_text("x\nx\n")

    repository.refuse_unready()
    assert repository.commit_files(FILES, "app: change", TASK) == sha

    assert (clone / "docs/new.md").read_text() == FILES["docs/new.md"]
