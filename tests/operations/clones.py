"""A bare origin and an operator's clone of it, copied from a template made once."""

import atexit
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rehearsal.origin import TEMPLATE, make_origin

IDENTITY = ("-c", "user.name=Person", "-c", "user.email=person@example.test")


def git(directory, *arguments):
    """Run git as a person would, and return what it prints."""
    command = ["git", *IDENTITY, *map(str, arguments)]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


@cache
def template(write=None):
    """Return a folder with `origin.git` and `clone`: of the app, or of what `write` writes."""
    directory = Path(tempfile.mkdtemp(prefix="operations-clones-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    source = TEMPLATE
    if write is not None:
        source = directory / "source"
        write(source)
    make_origin(directory / "origin.git", directory / "clone", source)
    return directory


class Clone:
    """An origin and a clone of it, side by side in a folder."""

    def __init__(self, directory, write=None):
        """Copy the template."""
        self.directory = directory
        self.origin = shutil.copytree(template(write) / "origin.git", directory / "origin.git")
        self.path = shutil.copytree(template(write) / "clone", directory / "clone")
        config = self.path / ".git/config"
        there = str(template(write) / "origin.git")
        config.write_text(config.read_text().replace(there, str(self.origin)))
        git(self.path, "update-index", "-q", "--refresh")

    @property
    def inventory(self):
        """What an inventory says of the clone."""
        return {"path": str(self.path), "remote": "origin", "branch": "main"}

    def look(self):
        """Return what the branches of the origin hold, and what the clone holds beside a commit."""
        listed = git(
            self.origin, "for-each-ref", "--format=%(refname) %(tree) %(objectname)", "refs/heads"
        )
        trees = {name: tree for name, tree, _ in (row.split() for row in listed.splitlines())}
        branches = git(self.path, "for-each-ref", "--format=%(refname)", "refs/heads")
        status = git(self.path, "status", "--porcelain")
        return {"trees": trees, "branches": branches, "changed": status}

    def refs(self):
        """Return every commit that a branch of the origin or of the clone points to."""
        return [git(each, "for-each-ref", "refs/heads") for each in (self.origin, self.path)]

    def read(self, path):
        """Return a file of the origin's branch, or None."""
        if not git(self.origin, "ls-tree", "main", path):
            return None
        command = ["git", "cat-file", "blob", f"main:{path}"]
        done = subprocess.run(command, cwd=self.origin, capture_output=True, check=True)
        return done.stdout.decode()


@contextmanager
def cloned(write=None):
    """Make an origin and a clone for the length of a `with` block."""
    with tempfile.TemporaryDirectory(prefix="operations-clone-") as directory:
        yield Clone(Path(directory), write)
