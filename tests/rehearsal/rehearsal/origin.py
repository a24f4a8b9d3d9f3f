"""The app's repository as found: a bare origin with one history, and the operator's clone."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rehearsal.errors import WorldError

TEMPLATE = Path(__file__).parent / "repo"
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "*.pyc", "node_modules", "dist", ".pytest_cache", "staticfiles"
)
# The same commit ids on each machine and day.
FIRST_DATE = "2026-09-01T08:00:00+0000"
AUTHOR = ("ROTC Developers", "developers@example.test")
OPERATOR = ("Rehearsal Operator", "operator@example.test")


def _git(*arguments: str | Path) -> None:
    name, email = AUTHOR
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_AUTHOR_DATE": FIRST_DATE,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": FIRST_DATE,
    }
    try:
        answer = subprocess.run(
            ["git", *map(str, arguments)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise WorldError(
            "the repository was not made", "git is not installed", "install git"
        ) from None
    if answer.returncode != 0:
        raise WorldError(
            "the repository was not made", answer.stderr.strip(), f"run git {arguments[0]} by hand"
        )


def make_origin(origin: Path, clone: Path, template: Path = TEMPLATE) -> None:
    """Make the bare origin from the template, and a clone an operator can commit in.

    Raises:
        WorldError: git is missing or failed.
    """
    with tempfile.TemporaryDirectory(prefix="rehearsal-origin-") as scratch:
        work = Path(scratch) / "work"
        shutil.copytree(template, work, ignore=LEFT_OUT)
        _git("init", "--quiet", "--initial-branch=main", work)
        _git("-C", work, "add", "--all", "--force")
        _git("-C", work, "commit", "--quiet", "--message=Serve the grading system from Node")
        _git("clone", "--quiet", "--bare", work, origin)
    # A clone of a bare repository that is itself a clone keeps no way back to the scratch.
    _git("-C", origin, "remote", "remove", "origin")
    _git("clone", "--quiet", origin, clone)
    for key, value in zip(("user.name", "user.email"), OPERATOR, strict=True):
        _git("-C", clone, "config", key, value)
