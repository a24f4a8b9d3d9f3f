"""A bare origin, a clone to work in, and another person's clone; git as a person uses it."""

import os
import shutil
import subprocess

import pytest

from handrail.clients.git import Repository

TASK = {"Runbook-Task": "1.1"}


def git(directory, *arguments):
    """Run git as a person would."""
    identity = ("-c", "user.name=Person", "-c", "user.email=person@example.com")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(directory, path, text, message="person: change a file"):
    """Commit one file as a person would."""
    (directory / path).parent.mkdir(parents=True, exist_ok=True)
    (directory / path).write_text(text)
    git(directory, "add", "--all")
    git(directory, "commit", "-q", "-m", message)
    return git(directory, "rev-parse", "HEAD")


@pytest.fixture
def no_identity(monkeypatch, tmp_path):
    """A machine on which git was never set up."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "absent"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "absent"))
    for variable in list(os.environ):
        if variable.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_")) or variable == "EMAIL":
            monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A bare repository with two commits on main and a clone of it, to be copied."""
    directory = tmp_path_factory.mktemp("template")
    subprocess.run(
        ["git", "init", "-q", "--bare", "-b", "main", "origin.git"], cwd=directory, check=True
    )
    seed = directory / "seed"
    subprocess.run(["git", "init", "-q", "-b", "main", str(seed)], check=True)
    commit(seed, "app/start.sh", "#!/bin/sh\n")
    (seed / "app/start.sh").chmod(0o755)
    commit(seed, "render.yaml", "services: []\n")
    git(seed, "push", "-q", str(directory / "origin.git"), "main")
    git(directory, "clone", "-q", str(directory / "origin.git"), "clone")
    return directory


@pytest.fixture
def origin(tmp_path, template, no_identity):
    """A bare repository."""
    return shutil.copytree(template / "origin.git", tmp_path / "origin.git")


@pytest.fixture
def clone(tmp_path, template, origin):
    """A clone of it to work in."""
    made = shutil.copytree(template / "clone", tmp_path / "clone")
    config = made / ".git/config"
    config.write_text(config.read_text().replace(str(template / "origin.git"), str(origin)))
    git(made, "update-index", "-q", "--refresh")
    return made


@pytest.fixture
def repository(clone):
    """The client of the clone."""
    return Repository.from_inventory({"path": str(clone), "remote": "origin", "branch": "main"})


@pytest.fixture
def other(tmp_path, origin):
    """Another person's clone."""
    subprocess.run(["git", "clone", "-q", str(origin), str(tmp_path / "other")], check=True)
    return tmp_path / "other"
